// What reading a block of fields comes to: one code for each rule that it can break (RFC 9113, 8).

/** What becomes of the stream, or of the connection. */
export const BLOCK_SCOPE = {
  /** Nothing: the message is well-formed. */
  none: 0,
  /** RST_STREAM with PROTOCOL_ERROR, before a byte goes on (RFC 9113, 8.1.1). */
  malformed: 1,
  /** The request is well-formed, and more than is allowed: 431. From a server: RESPONSE_HEAD_TOO_LARGE. */
  tooLarge: 2,
  /** The request is well-formed, and its method none that we know: 501. */
  methodUnknown: 3,
  /** GOAWAY with COMPRESSION_ERROR. */
  compression: 4,
} as const;

/** By number: the scope, and what is wrong in words for a log. */
const ROWS = {
  ok: [BLOCK_SCOPE.none, 'well-formed'],
  compression: [BLOCK_SCOPE.compression, 'the header block is not valid HPACK'],
  nameInvalid: [BLOCK_SCOPE.malformed, 'a field name is empty, has upper case, or is no token'],
  valueInvalid: [BLOCK_SCOPE.malformed, 'a field value has a control character, or a blank at an end'],
  connectionField: [BLOCK_SCOPE.malformed, 'a field that describes a connection of HTTP/1'],
  teInvalid: [BLOCK_SCOPE.malformed, 'te has a value other than trailers'],
  pseudoUnknown: [BLOCK_SCOPE.malformed, 'a pseudo-field that this kind of message does not have'],
  pseudoRepeated: [BLOCK_SCOPE.malformed, 'a pseudo-field stands twice'],
  pseudoLate: [BLOCK_SCOPE.malformed, 'a pseudo-field stands behind other fields'],
  pseudoMissing: [BLOCK_SCOPE.malformed, ':method, :scheme, :path or :status is missing'],
  pseudoInTrailers: [BLOCK_SCOPE.malformed, 'trailers have a pseudo-field'],
  methodInvalid: [BLOCK_SCOPE.malformed, ':method is no token'],
  schemeInvalid: [BLOCK_SCOPE.malformed, ':scheme is neither http nor https'],
  pathInvalid: [BLOCK_SCOPE.malformed, ':path does not begin with a slash, or has a byte that no target may have'],
  authorityInvalid: [BLOCK_SCOPE.malformed, ':authority is empty, or has user information, a blank or a slash'],
  hostDiffers: [BLOCK_SCOPE.malformed, 'host differs from :authority, or stands twice'],
  lengthInvalid: [BLOCK_SCOPE.malformed, 'content-length is no number, or two differ'],
  lengthWithoutBody: [BLOCK_SCOPE.malformed, 'content-length promises a body, and the stream has ended'],
  connectInvalid: [
    BLOCK_SCOPE.malformed,
    'CONNECT with :scheme or :path, or without :authority; or :protocol without CONNECT',
  ],
  statusInvalid: [BLOCK_SCOPE.malformed, ':status is no status of HTTP/2'],
  fieldsTooMany: [BLOCK_SCOPE.tooLarge, 'more fields than limits.http2.fieldsMax'],
  cookiesTooMany: [BLOCK_SCOPE.tooLarge, 'cookie comes in more pieces than limits.http2.cookiesMax'],
  listTooLarge: [BLOCK_SCOPE.tooLarge, 'more bytes of fields than limits.http2.listBytesMax'],
  noRoom: [BLOCK_SCOPE.tooLarge, 'the fields do not fit the room there is'],
  methodUnknown: [BLOCK_SCOPE.methodUnknown, 'the method is none that is known here'],
} as const satisfies Record<string, readonly [scope: number, says: string]>;

type Name = keyof typeof ROWS;

const rows = Object.entries(ROWS);

/** The numbers of the results; `ok` is 0. */
export const BLOCK = Object.fromEntries(rows.map(([name], number) => [name, number])) as Readonly<Record<Name, number>>;

/** Names by number. */
export const BLOCK_NAMES: readonly string[] = rows.map(([name]) => name);

/** What becomes of a stream whose block came to `result`: BLOCK_SCOPE. */
export const blockScope = (result: number): number => rows[result]![1][0];

/** What is wrong, for people. */
export const blockSays = (result: number): string => rows[result]![1][1];
