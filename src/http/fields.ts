// The header fields the proxy itself acts on, and how a name is recognised in raw bytes.
// Owns the table of known fields. Leaves reading heads to head.ts.

/**
 * Fields the data path looks at. The numbers are ids inside one process, never written anywhere.
 * `NONE` marks every field we only carry.
 */
export const FIELD_ID = {
  NONE: 0,
  HOST: 1,
  CONNECTION: 2,
  CONTENT_LENGTH: 3,
  TRANSFER_ENCODING: 4,
  UPGRADE: 5,
  EXPECT: 6,
  TE: 7,
  KEEP_ALIVE: 8,
  PROXY_CONNECTION: 9,
  PROXY_AUTHENTICATE: 10,
  PROXY_AUTHORIZATION: 11,
  X_FORWARDED_FOR: 12,
  X_FORWARDED_PROTO: 13,
  X_FORWARDED_HOST: 14,
  X_FORWARDED_PORT: 15,
  X_REQUEST_ID: 16,
  VIA: 17,
  COOKIE: 18,
  ACCEPT: 19,
  /** All fields that describe a client certificate. */
  CLIENT_CERT: 20,
  HTTP2_SETTINGS: 21,
  DATE: 22,
  MAX_FORWARDS: 23,
  /** Fields of responses that name a place: Location, Content-Location, Refresh. */
  LOCATION: 24,
  SET_COOKIE: 25,
  FORWARDED: 26,
  X_REAL_IP: 27,
  /** None of these by its bytes, one of them to a server that folds `_` to `-`, as CGI and its heirs do. */
  FOLDS_TO_KNOWN: 28,
} as const;

/** Ids fit the bits of a word, so that a head can say in one which fields it has. */
export const FIELD_IDS = 32;

/** Fields that end at this hop (RFC 9110, 7.6.1), whether the Connection field names them or not. */
export const HOP_BY_HOP: readonly number[] = [
  FIELD_ID.CONNECTION,
  FIELD_ID.KEEP_ALIVE,
  FIELD_ID.PROXY_CONNECTION,
  FIELD_ID.PROXY_AUTHENTICATE,
  FIELD_ID.PROXY_AUTHORIZATION,
  FIELD_ID.TE,
  FIELD_ID.TRANSFER_ENCODING,
  FIELD_ID.UPGRADE,
  FIELD_ID.HTTP2_SETTINGS,
];

/** Forwarding fields that are added to a request, unless a filter sets or removes them. */
export const FORWARDING_ADDED: readonly number[] = [
  FIELD_ID.X_FORWARDED_FOR,
  FIELD_ID.X_FORWARDED_PROTO,
  FIELD_ID.X_FORWARDED_HOST,
  FIELD_ID.X_FORWARDED_PORT,
  FIELD_ID.X_REQUEST_ID,
  FIELD_ID.VIA,
];

/** Fields that say where a request came from: only those of a trusted proxy go on. */
export const FORWARDING: readonly number[] = [...FORWARDING_ADDED, FIELD_ID.FORWARDED, FIELD_ID.X_REAL_IP];

/** Fields that say who a client is by its certificate: never forwarded, since servers might trust them. Only we add some. */
export const IDENTITY: readonly number[] = [FIELD_ID.CLIENT_CERT];

/** Names of fields that say where a message ends, or what becomes of its connection: the proxy alone writes them. */
export const CONNECTION_NAMES: readonly string[] = [
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** The same for trailers, with all that says where a message goes or whom it is from: it has no place behind it (RFC 9110, 6.5.1). */
const NOT_IN_TRAILERS =
  /^(content-(length|encoding|type|range)|transfer-encoding|host|connection|keep-alive|te|trailer|upgrade|http2-settings|proxy-[a-z-]*|forwarded|x-forwarded-[a-z-]*|x-real-ip|authorization|cookie|set-cookie|max-forwards|expect|via|x-request-id|(x-)?client-cert.*)$/i;

/** False for a trailer field that is dropped. By the name that servers may make of its own: with `-` for all that is no letter and no digit. */
export function isTrailer(name: string): boolean {
  return !NOT_IN_TRAILERS.test(name.replace(/[^a-z0-9]/gi, '-'));
}

const KNOWN: readonly (readonly [id: number, lowerCaseName: string])[] = [
  [FIELD_ID.HOST, 'host'],
  [FIELD_ID.CONNECTION, 'connection'],
  [FIELD_ID.CONTENT_LENGTH, 'content-length'],
  [FIELD_ID.TRANSFER_ENCODING, 'transfer-encoding'],
  [FIELD_ID.UPGRADE, 'upgrade'],
  [FIELD_ID.EXPECT, 'expect'],
  [FIELD_ID.TE, 'te'],
  [FIELD_ID.KEEP_ALIVE, 'keep-alive'],
  [FIELD_ID.PROXY_CONNECTION, 'proxy-connection'],
  [FIELD_ID.PROXY_AUTHENTICATE, 'proxy-authenticate'],
  [FIELD_ID.PROXY_AUTHORIZATION, 'proxy-authorization'],
  [FIELD_ID.X_FORWARDED_FOR, 'x-forwarded-for'],
  [FIELD_ID.X_FORWARDED_PROTO, 'x-forwarded-proto'],
  [FIELD_ID.X_FORWARDED_HOST, 'x-forwarded-host'],
  [FIELD_ID.X_FORWARDED_PORT, 'x-forwarded-port'],
  [FIELD_ID.X_REQUEST_ID, 'x-request-id'],
  [FIELD_ID.VIA, 'via'],
  [FIELD_ID.COOKIE, 'cookie'],
  [FIELD_ID.ACCEPT, 'accept'],
  [FIELD_ID.CLIENT_CERT, 'x-client-cert-verified'],
  [FIELD_ID.CLIENT_CERT, 'x-client-cert-subject'],
  [FIELD_ID.CLIENT_CERT, 'x-client-cert-san'],
  [FIELD_ID.CLIENT_CERT, 'x-client-cert-fingerprint'],
  // RFC 9440: never written here, and believed by servers that know it.
  [FIELD_ID.CLIENT_CERT, 'client-cert'],
  [FIELD_ID.CLIENT_CERT, 'client-cert-chain'],
  [FIELD_ID.HTTP2_SETTINGS, 'http2-settings'],
  [FIELD_ID.DATE, 'date'],
  [FIELD_ID.MAX_FORWARDS, 'max-forwards'],
  [FIELD_ID.LOCATION, 'location'],
  [FIELD_ID.LOCATION, 'content-location'],
  [FIELD_ID.LOCATION, 'refresh'],
  [FIELD_ID.SET_COOKIE, 'set-cookie'],
  [FIELD_ID.FORWARDED, 'forwarded'],
  [FIELD_ID.X_REAL_IP, 'x-real-ip'],
];

/** 1 for bytes of a token (RFC 9110, 5.6.2). */
export const isToken = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  isToken[char.charCodeAt(0)] = 1;
}

/**
 * True when `length` bytes at `at` equal `lower`, or the `lowerBytes` of it at `lowerAt`, which must be in lower case; ASCII
 * letters compare caseless.
 */
export function equalsCaseless(
  bytes: Uint8Array,
  at: number,
  length: number,
  lower: Uint8Array,
  lowerAt = 0,
  lowerBytes = lower.length,
): boolean {
  if (length !== lowerBytes) return false;
  for (let i = 0; i < length; i++) {
    const byte = bytes[at + i]!;
    if ((byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte) !== lower[lowerAt + i]) return false;
  }
  return true;
}

// A name is looked up by its length and first letter, then its bytes are compared. Unknown names that are common in real
// traffic hardly ever share both with a known one, so ruling them out costs one load. A client that makes up names which
// do costs one comparison each.
const LOOKUP_BITS = 5;
const LOOKUP_MASK = (1 << LOOKUP_BITS) - 1;
const NAME_ROOM = 32;
const lookupOf = (length: number, first: number): number =>
  ((length & LOOKUP_MASK) << LOOKUP_BITS) | (first & LOOKUP_MASK);
/** The first name to try, by lookup; then by name the next one. 0 is none. */
const firstName = new Uint8Array(1 << (2 * LOOKUP_BITS));
const nextName = new Uint8Array(KNOWN.length + 1);
const nameId = new Uint8Array(KNOWN.length + 1);
const nameLength = new Uint8Array(KNOWN.length + 1);
const nameBytes = new Uint8Array((KNOWN.length + 1) * NAME_ROOM);

for (const [index, [id, text]] of KNOWN.entries()) {
  const name = index + 1;
  const lookup = lookupOf(text.length, text.charCodeAt(0));
  nextName[name] = firstName[lookup]!;
  firstName[lookup] = name;
  nameId[name] = id;
  nameLength[name] = text.length;
  nameBytes.set(Buffer.from(text, 'latin1'), name * NAME_ROOM);
}

/** What a byte of a name becomes where names become variables: a letter in lower case, a digit, or the same for all others. */
const variableByte = new Uint8Array(256).fill(0x2d);
for (const char of 'abcdefghijklmnopqrstuvwxyz0123456789') {
  variableByte[char.charCodeAt(0)] = char.charCodeAt(0);
  variableByte[char.toUpperCase().charCodeAt(0)] = char.charCodeAt(0);
}

/**
 * True when a server that makes variables of names (`HTTP_X_FORWARDED_FOR`, RFC 3875, 4.1.18) takes the name for `name`.
 */
export function equalsAsVariable(bytes: Uint8Array, at: number, length: number, name: Uint8Array): boolean {
  if (length !== name.length) return false;
  for (let i = 0; i < length; i++) if (variableByte[bytes[at + i]!] !== variableByte[name[i]!]) return false;
  return true;
}

/**
 * The id of the field whose name stands at `at`; `FIELD_ID.NONE` for one the proxy only carries, `FOLDS_TO_KNOWN` for one that
 * others could take for a known one. The name must be a token (RFC 9110, 5.1), as llhttp lets no other pass: of tokens,
 * none but letters are changed by setting the bit that folds them into one of the known names. Hot: runs for every field
 * of every message.
 */
export function fieldId(bytes: Uint8Array, at: number, length: number): number {
  for (let name = firstName[lookupOf(length, bytes[at]!)]!; name !== 0; name = nextName[name]!) {
    if (nameLength[name] !== length) continue;
    const text = name * NAME_ROOM;
    const differs = firstDifference(bytes, at, length, text);
    if (differs === length) return nameId[name]!;
    // Where a letter differs there is nothing to fold: names that are only carried cost no more than this.
    if (nameBytes[text + differs] === DASH && isVariable(bytes, at, length, text, differs))
      return FIELD_ID.FOLDS_TO_KNOWN;
  }
  return FIELD_ID.NONE;
}

const DASH = 0x2d;

/** How many bytes are those of the known name, but for the case of letters. */
function firstDifference(bytes: Uint8Array, at: number, length: number, name: number): number {
  let i = 0;
  while (i < length && (bytes[at + i]! | 0x20) === nameBytes[name + i]) i++;
  return i;
}

/** The rest of `equalsAsVariable` for a known name. */
function isVariable(bytes: Uint8Array, at: number, length: number, name: number, from: number): boolean {
  for (let i = from; i < length; i++) {
    if (variableByte[bytes[at + i]!] !== variableByte[nameBytes[name + i]!]) return false;
  }
  return true;
}

/** True when two runs of the same memory are equal, ASCII letters compared caseless. */
export function equalsBytesCaseless(
  bytes: Uint8Array,
  at: number,
  length: number,
  other: number,
  otherLength: number,
): boolean {
  if (length !== otherLength) return false;
  for (let i = 0; i < length; i++) {
    const a = bytes[at + i]!;
    const b = bytes[other + i]!;
    if (a === b) continue;
    const folded = a | 0x20;
    if (folded !== (b | 0x20) || folded < 0x61 || folded > 0x7a) return false;
  }
  return true;
}

/** True for the name of a field that says who a client is by its certificate, also as servers read it that make no difference of `-` and `_`. */
export function isIdentity(name: string): boolean {
  const bytes = Buffer.from(name.replaceAll('_', '-'), 'latin1');
  return IDENTITY.includes(fieldId(bytes, 0, bytes.length));
}
