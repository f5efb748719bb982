// What the matcher may look at: one request, as spans over bytes.
// Owns the shape only. An exchange has it, whether its head came from a socket or from text.

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

/** TLS properties of a client connection, in printable ASCII. Made once per connection, when its handshake completes. */
export interface TlsView {
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly version: string;
  /** The cipher suite by its standard name, such as TLS_AES_128_GCM_SHA256. */
  readonly cipher: string;
  /** The server name the client asked for (SNI), in lower case and without a closing dot; empty when there was none. */
  readonly sni: string;
  /** Null when the client showed none, or was not asked for one. */
  readonly certificate: ClientCertificate | null;
}

/** A server name as it is compared. Empty for one that cannot be a name: what a client writes there is not to go on. */
export function sniOf(sent: string): string {
  return /^[\x21-\x7e]*$/.test(sent) ? sent.toLowerCase().replace(/\.$/, '') : '';
}

/**
 * A request as the matcher sees it.
 *
 * `bytes` holds everything the spans point into. All `…At` here are absolute offsets into `bytes`, but for the address;
 * those inside `head.fields` count from `head.base`, which is absolute too.
 */
export interface MatchRequest {
  readonly bytes: Uint8Array;
  readonly head: Head | null;
  /** The normalised path, without the query. */
  readonly pathAt: number;
  readonly pathBytes: number;
  /** The query without its `?`; 0 bytes when there is none. */
  readonly queryAt: number;
  readonly queryBytes: number;
  /** The host without its port, as sent (any case). */
  readonly hostAt: number;
  readonly hostNameBytes: number;
  /** llhttp's number of the method. */
  readonly method: number;
  /** The client's address at `clientAddressAt` of `clientAddress`: 4 bytes (IPv4), 16 (IPv6) or none (unix socket). */
  readonly clientAddress: Uint8Array;
  readonly clientAddressAt: number;
  readonly clientAddressBytes: number;
  /** Null for a request that came without TLS. */
  readonly tls: TlsView | null;
  /** The name of the listener it came to; empty for one without a name. */
  readonly listener: string;
}

/** A request that has nothing: what a matcher looks at before the first. */
export const NO_REQUEST: MatchRequest = {
  bytes: new Uint8Array(0),
  head: null,
  pathAt: 0,
  pathBytes: 0,
  queryAt: 0,
  queryBytes: 0,
  hostAt: 0,
  hostNameBytes: 0,
  method: 0,
  clientAddress: new Uint8Array(0),
  clientAddressAt: 0,
  clientAddressBytes: 0,
  tls: null,
  listener: '',
};
