// What the matcher may look at: one request, as spans over bytes.
// Owns the view only. The worker fills it from a parsed head; explain, tests and the public API fill it from text.

import type { Head } from '../http/head.js';

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
  /** The TLS server name the client asked for; 0 bytes without TLS. */
  serverNameAt = 0;
  serverNameBytes = 0;
}
