// Sets of addresses that may be large: ranges merged and sorted, so that asking takes the logarithm of their number.
// Owns merging and searching. Leaves parsing ranges to ranges.ts.

import type { AddressRange } from './ranges.js';

/** Words of 32 bits in an address of each family, by the length of the address in bytes. */
const WORDS = { 4: 1, 16: 4 } as const;

/** The addresses of one family: first and last one of each range, as words, ascending and apart from each other. */
interface Family {
  readonly words: number;
  readonly count: number;
  readonly first: Uint32Array;
  readonly last: Uint32Array;
}

/** Addresses of both families. Made once, only read afterwards. */
export class AddressSet {
  readonly #v4: Family;
  readonly #v6: Family;

  constructor(ranges: readonly AddressRange[]) {
    this.#v4 = familyOf(ranges, 4);
    this.#v6 = familyOf(ranges, 16);
  }

  /** True when the address of `length` bytes (4 or 16) at `at` is in the set. Any other length is no address. Hot: allocates nothing. */
  has(bytes: Uint8Array, at: number, length: number): boolean {
    if (length !== 4 && length !== 16) return false;
    const { words, count, first, last } = length === 4 ? this.#v4 : this.#v6;
    // The last range that does not begin behind the address is the only one that can hold it.
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(first, middle * words, bytes, at, words) <= 0) low = middle + 1;
      else high = middle;
    }
    return low > 0 && compare(last, (low - 1) * words, bytes, at, words) >= 0;
  }
}

/** Below 0 when the words at `index` come before the address at `at`, 0 when they are it. */
function compare(list: Uint32Array, index: number, bytes: Uint8Array, at: number, words: number): number {
  for (let word = 0; word < words; word++) {
    const difference = list[index + word]! - wordAt(bytes, at + word * 4);
    if (difference !== 0) return difference;
  }
  return 0;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function familyOf(ranges: readonly AddressRange[], length: 4 | 16): Family {
  const words = WORDS[length];
  const own = ranges.filter(({ address }) => address.length === length).map(endsOf);
  own.sort((a, b) => Buffer.compare(a.first, b.first));
  const merged: { first: Uint8Array; last: Uint8Array }[] = [];
  for (const range of own) {
    const before = merged.at(-1);
    if (before === undefined || Buffer.compare(range.first, before.last) > 0) merged.push(range);
    else if (Buffer.compare(range.last, before.last) > 0) before.last = range.last;
  }
  const flat = (end: 'first' | 'last'): Uint32Array =>
    Uint32Array.from({ length: merged.length * words }, (_, i) => {
      return wordAt(merged[Math.floor(i / words)]![end], (i % words) * 4);
    });
  return { words, count: merged.length, first: flat('first'), last: flat('last') };
}

/** The first and the last address of a range. */
function endsOf({ address, bits }: AddressRange): { first: Uint8Array; last: Uint8Array } {
  const mask = (index: number): number => (0xff00 >> Math.min(Math.max(bits - index * 8, 0), 8)) & 0xff;
  return {
    first: address.map((byte, index) => byte & mask(index)),
    last: address.map((byte, index) => byte | (~mask(index) & 0xff)),
  };
}
