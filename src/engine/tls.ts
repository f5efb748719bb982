// TLS contexts of the process: what a listener shows to clients, and what we expect of servers, by a number that every
// thread can use, and that means nothing once its context is closed.
// Owns making one whole or not at all. Leaves which certificates it holds to the caller, handshakes to native/.

import { createHash } from 'node:crypto';
import type { TlsVersion } from '../base/tls-versions.js';
import { addon } from './addon.js';

/** A certificate as PEM, the server's own first and those that sign it behind, and its unencrypted key. */
interface TlsCertificate {
  readonly chain: Uint8Array;
  readonly key: Uint8Array;
  /** What clients that ask are shown beside it. */
  readonly staple?: TlsStaple | null;
}

/** An OCSP response for a certificate. */
interface TlsStaple {
  /** DER. */
  readonly response: Uint8Array;
  /** Milliseconds since 1970 from which on it is not sent; Infinity for never. */
  readonly until: number;
}

/** Who a server is under some names. Certificates of one identity differ in the type of their key. */
export interface TlsIdentity {
  readonly certificates: readonly TlsCertificate[];
  /** Lower case, exact or `*.rest`. */
  readonly names: readonly string[];
}

/** Whom a listener believes to be its clients. */
interface TlsClientVerification {
  /** Clients without a certificate are refused. Those whose certificate cannot be verified always are. */
  readonly required: boolean;
  /** PEM. Each certificate in it is believed by itself, and no other one. */
  readonly authorities: Uint8Array;
}

export interface TlsContextOptions {
  /** The first one is for every name that none of them has. */
  readonly identities: readonly TlsIdentity[];
  readonly versionMin: TlsVersion;
  /** For TLS 1.2, in OpenSSL's words; empty for the engine's own list. */
  readonly ciphers: string;
  /** Application protocols (ALPN), the preferred one first. */
  readonly protocols: readonly string[];
  /** Sessions of one scope are not resumed in another; nor are those of clients verified in another way. */
  readonly scope: string;
  /** Null: clients are not asked for a certificate. */
  readonly clients: TlsClientVerification | null;
}

const VERSION_WORD: Readonly<Record<TlsVersion, number>> = { 'TLSv1.2': 0x0303, 'TLSv1.3': 0x0304 };

/** Opens a context and returns its number, to be given to `closeTlsContext`. Throws an Error that says what OpenSSL refuses. */
export function openTlsContext(options: TlsContextOptions): number {
  const { identities, versionMin, ciphers, protocols, clients } = options;
  const native = addon();
  const tls = native.tlsOpen(VERSION_WORD[versionMin], ciphers, protocolList(protocols), sessionScope(options));
  try {
    if (clients !== null) native.tlsVerifyClients(tls, clients.required, clients.authorities);
    for (const [index, { certificates, names }] of identities.entries()) {
      for (const { chain, key, staple } of certificates) {
        native.tlsCertificate(tls, index, chain, key);
        if (staple) native.tlsStaple(tls, index, staple.response, untilSeconds(staple));
      }
      for (const name of names) native.tlsName(tls, name, index);
    }
  } catch (error) {
    native.tlsClose(tls);
    throw error;
  }
  return tls;
}

/** What OpenSSL takes as the context of sessions. */
const SCOPE_BYTES = 32;

/**
 * The scope of sessions as OpenSSL wants it: short, and another one for other clients. A ticket speaks for a client who
 * was verified when it was given; it must not do so where that would have been done in another way, or not at all.
 */
function sessionScope({ scope, clients }: TlsContextOptions): string {
  const hash = createHash('sha256').update(JSON.stringify([scope, clients === null ? null : clients.required]));
  if (clients !== null) hash.update(clients.authorities);
  return hash.digest('base64url').slice(0, SCOPE_BYTES);
}

function untilSeconds({ until }: TlsStaple): number {
  return until === Number.POSITIVE_INFINITY ? Number.MAX_SAFE_INTEGER : Math.floor(until / 1000);
}

interface TlsBackendOptions {
  /** The server's DNS name or IP address: asked for (a DNS name), and what its certificate must be for. */
  readonly serverName: string;
  /** False: any certificate is accepted. */
  readonly verify: boolean;
  /** PEM of the authorities to trust; empty for those of this machine. */
  readonly authorities: Uint8Array;
  /** What we show to a server that asks for it. */
  readonly certificate: TlsCertificate | null;
  readonly versionMin: TlsVersion;
  readonly protocols: readonly string[];
}

/** Opens a context for backend connections, as `openTlsContext` does for those of clients. */
export function openTlsBackendContext(options: TlsBackendOptions): number {
  const { serverName, verify, authorities, certificate, versionMin, protocols } = options;
  const native = addon();
  const version = VERSION_WORD[versionMin];
  const tls = native.tlsOpenBackend(version, '', protocolList(protocols), serverName, verify, authorities);
  try {
    if (certificate !== null) native.tlsCertificate(tls, 0, certificate.chain, certificate.key);
  } catch (error) {
    native.tlsClose(tls);
    throw error;
  }
  return tls;
}

/** As ALPN has it: each name behind its length. */
function protocolList(protocols: readonly string[]): Buffer {
  return Buffer.concat(protocols.map((name) => Buffer.from([name.length, ...Buffer.from(name, 'latin1')])));
}

/** Closes a context. Connections that use it go on. */
export function closeTlsContext(tls: number): void {
  addon().tlsClose(tls);
}

/**
 * Puts the context `by` under the number `tls`, for all threads at once; `by` is no context any more. Connections that use
 * the one before go on with it.
 */
export function replaceTlsContext(tls: number, by: number): void {
  addon().tlsReplace(tls, by);
}

/** How many contexts the process has: the open ones, and those that connections still use. */
export function tlsContextCount(): number {
  return addon().tlsCount();
}
