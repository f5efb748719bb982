// What one record of the access log holds: words that a worker writes and the log thread reads. Declared once.
// Owns the layout. Leaves where records lie to ring.ts, filling them to recorder.ts, and what a line says to the formats.

/** Kinds of records. */
export const RECORD_TYPE = {
  /** Nothing: what is left of the ring before it begins anew. */
  FILLER: 0,
  /** A name that later records of this ring give by its number: NAME, then its bytes in UTF-8. */
  NAME: 1,
  /** A request, or a raw connection, that has ended. */
  EXCHANGE: 2,
} as const;

/** Every record begins with these words, and takes a multiple of 8 bytes. */
export const RECORD = { bytes: 0, type: 1, WORDS: 2 } as const;

export const NAME = { number: 2, textBytes: 3, WORDS: 4 } as const;

/** Fields of a request's head that a listener's logs may have by name. */
const HEADERS_MAX = 16;

/** Texts of an exchange, in this order behind its record. From `headers` on those that the listener's logs name. */
export const TEXT = {
  /** As the client sent it, query included. */
  target: 0,
  host: 1,
  userAgent: 2,
  referer: 3,
  /** The id that a trusted proxy gave; empty where it is ours. */
  requestId: 4,
  /** The method as it was sent, where it is none that is known. */
  method: 5,
  serverName: 6,
  headers: 7,
  COUNT: 7 + HEADERS_MAX,
} as const;

/** Most bytes of each text that are kept; of a longer one the length says so (`cutLength`). Of header fields HEADER_BYTES_MAX. */
export const TEXT_BYTES_MAX = [4096, 256, 512, 1024, 128, 32, 256] as const;
export const HEADER_BYTES_MAX = 1024;

/** The length of a text as a word: of one that was cut, its complement. */
export const cutLength = (bytes: number): number => ~bytes;

/** Words of an exchange. Names are numbers of the ring, -1 for none. */
export const EXCHANGE = {
  /** The list of logs of its listener, and which of them it is for: a bit each. */
  set: 2,
  logs: 3,
  flags: 4,
  /** What the client got, or the status of the reason where it got none; 0 for none. */
  status: 5,
  /** Index among REASON_ROWS; -1 for none. */
  reason: 6,
  /** llhttp's number. */
  method: 7,
  /** Of the protocol: 0 and 1 for HTTP/1.0 and 1.1, 2 for HTTP/2. */
  version: 8,
  attempts: 9,
  /** Number of the connection among those of its worker. */
  connection: 10,
  listener: 11,
  route: 12,
  rule: 13,
  pool: 14,
  server: 15,
  /** Where names lead: the address that was connected to. */
  serverAddress: 16,
  tlsVersion: 17,
  tlsCipher: 18,
  tlsProtocol: 19,
  /** Bytes of the addresses of client and peer: 4, 16 or 0. */
  clientBytes: 20,
  peerBytes: 21,
  peerPort: 22,
  /** Lengths of the texts. */
  texts: 23,
  WORDS: 23 + TEXT.COUNT,
} as const;

export const FLAG = {
  /** A raw connection, not a request. */
  RAW: 1,
  TLS: 2,
  /** Its TLS session went on from an earlier one. */
  RESUMED: 4,
  /** It went to the fallback pool of its rule. */
  FELL_BACK: 8,
  /** The head was complete: its method is known. */
  HEAD: 16,
} as const;

/** Doubles behind the words. Times in microseconds; -1 for what was not reached. */
export const FIGURE = {
  /** When the first byte came, on the clock of the machine. */
  begunUs: 0,
  /** From there to the complete head. */
  headUs: 1,
  /** From the head to the last attempt: in line, held by a filter, in earlier attempts. */
  queueUs: 2,
  /** From there to the connection, its handshake included; 0 with a pooled one. */
  connectUs: 3,
  /** From there to the head of the response. */
  firstByteUs: 4,
  allUs: 5,
  bytesIn: 6,
  bytesOut: 7,
  bodyBytesOut: 8,
  /** Its number among the requests of its worker: the second half of its id. */
  number: 9,
  COUNT: 10,
} as const;

/** Where things stand in a record of an exchange, in bytes from its beginning. */
export const FIGURES_AT = EXCHANGE.WORDS * 4;
export const CLIENT_AT = FIGURES_AT + FIGURE.COUNT * 8;
export const PEER_AT = CLIENT_AT + 16;
export const TEXTS_AT = PEER_AT + 16;

/** A record of `bytes` bytes as it lies in a ring. */
export const aligned = (bytes: number): number => (bytes + 7) & ~7;

/** Most bytes of all texts of one exchange. */
export const TEXTS_BYTES_MAX = TEXT_BYTES_MAX.reduce((sum, bytes) => sum + bytes, 0) + HEADERS_MAX * HEADER_BYTES_MAX;
