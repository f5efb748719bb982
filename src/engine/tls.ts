// TLS contexts of the process: what a listener shows to clients, by an index that every thread can use.
// Owns making one whole or not at all. Leaves which certificates it holds to the caller, handshakes to native/.

import { addon } from './addon.js';

/** A certificate as PEM, the server's own first and those that sign it behind, and its unencrypted key. */
export interface TlsCertificate {
  readonly chain: Uint8Array;
  readonly key: Uint8Array;
}

/** Who a server is under some names. Certificates of one identity differ in the type of their key. */
export interface TlsIdentity {
  readonly certificates: readonly TlsCertificate[];
  /** Lower case, exact or `*.rest`. */
  readonly names: readonly string[];
}

export interface TlsContextOptions {
  /** The first one is for every name that none of them has. */
  readonly identities: readonly TlsIdentity[];
  readonly versionMin: TlsVersion;
  /** For TLS 1.2, in OpenSSL's words; empty for the engine's own list. */
  readonly ciphers: string;
  /** Application protocols (ALPN), the preferred one first. */
  readonly protocols: readonly string[];
  /** Sessions of one scope are not resumed in another. */
  readonly scope: string;
}

export const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

const VERSION_WORD: Readonly<Record<TlsVersion, number>> = { 'TLSv1.2': 0x0303, 'TLSv1.3': 0x0304 };

/** Opens a context and returns its index, to be given to `closeTlsContext`. Throws an Error that says what OpenSSL refuses. */
export function openTlsContext(options: TlsContextOptions): number {
  const { identities, versionMin, ciphers, protocols, scope } = options;
  const native = addon();
  const list = Buffer.concat(protocols.map((name) => Buffer.from([name.length, ...Buffer.from(name, 'latin1')])));
  const tls = native.tlsOpen(VERSION_WORD[versionMin], ciphers, list, scope);
  try {
    for (const [index, { certificates, names }] of identities.entries()) {
      for (const { chain, key } of certificates) native.tlsCertificate(tls, index, chain, key);
      for (const name of names) native.tlsName(tls, name, index);
    }
  } catch (error) {
    native.tlsClose(tls);
    throw error;
  }
  return tls;
}

/** Closes a context. Connections that use it go on. */
export function closeTlsContext(tls: number): void {
  addon().tlsClose(tls);
}
