// Client addresses and CIDR ranges, from text to bytes.
// Owns parsing them. Leaves comparing to conditions.ts.

import { isIPv4, isIPv6 } from 'node:net';

/** The addresses whose first `bits` bits equal those of `address` (4 or 16 bytes). */
export interface AddressRange {
  readonly address: Uint8Array;
  readonly bits: number;
}

/** An IPv4 or IPv6 address as 4 or 16 bytes; undefined when it is neither. IPv4 mapped into IPv6 becomes IPv4. */
export function parseAddress(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const bytes = parseIPv6(text);
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped ? bytes.slice(12) : bytes;
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address; undefined when it is none of them. */
export function parseRange(text: string): AddressRange | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const width = address.length * 8;
  if (slash === -1) return { address, bits: width };
  const digits = text.slice(slash + 1);
  // The length of a mapped range counts the 96 bits that were taken off with the mapping.
  const bits = Number(digits) - (address.length === 4 && text.includes(':') ? 96 : 0);
  return /^\d{1,3}$/.test(digits) && bits >= 0 && bits <= width ? { address, bits } : undefined;
}

/** 4 or 16 bytes as an address in text. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const words = Array.from({ length: 8 }, (_, i) => (bytes[i * 2]! * 256 + bytes[i * 2 + 1]!).toString(16));
  // URL parsing writes the shortest form (RFC 5952).
  return new URL(`http://[${words.join(':')}]`).hostname.slice(1, -1);
}

function parseIPv6(text: string): Uint8Array {
  const [head = '', tail] = text.split('::');
  const first = groups(head);
  const last = tail === undefined ? [] : groups(tail);
  const words = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
}

function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}
