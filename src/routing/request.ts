// What the matcher may look at: one request, as spans over bytes.
// Owns the view only. The worker fills it from a parsed head; explain, tests and the public API fill it from text.

import type { Head } from '../http/head.js';

/** What a verified client certificate says of its owner: printable ASCII. */
export interface ClientCertificate {
  /** The distinguished name as RFC 4514 writes it: `CN=shop,O=Example`. */
  readonly subject: string;
  /** The alternative names, each with its kind: `DNS:`, `URI:`, `email:` or `IP:`. DNS names in lower case. */
  readonly names: readonly string[];
  /** SHA-256 of the certificate, in lower-case hexadecimal. */
  readonly fingerprint: string;
}

/** What TLS tells of a client connection: printable ASCII. Made once for each, at the end of its handshake. */
export interface TlsView {
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly version: string;
  /** The cipher suite by its standard name, such as TLS_AES_128_GCM_SHA256. */
  readonly cipher: string;
  /** The server name the client asked for (SNI), in lower case and without a closing dot; empty when there was none. */
  readonly serverName: string;
  /** Null when the client showed none, or was not asked for one. */
  readonly certificate: ClientCertificate | null;
}

/** A server name as it is compared. Empty for one that cannot be a name: what a client writes there is not to go on. */
export function serverNameOf(sent: string): string {
  return /^[\x21-\x7e]*$/.test(sent) ? sent.toLowerCase().replace(/\.$/, '') : '';
}

/**
 * A request as the matcher sees it. One instance per worker is filled again for every request.
 *
 * `bytes` holds everything the spans point into. All `…At` here are absolute offsets into `bytes`;
 * those inside `head.fields` count from `head.base`, which is absolute too.
 */
export class RequestView {
  bytes: Uint8Array = new Uint8Array(0);
  head: Head | null = null;
  /** The normalised path, without the query. */
  pathAt = 0;
  pathBytes = 0;
  /** The query without its `?`; 0 bytes when there is none. */
  queryAt = 0;
  queryBytes = 0;
  /** The host without its port, as sent (any case). */
  hostAt = 0;
  hostBytes = 0;
  /** llhttp's number of the method. */
  method = 0;
  /** The client's address: 4 bytes (IPv4), 16 (IPv6) or none (unix socket) in `clientAddress`, which the owner reuses. */
  readonly clientAddress = new Uint8Array(16);
  clientAddressBytes = 0;
  /** Null for a request that came without TLS. */
  tls: TlsView | null = null;
  /** The name of the listener it came to; empty for one without a name. */
  listener = '';

  /** Becomes a view of what `other` views. */
  copy(other: Readonly<RequestView>): void {
    const { clientAddress, ...rest } = other;
    Object.assign(this, rest);
    this.clientAddress.set(clientAddress);
  }
}
