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
  /** Streams that the client resets in one second, and those of them whose response had not begun. */
  readonly resetsPerSecondMax: number;
  readonly earlyResetsPerSecondMax: number;
  /** Streams that we reset since the client broke a rule on them, on one connection. */
  readonly ownResetsMax: number;
  readonly pingsPerSecondMax: number;
  readonly settingsPerSecondMax: number;
  /** Frames of DATA without a byte, that do not end their stream, one behind the other. */
  readonly emptyFramesMax: number;
  /** Frames of DATA with less than 256 bytes in one second; the last of a stream is not counted. */
  readonly tinyFramesPerSecondMax: number;
  /** WINDOW_UPDATE frames for each frame of DATA that we have sent; see `abuse.ts` for the whole sum. */
  readonly windowUpdatesPerDataMax: number;
  /** PRIORITY frames for each stream. */
  readonly prioritiesPerStreamMax: number;
  /** Frames that wait to be sent, since the client does not read. */
  readonly waitingFramesMax: number;
  /** What is of no use and no harm: frames of no known type, for streams that are over, or with an error for one stream. */
  readonly odditiesPerSecondMax: number;
  /** Requests of one connection; then GOAWAY asks the client to open another. */
  readonly requestsMax: number;
}

export const HTTP2_LIMITS: Http2Limits = {
  streamsMax: 100,
  fieldsMax: 128,
  cookiesMax: 128,
  listBytesMax: 65_536,
  continuationsMax: 8,
  resetsPerSecondMax: 100,
  earlyResetsPerSecondMax: 50,
  ownResetsMax: 500,
  pingsPerSecondMax: 100,
  settingsPerSecondMax: 50,
  emptyFramesMax: 10,
  tinyFramesPerSecondMax: 4096,
  windowUpdatesPerDataMax: 10,
  prioritiesPerStreamMax: 100,
  waitingFramesMax: 1000,
  odditiesPerSecondMax: 100,
  requestsMax: 1000,
};
