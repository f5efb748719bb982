// The TLS contexts of listeners and pools: made from files, kept over reloads that change nothing of them, made anew when
// their files change.
// Owns which files and certificates make up one context. Leaves reading them to config/, when they changed to
// tls-watch.ts, and their use to the engine.

import {
  CertificateError,
  type CertificatePair,
  type CertificateWarning,
  readAuthorities,
  readPair,
} from '../config/certificates.js';
import {
  type BackendTlsConfig,
  type CertificateFiles,
  type Config,
  isRaw,
  type ListenerConfig,
} from '../config/config.js';
import { readStaple, type Staple } from '../config/ocsp.js';
import {
  closeTlsContext,
  openTlsBackendContext,
  openTlsContext,
  replaceTlsContext,
  type TlsIdentity,
} from '../engine/tls.js';
import type { EventOf } from '../observe/events.js';
import { type ContextFiles, stampOf } from './tls-watch.js';

/** What clients may agree on after the handshake, by ALPN, where requests are read. */
const PROTOCOLS = ['http/1.1', 'http/1.0'];
const WITH_HTTP2 = ['h2', ...PROTOCOLS];

/** Takes what is to be said about files that can be used, but should be looked at. */
type Warn = (warning: CertificateWarning) => void;

/** One context, and the files it was made from. */
export interface TlsUse extends ContextFiles {
  /** All that it was made from beside the contents of files. */
  readonly settings: string;
  /** Who uses it, for messages: `Listener 0.0.0.0:8443`, `Pool api`. */
  readonly name: string;
  readonly context: number;
  /** Makes a context of the files as they are now. Throws an Error that says what is wrong with which. */
  open(warn: Warn): Opened;
  /** What it staples: `takeEnded()` takes out what has ended. */
  stapled: readonly Stapled[];
  /** Which certificates are in use. */
  shown: readonly Shown[];
  /** The names of each identity of a listener. */
  identities: Identities;
}

/** An OCSP response and the certificate it is for, by their files, and when it ends: milliseconds since 1970. */
interface Stapled {
  readonly ocsp: string;
  readonly cert: string;
  readonly until: number;
}

/** A certificate that clients are shown: its file, what was in it, and when it ends, in milliseconds since 1970. */
interface Shown {
  readonly cert: string;
  readonly chain: string;
  readonly until: number;
}

/** The names of each identity of a listener, the one first that stands for all other names. */
type Identities = readonly (readonly string[])[];

interface Opened {
  readonly context: number;
  readonly identities: Identities;
  readonly stapled: readonly Stapled[];
  readonly shown: readonly Shown[];
  /** What is wrong with OCSP responses that were left out. */
  readonly unstapled: readonly CertificateWarning[];
}

/** Contexts of one configuration. */
export interface TlsContexts {
  /** By the address of the listener. */
  readonly listeners: ReadonlyMap<string, Pick<TlsUse, 'context' | 'identities'>>;
  /** By the name of the pool: for requests, and for what is passed on unread, where it is. */
  readonly pools: ReadonlyMap<string, number>;
  readonly tunnels: ReadonlyMap<string, number>;
  readonly uses: readonly TlsUse[];
}

const NONE: Pick<TlsContexts, 'uses'> = { uses: [] };

/**
 * Opens a context for every listener and every pool with TLS. One of `before` stays as it is, under its number, when
 * neither its settings nor its files have changed. Throws CertificateError, or an Error that names which; none is open
 * then but those of before. Warnings were printed when the configuration was checked.
 */
export function openTlsContexts({ listeners, pools }: Config, before = NONE): TlsContexts {
  const contexts = {
    listeners: new Map<string, TlsUse>(),
    pools: new Map<string, number>(),
    tunnels: new Map<string, number>(),
    uses: [] as TlsUse[],
  };
  const known = new Map(before.uses.map((use) => [use.settings, use]));
  /** `from`: all that `open` makes it from, beside the contents of files. */
  const add = (name: string, from: object, files: readonly string[], open: (warn: Warn) => Opened): TlsUse => {
    const settings = JSON.stringify([name, from]);
    const stamp = stampOf(files);
    const same = known.get(settings);
    if (same?.stamp === stamp) {
      contexts.uses.push(same);
      return same;
    }
    const { context, stapled, shown, identities } = open(() => {});
    const use = { name, settings, context, files, stamp, open, stapled, shown, identities };
    contexts.uses.push(use);
    return use;
  };
  const tunnelled = new Set(listeners.flatMap(tunnelPools));
  try {
    for (const { address, protocol, http2, tls } of listeners) {
      if (tls === undefined) continue;
      const protocols = isRaw(protocol) ? tls.alpnProtocols : http2 ? WITH_HTTP2 : PROTOCOLS;
      const open = (warn: Warn): Opened => openServer(address, tls, protocols, warn);
      contexts.listeners.set(address, add(`Listener ${address}`, { tls, protocols }, filesOfListener(tls), open));
    }
    for (const { name, tls } of Object.values(pools)) {
      if (tls === undefined) continue;
      const addPool = (user: string, protocols: readonly string[]): number =>
        add(user, { tls, protocols }, filesOfPool(tls), (warn) => openBackend(name, tls, protocols, warn)).context;
      contexts.pools.set(name, addPool(`Pool ${name}`, PROTOCOLS.slice(0, 1)));
      if (!tunnelled.has(name)) continue;
      // What is passed on is not ours to name.
      contexts.tunnels.set(name, addPool(`Pool ${name}, behind raw listeners`, []));
    }
  } catch (error) {
    closeTlsContexts(contexts, before);
    throw error;
  }
  return contexts;
}

/** Closes contexts, but for those that are among `kept` as well. */
export function closeTlsContexts({ uses }: Pick<TlsContexts, 'uses'>, kept = NONE): void {
  for (const use of uses) if (!kept.uses.includes(use)) closeTlsContext(use.context);
}

/** What a context was made of anew. */
interface Renewed {
  readonly certificates: EventOf<'tls.renewed'>['certificates'];
  readonly warnings: readonly CertificateWarning[];
}

/**
 * Reads the files of a context again and puts what they make in its place, under the same index: handshakes that begin
 * from now on, on any worker, use it. Throws an Error that says what is wrong; the one before is in use then. Returns
 * which certificates are new and when they end, and what should be looked at.
 *
 * A new certificate does not wait for its OCSP response, which is another file from somebody else: most clients do
 * without, and all refuse a certificate that has expired. But the certificate that is in use keeps the response it has.
 */
export function renewTlsContext(use: TlsUse): Renewed {
  const warnings: CertificateWarning[] = [];
  const { context, stapled, shown, unstapled, identities } = use.open((warning) => warnings.push(warning));
  const news = shown.filter(({ chain }, index) => chain !== use.shown[index]?.chain);
  if (unstapled.length > 0 && news.length === 0) {
    closeTlsContext(context);
    throw new Error(unstapled.map(({ found, expected }) => `${found} ${expected}`).join(' '));
  }
  for (const { file, found, expected } of unstapled) {
    warnings.push({ file, found, expected: `${expected} Nothing is stapled meanwhile.` });
  }
  replaceTlsContext(use.context, context);
  use.stapled = stapled;
  use.shown = shown;
  use.identities = identities;
  return { certificates: news.map(({ cert, until }) => ({ file: cert, endsMs: until })), warnings };
}

/** The OCSP responses of a context that have ended since it was asked last: the engine staples them no more. */
export function takeEnded(use: TlsUse, now: number): Stapled[] {
  const ended = use.stapled.filter(({ until }) => until <= now);
  if (ended.length > 0) use.stapled = use.stapled.filter(({ until }) => until > now);
  return ended;
}

/** The pools that get a listener's connections unread. */
function tunnelPools({ pool, tlsRoutes }: ListenerConfig): string[] {
  const routed = tlsRoutes.flatMap(({ backendRefs }) => backendRefs.map((reference) => reference.pool));
  return pool === undefined ? routed : [pool, ...routed];
}

function filesOfListener({ certificates, clientCertificates }: NonNullable<ListenerConfig['tls']>): string[] {
  return [
    ...certificates.flatMap(({ cert, key, ocsp }) => (ocsp === undefined ? [cert, key] : [cert, key, ocsp])),
    ...(clientCertificates === undefined ? [] : [clientCertificates.ca]),
  ];
}

function filesOfPool({ ca, certificate }: BackendTlsConfig): string[] {
  return [...(ca === undefined ? [] : [ca]), ...(certificate === undefined ? [] : [certificate.cert, certificate.key])];
}

/** A certificate as the engine takes it, with what is to be stapled to it, and the files of both. */
interface StapledPair extends CertificatePair {
  readonly staple: Staple | null;
  readonly files: CertificateFiles;
}

function openServer(
  address: string,
  tls: NonNullable<ListenerConfig['tls']>,
  protocols: readonly string[],
  warn: Warn,
): Opened {
  const unstapled: CertificateWarning[] = [];
  const pairs: StapledPair[] = [];
  try {
    for (const files of tls.certificates) pairs.push(readStapled(files, warn, unstapled));
    const identities = identitiesOf(pairs);
    const context = openTlsContext({
      identities,
      versionMin: tls.minVersion,
      ciphers: tls.ciphers,
      protocols,
      scope: address,
      clients:
        tls.clientCertificates === undefined
          ? null
          : {
              required: tls.clientCertificates.mode === 'required',
              authorities: readAuthorities(tls.clientCertificates.ca, warn),
            },
    });
    const stapled = pairs.flatMap(({ staple, files: { cert, ocsp } }) =>
      staple === null || ocsp === undefined ? [] : [{ ocsp, cert, until: staple.until }],
    );
    const shown = pairs.map(({ chain, files: { cert }, until }) => ({ cert, chain: chain.toString('latin1'), until }));
    return { context, stapled, shown, unstapled, identities: identities.map(({ names }) => names) };
  } catch (error) {
    if (error instanceof CertificateError) throw error;
    throw new Error(`cannot set up TLS on ${address}: ${(error as Error).message}`);
  } finally {
    forget(pairs);
  }
}

function readStapled(files: CertificateFiles, warn: Warn, unstapled: CertificateWarning[]): StapledPair {
  const { cert, key, ocsp } = files;
  const pair = readPair(cert, key, warn);
  if (ocsp === undefined) return { ...pair, staple: null, files };
  const found: CertificateWarning[] = [];
  let staple: Staple | null = null;
  try {
    staple = readStaple(ocsp, pair.chain, cert, (warning) => found.push(warning));
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    found.push({ file: error.file, found: error.found, expected: error.expected });
  }
  if (staple === null) unstapled.push(...found);
  else for (const warning of found) warn(warning);
  return { ...pair, staple, files };
}

function openBackend(pool: string, tls: BackendTlsConfig, protocols: readonly string[], warn: Warn): Opened {
  const pair = tls.certificate === undefined ? null : readPair(tls.certificate.cert, tls.certificate.key, warn);
  try {
    const context = openTlsBackendContext({
      serverName: tls.serverName,
      verify: tls.verify,
      authorities: tls.ca === undefined ? new Uint8Array(0) : readAuthorities(tls.ca, warn),
      certificate: pair,
      versionMin: tls.minVersion,
      protocols,
    });
    return { context, stapled: [], shown: [], unstapled: [], identities: [] };
  } catch (error) {
    if (error instanceof CertificateError) throw error;
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
