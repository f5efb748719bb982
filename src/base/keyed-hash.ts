// A hash with a secret: who does not know the secret cannot choose inputs that meet in one place of a table.
// HalfSipHash-2-4 with 64 bits of output: words of 32 bits, which JavaScript computes without allocating.

const rotate = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));

/** Hashes one input at a time. The result stands in `low` and `high` until the next one. */
export class KeyedHash {
  low = 0;
  high = 0;
  readonly #k0: number;
  readonly #k1: number;
  #v0 = 0;
  #v1 = 0;
  #v2 = 0;
  #v3 = 0;

  constructor(k0: number, k1: number) {
    this.#k0 = k0 | 0;
    this.#k1 = k1 | 0;
  }

  /** Hashes `length` bytes at `at`. Hot: allocates nothing. */
  of(bytes: Uint8Array, at: number, length: number): void {
    this.#begin();
    const whole = at + (length & ~3);
    for (let i = at; i < whole; i += 4) {
      this.#word(bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
    }
    let last = length << 24;
    for (let i = 0; i < (length & 3); i++) last |= bytes[whole + i]! << (8 * i);
    this.#end(last);
  }

  /** Hashes four words. */
  ofWords(a: number, b: number, c: number, d: number): void {
    this.#begin();
    this.#word(a);
    this.#word(b);
    this.#word(c);
    this.#word(d);
    this.#end(16 << 24);
  }

  #begin(): void {
    this.#v0 = this.#k0;
    this.#v1 = this.#k1 ^ 0xee;
    this.#v2 = 0x6c796765 ^ this.#k0;
    this.#v3 = 0x74656462 ^ this.#k1;
  }

  #word(word: number): void {
    this.#v3 ^= word;
    this.#rounds(2);
    this.#v0 ^= word;
  }

  #end(last: number): void {
    this.#word(last);
    this.#v2 ^= 0xee;
    this.#rounds(4);
    this.low = this.#v1 ^ this.#v3;
    this.#v1 ^= 0xdd;
    this.#rounds(4);
    this.high = this.#v1 ^ this.#v3;
  }

  #rounds(count: number): void {
    let v0 = this.#v0;
    let v1 = this.#v1;
    let v2 = this.#v2;
    let v3 = this.#v3;
    for (let i = 0; i < count; i++) {
      v0 = (v0 + v1) | 0;
      v1 = rotate(v1, 5) ^ v0;
      v0 = rotate(v0, 16);
      v2 = (v2 + v3) | 0;
      v3 = rotate(v3, 8) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = rotate(v3, 7) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = rotate(v1, 13) ^ v2;
      v2 = rotate(v2, 16);
    }
    this.#v0 = v0;
    this.#v1 = v1;
    this.#v2 = v2;
    this.#v3 = v3;
  }
}
