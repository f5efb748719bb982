// The TLS contexts of listeners and pools: made from files for every version of the configuration, closed with it.
// Owns which certificates make up one identity. Leaves reading them to config/, and their use to the engine.

import { type CertificatePair, readAuthorities, readPair } from '../config/certificates.js';
import type { BackendTlsConfig, Config, ListenerConfig } from '../config/config.js';
import { closeTlsContext, openTlsClientContext, openTlsContext, type TlsIdentity } from '../engine/tls.js';

/** What clients may agree on after the handshake, by ALPN. */
const PROTOCOLS = ['http/1.1', 'http/1.0'];

/** Contexts of one configuration. */
export interface TlsContexts {
  /** By the address of the listener. */
  readonly listeners: ReadonlyMap<string, number>;
  /** By the name of the pool. */
  readonly pools: ReadonlyMap<string, number>;
}

/**
 * Opens a context for every listener and every pool with TLS. Throws CertificateError, or an Error that names which; none
 * is left open then.
 */
export function openTlsContexts({ listeners, pools }: Config): TlsContexts {
  const contexts = { listeners: new Map<string, number>(), pools: new Map<string, number>() };
  try {
    for (const { address, tls } of listeners) {
      if (tls !== undefined) contexts.listeners.set(address, openServer(address, tls));
    }
    for (const { name, tls } of Object.values(pools)) {
      if (tls !== undefined) contexts.pools.set(name, openClient(name, tls));
    }
  } catch (error) {
    closeTlsContexts(contexts);
    throw error;
  }
  return contexts;
}

export function closeTlsContexts({ listeners, pools }: TlsContexts): void {
  for (const tls of [...listeners.values(), ...pools.values()]) closeTlsContext(tls);
}

function openServer(address: string, tls: NonNullable<ListenerConfig['tls']>): number {
  const pairs = tls.certificates.map(({ cert, key }) => readPair(cert, key));
  try {
    return openTlsContext({
      identities: identitiesOf(pairs),
      versionMin: tls.minVersion,
      ciphers: tls.ciphers,
      protocols: PROTOCOLS,
      scope: address,
      clients:
        tls.clientCertificates === undefined
          ? null
          : {
              required: tls.clientCertificates.mode === 'required',
              authorities: readAuthorities(tls.clientCertificates.ca),
            },
    });
  } catch (error) {
    throw new Error(`cannot set up TLS on ${address}: ${(error as Error).message}`);
  } finally {
    forget(pairs);
  }
}

function openClient(pool: string, tls: BackendTlsConfig): number {
  const pair = tls.certificate === undefined ? null : readPair(tls.certificate.cert, tls.certificate.key);
  try {
    return openTlsClientContext({
      serverName: tls.serverName,
      verify: tls.verify,
      authorities: tls.ca === undefined ? new Uint8Array(0) : readAuthorities(tls.ca),
      certificate: pair,
      versionMin: tls.minVersion,
      protocols: PROTOCOLS.slice(0, 1),
    });
  } catch (error) {
    throw new Error(`cannot set up TLS for pool ${pool}: ${(error as Error).message}`);
  } finally {
    if (pair !== null) forget([pair]);
  }
}

/** OpenSSL has the keys now. What is left of them here would only wait to be swapped out or dumped. */
function forget(pairs: readonly CertificatePair[]): void {
  for (const { key } of pairs) key.fill(0);
}

/**
 * One identity for every set of certificates that share names: for each name, the first certificate of each key type
 * that has it. The first identity has the first certificate.
 */
export function identitiesOf(pairs: readonly CertificatePair[]): TlsIdentity[] {
  const identities = new Map<string, { certificates: CertificatePair[]; names: string[] }>();
  const identityWith = (certificates: CertificatePair[]): { names: string[] } => {
    const key = certificates.map((pair) => pairs.indexOf(pair)).join(' ');
    const known = identities.get(key);
    if (known !== undefined) return known;
    const identity = { certificates, names: [] };
    identities.set(key, identity);
    return identity;
  };
  const first = pairs[0];
  if (first === undefined) return [];
  if (first.names.length === 0) identityWith([first]);
  for (const name of new Set(pairs.flatMap(({ names }) => names))) {
    const having = pairs.filter(({ names }) => names.includes(name));
    const types = new Set(having.map(({ keyType }) => keyType));
    identityWith([...types].map((type) => having.find(({ keyType }) => keyType === type)!)).names.push(name);
  }
  return [...identities.values()];
}
