// Reads a chunked body (RFC 9112, 7.1), cut anywhere: takes the framing off, drops extensions, keeps trailers as text.
// Owns the grammar of chunks. Leaves limits on bodies, and which trailers go on, to codec/h1/read-body.ts.

import { withoutBlanksAround } from '../base/blanks.js';
import { isBlank } from '../base/bytes.js';
import { hexValue } from '../base/hex.js';
import { isToken } from './fields.js';
import { PARSED } from './parsed.js';

/** Bytes of trailer fields one chunked message may carry. */
export const TRAILER_BYTES_MAX = 8192;

/*
 * Where in the body the next byte is. BLANKS states have seen white space that is only allowed in front of `;` or `=`.
 *
 *   SIZE ─► DIGITS ─[blanks]─ ; ─► NAME_FIRST ─► NAME ─[blanks]─ = ─► VALUE_FIRST ─► VALUE, or QUOTED ─► QUOTE_END ─[blanks]─ ; …
 *    ▲         └─────────────────────────── CR ─┴──────────────────────────────────────┴──► SIZE_LF
 *    └── DATA_LF ◄── DATA_CR ◄── DATA ◄──────────────────────────────────────────────────────┤ size > 0
 *        LINE ◄──────────────────────────────────────────────────────────────────────────────┘ size 0
 *          ├─► TRAILER_NAME ─[blanks]─ : ─► TRAILER_VALUE ─ CR ─► TRAILER_LF ─► LINE
 *          └─ CR ─► LAST_LF ─► DONE
 */
const AT = {
  SIZE: 0,
  DIGITS: 1,
  SIZE_BLANKS: 2,
  NAME_FIRST: 3,
  NAME: 4,
  NAME_BLANKS: 5,
  VALUE_FIRST: 6,
  VALUE: 7,
  QUOTED: 8,
  ESCAPED: 9,
  QUOTE_END: 10,
  VALUE_BLANKS: 11,
  SIZE_LF: 12,
  DATA: 13,
  DATA_CR: 14,
  DATA_LF: 15,
  LINE: 16,
  TRAILER_NAME: 17,
  TRAILER_BLANKS: 18,
  TRAILER_VALUE: 19,
  TRAILER_LF: 20,
  LAST_LF: 21,
  DONE: 22,
} as const;

const INVALID = -1;
const TOO_LONG = -2;

/** A size that grows from more than this has more bits than a safe integer. */
const LEFT_MAX = Math.floor(Number.MAX_SAFE_INTEGER / 16);

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

/** Digits that are read in one go: the number they make is a small integer. */
const PLAIN_DIGITS_MAX = 7;

/** What a field value and a quoted string may hold (RFC 9110, 5.5): no control character but the tab. */
const isText = (byte: number): boolean => (byte >= SPACE && byte !== 0x7f) || byte === TAB;

/** One chunked body after the other; reused. Allocates nothing unless there are trailers. */
export class ChunkedBody {
  /** Where the decoded body of the last `read` lies, moved together, and how long it is. */
  bodyAt = 0;
  bodyBytes = 0;
  /** Address behind the last byte of the message, once complete. */
  endAt = 0;
  /** Bytes still to come of the chunk under way, as far as its size has been read. */
  left = 0;
  /** Trailer fields of a finished body, as lines `name: value` CRLF; empty without trailers. */
  trailers = '';
  #at: number = AT.SIZE;
  #fromServer = false;
  #name = '';
  #value = '';

  /**
   * Makes it fresh for a new body. `fromServer`: blanks behind a size and in front of a trailer's colon are read, as RFC
   * 9112, 5.1 has it for answers; from clients they are refused.
   */
  begin(fromServer: boolean): void {
    this.#at = AT.SIZE;
    this.#fromServer = fromServer;
    this.left = 0;
    this.trailers = '';
    this.#name = '';
    this.#value = '';
  }

  /**
   * Reads `bytes` bytes at `at`. The decoded pieces are moved together at the front of the input, whose chunk is the
   * caller's. Returns PARSED.partial, complete (`endAt` says where), invalid or trailersTooLong.
   */
  read(memory: Uint8Array, at: number, bytes: number): number {
    const end = at + bytes;
    this.bodyAt = at;
    this.bodyBytes = 0;
    for (let i = at; i < end; ) {
      if (this.#at === AT.DATA) {
        const here = Math.min(this.left, end - i);
        this.#take(memory, i, here);
        i += here;
        this.left -= here;
        if (this.left > 0) break;
        this.#at = AT.DATA_CR;
        if (i + 1 < end && memory[i] === CR && memory[i + 1] === LF) {
          this.#at = AT.SIZE;
          i += 2;
        }
        continue;
      }
      if (this.#at === AT.SIZE) {
        const behind = this.#plainSize(memory, i, end);
        if (behind > 0) {
          i = behind;
          continue;
        }
      }
      const byte = memory[i++]!;
      const next = this.#at >= AT.DATA_CR ? this.#afterData(byte) : this.#inSize(byte);
      if (next < 0) return next === TOO_LONG ? PARSED.trailersTooLong : PARSED.invalid;
      this.#at = next;
      if (next === AT.DONE) {
        this.endAt = i;
        return PARSED.complete;
      }
    }
    return PARSED.partial;
  }

  /**
   * Reads a size as nearly all are: a few digits and CRLF, all of it here. Returns the address behind it, or 0 for what is not so
   * simple and is left to be read byte by byte.
   */
  #plainSize(memory: Uint8Array, at: number, end: number): number {
    let size = 0;
    let i = at;
    const most = Math.min(end, at + PLAIN_DIGITS_MAX);
    for (; i < most; i++) {
      const digit = hexValue(memory[i]!);
      if (digit < 0) break;
      size = size * 16 + digit;
    }
    if (i === at || i + 1 >= end || memory[i] !== CR || memory[i + 1] !== LF) return 0;
    this.left = size;
    this.#at = size === 0 ? AT.LINE : AT.DATA;
    return i + 2;
  }

  /** Puts a piece of the body behind those there are. */
  #take(memory: Uint8Array, at: number, bytes: number): void {
    const to = this.bodyAt + this.bodyBytes;
    if (this.bodyBytes === 0) this.bodyAt = at;
    else memory.copyWithin(to, at, at + bytes);
    this.bodyBytes += bytes;
  }

  /** One byte of the line with the size: the next state, or INVALID. */
  #inSize(byte: number): number {
    switch (this.#at) {
      case AT.SIZE: {
        this.left = hexValue(byte);
        return this.left < 0 ? INVALID : AT.DIGITS;
      }
      case AT.DIGITS: {
        const digit = hexValue(byte);
        if (digit < 0) return this.#gap(byte, AT.SIZE_BLANKS);
        // Refused as soon as it is known: no body is as long as that.
        if (this.left > LEFT_MAX) return INVALID;
        this.left = this.left * 16 + digit;
        return AT.DIGITS;
      }
      case AT.NAME_FIRST:
        return isBlank(byte) ? AT.NAME_FIRST : isToken[byte] === 1 ? AT.NAME : INVALID;
      case AT.NAME:
        if (isToken[byte] === 1) return AT.NAME;
        return byte === EQUALS ? AT.VALUE_FIRST : this.#gap(byte, AT.NAME_BLANKS);
      case AT.NAME_BLANKS:
        return byte === EQUALS ? AT.VALUE_FIRST : this.#gap(byte, AT.NAME_BLANKS);
      case AT.VALUE_FIRST:
        if (isBlank(byte)) return AT.VALUE_FIRST;
        return byte === QUOTE ? AT.QUOTED : isToken[byte] === 1 ? AT.VALUE : INVALID;
      case AT.VALUE:
        return isToken[byte] === 1 ? AT.VALUE : this.#gap(byte, AT.VALUE_BLANKS);
      case AT.QUOTED:
        if (byte === QUOTE) return AT.QUOTE_END;
        return byte === BACKSLASH ? AT.ESCAPED : isText(byte) ? AT.QUOTED : INVALID;
      case AT.ESCAPED:
        return isText(byte) ? AT.QUOTED : INVALID;
      case AT.QUOTE_END:
        return this.#gap(byte, AT.VALUE_BLANKS);
      case AT.SIZE_BLANKS:
      case AT.VALUE_BLANKS:
        return this.#gap(byte, this.#at);
      default: // AT.SIZE_LF
        return byte !== LF ? INVALID : this.left === 0 ? AT.LINE : AT.DATA;
    }
  }

  /**
   * What may follow a size, a name or a value: blanks, another extension, or the end of the line. Blanks belong to what
   * follows them (BWS, RFC 9110, 5.6.3), so from clients they may not end a line.
   */
  #gap(byte: number, blanks: number): number {
    if (isBlank(byte)) return blanks;
    if (byte === SEMICOLON) return AT.NAME_FIRST;
    return byte === CR && (this.#at !== blanks || this.#fromServer) ? AT.SIZE_LF : INVALID;
  }

  /** One byte behind the data of a chunk, or behind the last chunk: the next state, INVALID or TOO_LONG. */
  #afterData(byte: number): number {
    switch (this.#at) {
      case AT.DATA_CR:
        return byte === CR ? AT.DATA_LF : INVALID;
      case AT.DATA_LF:
        return byte === LF ? AT.SIZE : INVALID;
      case AT.LINE:
        if (byte === CR) return AT.LAST_LF;
        return isToken[byte] === 1 ? this.#nameGrows(byte) : INVALID;
      case AT.TRAILER_NAME:
        if (isToken[byte] === 1) return this.#nameGrows(byte);
        return byte === COLON ? AT.TRAILER_VALUE : this.#fromServer && isBlank(byte) ? AT.TRAILER_BLANKS : INVALID;
      case AT.TRAILER_BLANKS:
        return byte === COLON ? AT.TRAILER_VALUE : isBlank(byte) ? AT.TRAILER_BLANKS : INVALID;
      case AT.TRAILER_VALUE:
        if (byte === CR) return AT.TRAILER_LF;
        if (!isText(byte)) return INVALID;
        this.#value += String.fromCharCode(byte);
        return this.#isTooLong() ? TOO_LONG : AT.TRAILER_VALUE;
      case AT.TRAILER_LF:
        if (byte !== LF) return INVALID;
        this.trailers += `${this.#name}: ${withoutBlanksAround(this.#value)}\r\n`;
        this.#name = '';
        this.#value = '';
        return AT.LINE;
      default: // AT.LAST_LF
        return byte === LF ? AT.DONE : INVALID;
    }
  }

  /** Trailers are rare and may be cut anywhere, so they are kept as text. */
  #nameGrows(byte: number): number {
    this.#name += String.fromCharCode(byte);
    return this.#isTooLong() ? TOO_LONG : AT.TRAILER_NAME;
  }

  #isTooLong(): boolean {
    return this.trailers.length + this.#name.length + this.#value.length > TRAILER_BYTES_MAX;
  }
}
