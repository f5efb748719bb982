// The TLS contexts behind the listeners: made from files for every version of the configuration, closed with it.
// Owns which certificates make up one identity. Leaves reading them to config/, and their use to the engine.

import { type CertificatePair, readPair } from '../config/certificates.js';
import type { ListenerConfig } from '../config/config.js';
import { closeTlsContext, openTlsContext, type TlsIdentity } from '../engine/tls.js';

/** What clients may agree on after the handshake, by ALPN. */
const PROTOCOLS = ['http/1.1', 'http/1.0'];

/** Contexts of one configuration, by the address of their listener. */
export type TlsContexts = ReadonlyMap<string, number>;

/**
 * Opens a context for every listener with TLS. Throws CertificateError, or an Error that names the listener; none is
 * left open then.
 */
export function openTlsContexts(listeners: readonly ListenerConfig[]): TlsContexts {
  const contexts = new Map<string, number>();
  try {
    for (const { address, tls } of listeners) {
      if (tls === undefined) continue;
      const pairs = tls.certificates.map(({ cert, key }) => readPair(cert, key));
      try {
        contexts.set(
          address,
          openTlsContext({
            identities: identitiesOf(pairs),
            versionMin: tls.minVersion,
            ciphers: tls.ciphers,
            protocols: PROTOCOLS,
            scope: address,
          }),
        );
      } catch (error) {
        throw new Error(`cannot set up TLS on ${address}: ${(error as Error).message}`);
      } finally {
        // OpenSSL has the keys now. What is left of them here would only wait to be swapped out or dumped.
        for (const { key } of pairs) key.fill(0);
      }
    }
  } catch (error) {
    closeTlsContexts(contexts);
    throw error;
  }
  return contexts;
}

export function closeTlsContexts(contexts: TlsContexts): void {
  for (const tls of contexts.values()) closeTlsContext(tls);
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
