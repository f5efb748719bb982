// Keys for hashing balancers: 32 bits from bytes, evenly spread.
// Owns the hash, and finding one of several `name=value` pairs. Leaves finding header fields to whoever holds the request.

/** A last stirring that makes every bit of the input move every bit of the output (a 32-bit bijection). */
export function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return hash ^ (hash >>> 16);
}

/** Key of `length` bytes at `at`, as a signed 32-bit integer. The same bytes give the same key in every process. Hot. */
export function keyOfBytes(bytes: Uint8Array, at: number, length: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = at; i < at + length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return mix(hash ^ length);
}

/**
 * Key of a client address: all of an IPv4 address (4 bytes), the first 64 bits of an IPv6 address (16 bytes), because a
 * host changes the rest at will. Any other length (a unix socket) is hashed whole. Hot.
 */
export function keyOfAddress(address: Uint8Array, length: number): number {
  return keyOfBytes(address, 0, length === 16 ? 8 : length);
}

/** `keyOfBytes` of a string's UTF-8, for names in tables. */
export function hashText(text: string): number {
  const bytes = Buffer.from(text, 'utf8');
  return keyOfBytes(bytes, 0, bytes.length);
}

/** Separators of pairs: in a Cookie field and in a query. */
export const SEPARATOR = { COOKIE: 0x3b, QUERY: 0x26 } as const;
const EQUALS = 0x3d;
const SPACE = 0x20;

/** The value that `findPair` found: where it is. */
export const pairValue = { at: 0, bytes: 0 };

/**
 * Finds the first `name=value` among pairs separated by `separator` in `length` bytes at `at`, blanks before a pair
 * passed over; names compare byte by byte. Fills `pairValue` when it returns true. Hot: allocates nothing.
 */
export function findPair(bytes: Uint8Array, at: number, length: number, name: Uint8Array, separator: number): boolean {
  const end = at + length;
  while (at < end) {
    while (at < end && bytes[at] === SPACE) at++;
    let next = at;
    while (next < end && bytes[next] !== separator) next++;
    if (next - at > name.length && bytes[at + name.length] === EQUALS && startsWith(bytes, at, name)) {
      pairValue.at = at + name.length + 1;
      pairValue.bytes = next - pairValue.at;
      return true;
    }
    at = next + 1;
  }
  return false;
}

function startsWith(bytes: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[at + i] !== name[i]) return false;
  return true;
}
