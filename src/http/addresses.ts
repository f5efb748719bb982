// IP addresses between text and bytes.
// Owns both directions. Leaves ranges of them to routing/ranges.ts.

import { isIPv4, isIPv6 } from 'node:net';

/** An IPv4 or IPv6 address as 4 or 16 bytes; undefined when it is neither. IPv4 mapped into IPv6 becomes IPv4. */
export function parseAddress(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return withoutMapping(parseIPv6(text));
}

/** An address as rules know it: 4 bytes for IPv4, also when it came mapped into IPv6 (RFC 4291, 2.5.5.2). */
export function withoutMapping(address: Uint8Array): Uint8Array {
  if (address.length === 4) return address;
  const isMapped = address.subarray(0, 10).every((byte) => byte === 0) && address[10] === 0xff && address[11] === 0xff;
  return isMapped ? address.slice(12) : address;
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
