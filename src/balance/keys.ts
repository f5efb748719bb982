// Keys for hashing balancers: 32 bits from bytes, evenly spread.
// Owns the hash. Leaves finding the bytes in a request to exchange/affinity.ts.

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
 * Key of a client address, at `at` of `bytes`: all of an IPv4 address (4 bytes), the first 64 bits of an IPv6 address (16 bytes), because a
 * host changes the rest at will. Any other length (a unix socket) is hashed whole. Hot.
 */
export function keyOfAddress(bytes: Uint8Array, at: number, length: number): number {
  return keyOfBytes(bytes, at, length === 16 ? 8 : length);
}

/** `keyOfBytes` of a string's UTF-8, for names in tables. */
export function hashText(text: string): number {
  const bytes = Buffer.from(text, 'utf8');
  return keyOfBytes(bytes, 0, bytes.length);
}
