// The Huffman code of HPACK (RFC 7541, 5.2 and appendix B).
// Owns the code, and reading and writing strings in it. Leaves lengths of strings to their callers.

/**
 * Bits of each symbol's code, 0 to 255, and of EOS. That is the whole code: it is canonical, so codes of one length follow each
 * other in the order of their symbols, and shorter ones go first.
 */
// biome-ignore format: sixteen to a line
const CODE_BITS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
   6, 10, 10, 12, 13,  6,  8, 11, 10, 10,  8, 11,  8,  6,  6,  6,
   5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8, 15,  6, 12, 10,
  13,  6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,
   7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8, 13, 19, 13, 14,  6,
  15,  5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,
   6,  7,  6,  5,  5,  6,  7,  7,  7,  7,  7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];
const EOS = 256;
const BITS_MAX = 30;

/** By symbol: its code. */
const codes = new Int32Array(CODE_BITS.length);
const codeBits = Uint8Array.from(CODE_BITS);
/** By length: the first code of that length, how many there are, and where their symbols begin in `symbols`. */
const firstCode = new Int32Array(BITS_MAX + 1);
const codeCount = new Int32Array(BITS_MAX + 1);
const firstSymbol = new Int32Array(BITS_MAX + 1);
const symbols = new Int16Array(CODE_BITS.length);

let nextCode = 0;
let placed = 0;
for (let bits = 1; bits <= BITS_MAX; bits++) {
  nextCode <<= 1;
  firstCode[bits] = nextCode;
  firstSymbol[bits] = placed;
  for (const [symbol, own] of CODE_BITS.entries()) {
    if (own !== bits) continue;
    codes[symbol] = nextCode++;
    symbols[placed++] = symbol;
  }
  codeCount[bits] = placed - firstSymbol[bits]!;
}

/**
 * What the next LOOK_BITS bits begin with: one symbol or two, whose codes fit them whole. 0 for a longer code.
 *
 *   bits 0-7 first symbol │ 8-15 second symbol │ 16-19 bits of the first │ 20-23 bits of all │ 24-25 symbols
 */
const LOOK_BITS = 12;
const looks = new Int32Array(1 << LOOK_BITS);
for (let first = 0; first < EOS; first++) {
  const firstBits = codeBits[first]!;
  if (firstBits > LOOK_BITS) continue;
  const rest = LOOK_BITS - firstBits;
  const from = codes[first]! << rest;
  looks.fill(first | (firstBits << 16) | (firstBits << 20) | (1 << 24), from, from + (1 << rest));
  for (let second = 0; second < EOS; second++) {
    const secondBits = codeBits[second]!;
    if (secondBits > rest) continue;
    const pair = from + (codes[second]! << (rest - secondBits));
    const word = first | (second << 8) | (firstBits << 16) | ((firstBits + secondBits) << 20) | (2 << 24);
    looks.fill(word, pair, pair + (1 << (rest - secondBits)));
  }
}

/** What `huffmanDecode` returns where it gives no address. */
export const HUFFMAN = { invalid: -1, noRoom: -2 } as const;

const LOOK_MASK = (1 << LOOK_BITS) - 1;
/** Padding is shorter than a byte (RFC 7541, 5.2). */
const PADDING_BITS_MAX = 7;

/**
 * Decodes the bytes of `from` between `at` and `end` to `into` at `to`. Returns the address behind the last byte written; or
 * HUFFMAN.noRoom when `limit`, the end of what may be written, is too near: two bytes in front of it are spare; or
 * HUFFMAN.invalid for padding that is too long or no ones, and for EOS. Hot.
 */
export function huffmanDecode(
  from: Uint8Array,
  at: number,
  end: number,
  into: Uint8Array,
  to: number,
  limit: number,
): number {
  let window = 0; // its low `bits` bits are those not looked at yet
  let bits = 0;
  let next = at;
  let out = to;
  for (;;) {
    while (bits <= 24 && next < end) {
      window = (window << 8) | from[next++]!;
      bits += 8;
    }
    if (bits < LOOK_BITS) break;
    const look = looks[(window >>> (bits - LOOK_BITS)) & LOOK_MASK]!;
    if (out + 2 > limit) return HUFFMAN.noRoom;
    if (look !== 0) {
      into[out] = look;
      into[out + 1] = look >> 8;
      out += look >> 24;
      bits -= (look >> 20) & 15;
      continue;
    }
    // A long code, of a byte that is rare: bit by bit.
    let length = LOOK_BITS;
    let code = (window >>> (bits - LOOK_BITS)) & LOOK_MASK;
    bits -= LOOK_BITS;
    do {
      if (bits === 0) {
        if (next === end) return HUFFMAN.invalid; // cut, or padding that is too long
        window = from[next++]!;
        bits = 8;
      }
      bits--;
      code = (code << 1) | ((window >>> bits) & 1);
      length++;
    } while (code - firstCode[length]! >= codeCount[length]!);
    const symbol = symbols[firstSymbol[length]! + code - firstCode[length]!]!;
    if (symbol === EOS) return HUFFMAN.invalid;
    into[out++] = symbol;
  }
  // The last bits, and ones behind them: what is left of a code must be padding.
  while (bits > 0) {
    const missing = LOOK_BITS - bits;
    const look = looks[((window << missing) | ((1 << missing) - 1)) & LOOK_MASK]!;
    const length = look === 0 ? LOOK_BITS : (look >> 16) & 15;
    if (length > bits) break;
    if (out + 2 > limit) return HUFFMAN.noRoom;
    into[out++] = look;
    bits -= length;
  }
  const ones = (1 << bits) - 1;
  return bits <= PADDING_BITS_MAX && (window & ones) === ones ? out : HUFFMAN.invalid;
}

/** Bytes that the `length` bytes at `at` take in the code. */
export function huffmanBytes(from: Uint8Array, at: number, length: number): number {
  let bits = 0;
  for (let i = at; i < at + length; i++) bits += codeBits[from[i]!]!;
  return (bits + 7) >> 3;
}

/** Encodes the `length` bytes at `at` to `into` at `to`, which has room for `huffmanBytes` of them. Returns the address behind. */
export function huffmanEncode(from: Uint8Array, at: number, length: number, into: Uint8Array, to: number): number {
  let window = 0;
  let bits = 0; // fewer than 8 between two symbols
  let out = to;
  for (let i = at; i < at + length; i++) {
    const symbol = from[i]!;
    let left = codeBits[symbol]!;
    const code = codes[symbol]!;
    // A code of up to 30 bits goes in by at most 24 at a time: with those before it stays within the word.
    if (left > 24) {
      left -= 24;
      window = (window << left) | (code >>> 24);
      bits += left;
      for (; bits >= 8; bits -= 8) into[out++] = window >>> (bits - 8);
      left = 24;
    }
    window = (window << left) | (code & ((1 << left) - 1));
    bits += left;
    for (; bits >= 8; bits -= 8) into[out++] = window >>> (bits - 8);
  }
  if (bits > 0) into[out++] = (window << (8 - bits)) | ((1 << (8 - bits)) - 1);
  return out;
}
