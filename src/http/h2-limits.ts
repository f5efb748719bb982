// What one HTTP/2 connection may ask of us, whatever it sends. Each is an option of `limits.http2`.

export interface Http2Limits {
  /** Streams a peer may have open at once. */
  readonly streamsMax: number;
  /** Fields of one block of fields, those of trailers too; pieces of cookies are counted apart. */
  readonly fieldsMax: number;
  /** Pieces that `cookie` may come in (RFC 9113, 8.2.3). */
  readonly cookiesMax: number;
  /** Bytes of the fields of one block, decoded: name, value and 32 for each (RFC 9113, 6.5.2). No block may have more encoded. */
  readonly listBytesMax: number;
  /** CONTINUATION frames of one block. */
  readonly continuationsMax: number;
}

export const HTTP2_LIMITS: Http2Limits = {
  streamsMax: 100,
  fieldsMax: 128,
  cookiesMax: 128,
  listBytesMax: 65_536,
  continuationsMax: 8,
};
