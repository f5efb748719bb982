// IP addresses between text and bytes.
// Owns both directions. Leaves ranges of them to ranges.ts.

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

/** The address of `length` bytes at `at` as text; empty unless those are 4 or 16. IPv6 in the form of RFC 5952. */
export function addressText(bytes: Uint8Array, at = 0, length = bytes.length): string {
  if (length === 4) return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
  if (length !== 16) return '';
  const groups: string[] = [];
  for (let i = at; i < at + 16; i += 2) groups.push(((bytes[i]! << 8) | bytes[i + 1]!).toString(16));
  return shortest(groups);
}

/** Joins eight groups, the longest run of zeros (two or more) as `::`. */
function shortest(groups: string[]): string {
  let from = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === '0') end++;
    if (end - i > length) {
      from = i;
      length = end - i;
    }
    if (end > i) i = end;
  }
  if (from < 0) return groups.join(':');
  return `${groups.slice(0, from).join(':')}::${groups.slice(from + length).join(':')}`;
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
