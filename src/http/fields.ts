// The header fields the proxy itself acts on, and how a name is recognised in raw bytes.
// Owns the name hash and the table of known fields. Leaves reading heads to head.ts.

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
  HTTP2_SETTINGS: 21,
  FORWARDED: 26,
  X_REAL_IP: 27,
} as const;

/** Ids fit the bits of a word, so that a head can say in one which fields it has. */
export const FIELD_IDS = 32;

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
  [FIELD_ID.HTTP2_SETTINGS, 'http2-settings'],
  [FIELD_ID.FORWARDED, 'forwarded'],
  [FIELD_ID.X_REAL_IP, 'x-real-ip'],
];

const HASH_PRIME = 0x9e3779b1 | 0;

/**
 * A hash of a name, as a signed integer: its length and its first and last byte, ASCII letters folded to lower case.
 * Names often collide, and a client can choose names that do, so a hash only ever narrows a search; the bytes decide.
 * Hot: runs for every field of every message.
 */
export function hashName(bytes: Uint8Array, at: number, length: number): number {
  if (length === 0) return 0;
  // Setting this bit folds letters; what it does to other bytes, it does to both sides of a comparison.
  const ends = (((bytes[at]! | 0x20) << 8) | bytes[at + length - 1]! | 0x20) ^ (length << 16);
  return Math.imul(ends, HASH_PRIME);
}

/** `hashName` for a name held as a string, for compilers of tables. */
export function hashNameOf(name: string): number {
  const bytes = Buffer.from(name, 'latin1');
  return hashName(bytes, 0, bytes.length);
}

/** True when `length` bytes at `at` equal `lower`, which must be in lower case; ASCII letters compare caseless. */
export function equalsCaseless(bytes: Uint8Array, at: number, length: number, lower: Uint8Array): boolean {
  if (length !== lower.length) return false;
  for (let i = 0; i < length; i++) {
    const byte = bytes[at + i]!;
    if ((byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte) !== lower[i]) return false;
  }
  return true;
}

// Open addressing, 128 places for 22 names: a lookup that misses costs one load.
const PLACES = 128;
/** The upper bits of a product depend on all of its factors' bits. */
const placeOf = (hash: number): number => hash >>> 25;
const placeHash = new Int32Array(PLACES);
const placeId = new Uint8Array(PLACES);
const nameById: Uint8Array[] = [];

for (const [id, name] of KNOWN) {
  const hash = hashNameOf(name);
  let place = placeOf(hash);
  while (placeId[place] !== 0) place = (place + 1) & (PLACES - 1);
  placeHash[place] = hash;
  placeId[place] = id;
  nameById[id] = Buffer.from(name, 'latin1');
}

/** The id of the field whose name has `hash` and stands at `at`; `FIELD_ID.NONE` for one the proxy only carries. */
export function fieldId(hash: number, bytes: Uint8Array, at: number, length: number): number {
  for (let place = placeOf(hash); placeId[place] !== 0; place = (place + 1) & (PLACES - 1)) {
    const id = placeId[place]!;
    if (placeHash[place] === hash && equalsCaseless(bytes, at, length, nameById[id]!)) return id;
  }
  return FIELD_ID.NONE;
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
