// A slow and plain HPACK coder to compare with, written from RFC 7541 and nothing else: arrays, strings and a map of codes.

import { huffmanEncode } from '../../../../src/codec/h2/hpack/huffman.js';
import { STATIC_FIELDS } from '../../../../src/codec/h2/hpack/static-table.js';

export type Field = readonly [name: string, value: string];

interface Node {
  symbol?: number;
  [bit: number]: Node | undefined;
}

/** The codes as a tree. EOS has no place in it. */
const codeTree: Node = {};
for (let symbol = 0; symbol < 256; symbol++) {
  let node = codeTree;
  for (const bit of codeOf(symbol)) {
    node[Number(bit)] ??= {};
    node = node[Number(bit)]!;
  }
  node.symbol = symbol;
}

/** The code of a symbol, from how often it fits: eight of one symbol take as many bytes as its code has bits. */
function codeOf(symbol: number): string {
  const into = new Uint8Array(64);
  const bytes = huffmanEncode(new Uint8Array(8).fill(symbol), 0, 8, into, 0);
  const all = Array.from(into.subarray(0, bytes), (byte) => byte.toString(2).padStart(8, '0')).join('');
  return all.slice(0, bytes);
}

const bytesOf = ([name, value]: Field): number => name.length + value.length + 32;

class Malformed extends Error {}

/** Reads blocks one bit and one string at a time. Null for a block that is not valid; then it must not be used again. */
export class ReferenceDecoder {
  readonly #table: Field[] = [];
  #bytes = 0;
  #bytesMax: number;
  readonly #allowed: number;

  constructor(allowed = 4096) {
    this.#allowed = allowed;
    this.#bytesMax = allowed;
  }

  read(block: Uint8Array): Field[] | null {
    try {
      return this.#read(block);
    } catch (error) {
      if (error instanceof Malformed) return null;
      throw error;
    }
  }

  #read(block: Uint8Array): Field[] {
    const fields: Field[] = [];
    let at = 0;
    const integer = (mask: number): number => {
      let value = block[at++]! & mask;
      if (value < mask) return value;
      for (let shift = 0, more = true; more; shift += 7) {
        if (at === block.length || shift > 21) throw new Malformed();
        const byte = block[at++]!;
        value += (byte & 127) * 2 ** shift;
        more = byte > 127;
      }
      return value;
    };
    const text = (): string => {
      if (at === block.length) throw new Malformed();
      const coded = block[at]! > 127;
      const length = integer(127);
      if (at + length > block.length) throw new Malformed();
      const bytes = block.subarray(at, at + length);
      at += length;
      return coded ? decodeHuffman(bytes) : Buffer.from(bytes).toString('latin1');
    };
    const byIndex = (index: number): Field => {
      const field = index <= STATIC_FIELDS.length ? STATIC_FIELDS[index - 1] : this.#table[index - 62];
      if (field === undefined) throw new Malformed();
      return field;
    };
    while (at < block.length) {
      const first = block[at]!;
      if (first >= 128) {
        fields.push(byIndex(integer(127)));
      } else if (first >= 32 && first < 64) {
        if (fields.length > 0) throw new Malformed();
        const bytesMax = integer(31);
        if (bytesMax > this.#allowed) throw new Malformed();
        this.#bytesMax = bytesMax;
        this.#evict();
      } else {
        const index = integer(first >= 64 ? 63 : 15);
        const name = index === 0 ? text() : byIndex(index)[0];
        const field: Field = [name, text()];
        fields.push(field);
        if (first >= 64) {
          this.#table.unshift(field);
          this.#bytes += bytesOf(field);
          this.#evict();
        }
      }
    }
    return fields;
  }

  #evict(): void {
    while (this.#bytes > this.#bytesMax) this.#bytes -= bytesOf(this.#table.pop()!);
  }
}

function decodeHuffman(bytes: Uint8Array): string {
  let node = codeTree;
  let depth = 0;
  let ones = true;
  let text = '';
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const value = (bytes[bit >> 3]! >> (7 - (bit & 7))) & 1;
    const next: Node | undefined = node[value];
    depth++;
    ones &&= value === 1;
    if (next === undefined) throw new Malformed(); // EOS alone is missing
    node = next;
    if (node.symbol === undefined) continue;
    text += String.fromCharCode(node.symbol);
    node = codeTree;
    depth = 0;
    ones = true;
  }
  if (depth > 7 || !ones) throw new Malformed();
  return text;
}

/** A block with the fields, each written in a way that `choose(n)`, which picks a number below n, decides. */
export class ReferenceEncoder {
  readonly #table: Field[] = [];
  #bytes = 0;

  write(fields: readonly Field[], choose: (below: number) => number): Buffer {
    const bytes: number[] = [];
    const integer = (first: number, mask: number, value: number): void => {
      if (value < mask) {
        bytes.push(first | value);
        return;
      }
      bytes.push(first | mask);
      let left = value - mask;
      for (; left > 127; left >>= 7) bytes.push((left & 127) | 128);
      bytes.push(left);
    };
    const text = (value: string): void => {
      const plain = Buffer.from(value, 'latin1');
      if (choose(2) === 0) {
        integer(0, 127, plain.length);
        bytes.push(...plain);
        return;
      }
      const coded = new Uint8Array(plain.length * 4 + 4);
      const length = huffmanEncode(plain, 0, plain.length, coded, 0);
      integer(128, 127, length);
      bytes.push(...coded.subarray(0, length));
    };
    for (const [name, value] of fields) {
      const whole: number[] = [];
      const named: number[] = [];
      for (let i = 0; i < STATIC_FIELDS.length + this.#table.length; i++) {
        const [knownName, knownValue] = STATIC_FIELDS[i] ?? this.#table[i - STATIC_FIELDS.length]!;
        if (knownName !== name) continue;
        named.push(i + 1);
        if (knownValue === value) whole.push(i + 1);
      }
      if (whole.length > 0 && choose(4) > 0) {
        integer(128, 127, whole[choose(whole.length)]!);
        continue;
      }
      const index = named.length > 0 && choose(4) > 0 ? named[choose(named.length)]! : 0;
      const way = choose(3);
      if (way === 0) integer(64, 63, index);
      else integer(way === 1 ? 0 : 16, 15, index);
      if (index === 0) text(name);
      text(value);
      if (way > 0) continue;
      this.#table.unshift([name, value]);
      this.#bytes += bytesOf([name, value]);
      while (this.#bytes > 4096) this.#bytes -= bytesOf(this.#table.pop()!);
    }
    return Buffer.from(bytes);
  }
}
