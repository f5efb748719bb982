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
const POWERS = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000] as const;

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

  /** A whole number from 0 on, in decimal. */
  integer(value: number): void {
    const { out, bytes } = this;
    if (value > 0xffff_ffff) {
      out.text(String(value));
      return;
    }
    let length = 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) length++;
    let rest = value;
    for (let at = out.at + length - 1; at >= out.at; at--) {
      const next = Math.floor(rest / 10);
      bytes[at] = ZERO + (rest - next * 10);
      rest = next;
    }
    out.at += length;
  }

  /** `digits` decimal digits of `value`, with zeros in front. */
  digits(value: number, digits: number): void {
    let rest = value;
    for (let at = this.out.at + digits - 1; at >= this.out.at; at--) {
      const next = Math.floor(rest / 10);
      this.bytes[at] = ZERO + (rest - next * 10);
      rest = next;
    }
    this.out.at += digits;
  }

  /** Microseconds as seconds, with six digits. */
  seconds(us: number): void {
    const whole = Math.max(0, Math.round(us));
    const seconds = Math.floor(whole / POWERS[6]);
    this.integer(seconds);
    this.out.byte(POINT);
    this.digits(whole - seconds * POWERS[6], 6);
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
