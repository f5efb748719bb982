// Lines as bytes: written into one buffer, one behind the other, until they go out together.
// Owns numbers, texts and how bytes are escaped that could break a line. Leaves what a line says to the formats.
// Hot: runs for each field of each line.

import { Constant, Writer } from '../../engine/text.js';

/** Bytes that one byte of a text takes at most, escaped. */
export const ESCAPED_BYTES = 6;
/** As many bytes are collected before they go out, if there are as many at once. */
export const BATCH_BYTES = 65_536;

const HEX = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
const [QUOTE, BACKSLASH, SMALL_U, SMALL_X, ZERO, POINT] = [0x22, 0x5c, 0x75, 0x78, 0x30, 0x2e];
/** In place of a byte that is no UTF-8 (U+FFFD), and behind a text that was cut (U+2026). */
const REPLACEMENT = new Constant(Buffer.from('\ufffd').toString('latin1'));
const ELLIPSIS = new Constant(Buffer.from('\u2026').toString('latin1'));
const MICROSECONDS = 1_000_000;
const INT_MAX = 2 ** 31 - 1;
/** The two digits of every number below 100: the first in the low byte. */
const DIGIT_PAIRS = Uint16Array.from({ length: 100 }, (_, n) => ZERO + Math.floor(n / 10) + ((ZERO + (n % 10)) << 8));
const NO_SECONDS = new Constant('0.000000');

/** How many digits a number from 1 on has. */
function digitsOf(value: number): number {
  if (value < 10_000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4;
  if (value < 100_000_000) return value < 1_000_000 ? (value < 100_000 ? 5 : 6) : value < 10_000_000 ? 7 : 8;
  return value < 1_000_000_000 ? 9 : 10;
}

/** Bytes that stand for themselves in a JSON string. */
const PLAIN_JSON = plainBytes((byte) => byte >= 0x20 && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH);

function plainBytes(isPlain: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (isPlain(byte) ? 1 : 0));
}

/** A constant part of lines, of any characters. */
export const constant = (text: string): Constant => new Constant(Buffer.from(text).toString('latin1'));

export class Lines {
  bytes = new Uint8Array(BATCH_BYTES);
  out = new Writer(this.bytes);
  /** Lines in it. */
  count = 0;

  /** Makes room for lines of this length behind a batch. Call it while there are none: what is written is never checked. */
  reserve(lineBytesMax: number): void {
    if (this.bytes.length >= BATCH_BYTES + lineBytesMax) return;
    this.bytes = new Uint8Array(BATCH_BYTES + lineBytesMax);
    this.out = new Writer(this.bytes);
  }

  /** Bytes in it. */
  get length(): number {
    return this.out.at;
  }

  clear(): void {
    this.out.at = 0;
    this.count = 0;
  }

  /** Bytes of ours that are many. */
  long(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.out.at);
    this.out.at += bytes.length;
  }

  /** A whole number from 0 on, in decimal. */
  integer(value: number): void {
    const { out, bytes } = this;
    if (value > INT_MAX) {
      out.text(String(value));
      return;
    }
    let rest = value | 0;
    if (rest < 10) {
      out.byte(ZERO + rest);
      return;
    }
    let at = out.at + digitsOf(rest);
    out.at = at;
    for (; rest >= 10; rest = (rest / 100) | 0) {
      const pair = DIGIT_PAIRS[rest % 100]!;
      bytes[--at] = pair >> 8;
      bytes[--at] = pair & 255;
    }
    // Of an odd number of digits the first one is left.
    if (rest > 0) bytes[--at] = ZERO + rest;
  }

  /** `digits` decimal digits of `value`, which has no more, with zeros in front. */
  digits(value: number, digits: number): void {
    let rest = value | 0;
    let at = this.out.at + digits;
    this.out.at = at;
    for (let i = 0; i < digits; i++, rest = (rest / 10) | 0) this.bytes[--at] = ZERO + (rest % 10);
  }

  /** Microseconds as seconds, with six digits. */
  seconds(us: number): void {
    const { out, bytes } = this;
    if (us < 1) {
      out.put(NO_SECONDS);
      return;
    }
    const seconds = us < MICROSECONDS ? 0 : Math.floor(us / MICROSECONDS);
    const rest = (us - seconds * MICROSECONDS) | 0;
    this.integer(seconds);
    const { at } = out;
    bytes[at] = POINT;
    const high = (rest / 10_000) | 0;
    const low = rest % 10_000;
    const first = DIGIT_PAIRS[high]!;
    const second = DIGIT_PAIRS[(low / 100) | 0]!;
    const third = DIGIT_PAIRS[low % 100]!;
    bytes[at + 1] = first & 255;
    bytes[at + 2] = first >> 8;
    bytes[at + 3] = second & 255;
    bytes[at + 4] = second >> 8;
    bytes[at + 5] = third & 255;
    bytes[at + 6] = third >> 8;
    out.at = at + 7;
  }

  /** Bytes as the inside of a JSON string. What is no UTF-8 becomes U+FFFD; `cut` says that there was more. */
  json(from: Uint8Array, at: number, length: number, cut: boolean): void {
    const { bytes, out } = this;
    const end = at + length;
    let to = out.at;
    for (let i = at; i < end; ) {
      const byte = from[i]!;
      if (PLAIN_JSON[byte] === 1) {
        bytes[to++] = byte;
        i++;
        continue;
      }
      out.at = to;
      const sequence = byte < 0x80 ? 0 : utf8Length(from, i, end);
      if (byte < 0x80) this.#escapeJson(byte);
      else if (sequence === 0) out.put(REPLACEMENT);
      // C1 controls (U+0080 to U+009F) move the cursor of some terminals.
      else if (byte === 0xc2 && from[i + 1]! < 0xa0) this.#escapeJson(from[i + 1]!);
      else for (let k = 0; k < sequence; k++) out.byte(from[i + k]!);
      to = out.at;
      i += Math.max(1, sequence);
    }
    out.at = to;
    if (cut) out.put(ELLIPSIS);
  }

  #escapeJson(byte: number): void {
    const { out } = this;
    out.byte(BACKSLASH);
    if (byte === QUOTE || byte === BACKSLASH) {
      out.byte(byte);
      return;
    }
    out.byte(SMALL_U);
    out.byte(ZERO);
    out.byte(ZERO);
    out.byte(HEX[byte >> 4]!);
    out.byte(HEX[byte & 15]!);
  }

  /** Bytes as nginx writes them in a log: `\xHH` for quotes, backslashes, and whatever is not printable ASCII. */
  plain(from: Uint8Array, at: number, length: number, cut: boolean): void {
    const { bytes, out } = this;
    let to = out.at;
    for (let i = at; i < at + length; i++) {
      const byte = from[i]!;
      if (PLAIN_JSON[byte] === 1) {
        bytes[to++] = byte;
        continue;
      }
      bytes[to] = BACKSLASH;
      bytes[to + 1] = SMALL_X;
      bytes[to + 2] = HEX[byte >> 4]!;
      bytes[to + 3] = HEX[byte & 15]!;
      to += 4;
    }
    out.at = to;
    if (cut) out.put(ELLIPSIS);
  }
}

/** Length of the well-formed UTF-8 sequence at `at` (Unicode, table 3-7), or 0 when there is none. For bytes from 0x80 on. */
function utf8Length(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at]!;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > end) return 0;
  const second = bytes[at + 1]!;
  const from = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const to = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < from || second > to) return 0;
  for (let i = at + 2; i < at + length; i++) if ((bytes[i]! & 0xc0) !== 0x80) return 0;
  return length;
}
