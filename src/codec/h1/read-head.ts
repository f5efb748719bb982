// Reads the head of a request, cut anywhere, in place.
// Owns parking: an incomplete head leaves the slab, so that slow clients cannot fill it.

import { assert } from '../../base/assert.js';
import { NO_ADDRESS } from '../../exchange/exchange.js';
import { type HeadParser, LLHTTP_ERROR } from '../../http/llhttp.js';
import { PARSED } from '../../http/parsed.js';
import type { ReasonCode } from '../../http/reasons.js';
import { CLIENT, type ClientConnection } from '../connections.js';
import type { CodecContext } from '../context.js';
import { Parked } from '../parked.js';
import { isLong, type LongHead, moveToRun } from './long-head.js';

/** What reading made of the bytes: the head is complete, more is needed, or the reason why not. */
export type HeadResult = 'complete' | 'partial' | ReasonCode;

const CR = 0x0d;
const LF = 0x0a;

/**
 * Copies what there is of a head out of the slab. With the parser kept and all its spans relative, reading goes on
 * behind the copy once it has been put in front of the bytes to come.
 */
export function park(w: CodecContext, parser: HeadParser, end: number): Parked {
  const { base } = parser.head;
  return new Parked(w.memory, base, end - base);
}

/** Puts a parked head in front of the bytes that continue it; `at` must have been received with that much room. */
export function unpark(w: CodecContext, parser: HeadParser, parked: Parked, at: number): void {
  assert(at - w.engine.chunkOf(at) >= parked.length, 'there is room for what is parked in front of what follows it');
  parser.head.base = parked.putBefore(w.memory, at);
}

/** True when what stands where a method should is a token and a space: then it is a method, only not one we know. */
function hasMethodToken(memory: Uint8Array, at: number, end: number): boolean {
  for (let i = at; i < end; i++) {
    const byte = memory[i]!;
    if (byte === 0x20) return i > at;
    const letter = byte | 0x20;
    if ((letter < 0x61 || letter > 0x7a) && byte !== 0x2d && byte !== 0x5f) return false;
  }
  return false;
}

/** How headers of the PROXY protocol begin. Those of version 2 do so with two empty lines, which were skipped. */
const PROXY_HEADERS = ['PROXY TCP4 ', 'PROXY TCP6 ', 'PROXY UNKNOWN', '\0\r\nQUIT\n'].map((text) =>
  Buffer.from(text, 'latin1'),
);

/** True when a head begins with a PROXY header where none is expected: mostly `proxyProtocol.from` lacks the address. */
function hasProxyHeader(memory: Uint8Array, at: number, end: number): boolean {
  return PROXY_HEADERS.some((start) => at + start.length <= end && start.every((byte, i) => memory[at + i] === byte));
}

const VERSION = Buffer.from(' HTTP/', 'latin1');

/**
 * True when the first line, as far as it is here, ends in a well-formed version: then it is one, only not ours
 * (RFC 9112, 2.3).
 */
function hasVersion(memory: Uint8Array, at: number, end: number): boolean {
  let line = at;
  while (line < end && memory[line] !== CR && memory[line] !== LF) line++;
  const digit = line - 3;
  const start = digit - VERSION.length;
  if (start < at || memory[digit + 1] !== 0x2e || (line < end && memory[line] === LF)) return false;
  if (!isDigit(memory[digit]!) || !isDigit(memory[digit + 2]!)) return false;
  return VERSION.every((byte, i) => memory[start + i] === byte);
}

/** True when a first line is complete and ends in no version: what begins like that is no request of HTTP/1. */
export function hasNoVersion(memory: Uint8Array, at: number, end: number): boolean {
  for (let i = at; i < end; i++) if (memory[i] === LF) return !hasVersion(memory, at, i);
  return false;
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

const FRAMING_ERRORS: ReadonlySet<number> = new Set([
  LLHTTP_ERROR.transferEncoding,
  LLHTTP_ERROR.contentLength,
  LLHTTP_ERROR.invalidLength,
]);

/** Why a request that llhttp took for none is refused; its bytes, as far as they are here, end at `end`. */
export function refusalOf(memory: Uint8Array, parser: HeadParser, end: number): ReasonCode {
  switch (parser.errorCode) {
    case LLHTTP_ERROR.h2Preface: // llhttp takes it for a wish to upgrade
      return 'VERSION_UNKNOWN';
    case LLHTTP_ERROR.invalidVersion:
      return hasVersion(memory, parser.head.base, end) ? 'VERSION_UNKNOWN' : 'REQUEST_MALFORMED';
    case LLHTTP_ERROR.invalidMethod:
      if (hasProxyHeader(memory, parser.head.base, end)) return 'PROXY_HEADER_UNEXPECTED';
      return hasMethodToken(memory, parser.head.base, end) ? 'METHOD_UNKNOWN' : 'REQUEST_MALFORMED';
    default:
      return FRAMING_ERRORS.has(parser.errorCode) ? 'REQUEST_FRAMING' : 'REQUEST_MALFORMED';
  }
}

/**
 * Reads on with `bytes` bytes at `at`, whose chunk reference passes to this function. When the head is complete the
 * client connection holds it (`headAt`), and what follows is pending. On a failure it holds the head too, so that an
 * answer can be made.
 */
export function readHead(w: CodecContext, client: ClientConnection, at: number, bytes: number): HeadResult {
  if (client.longHead !== null) return readLongHead(w, client, client.longHead, at, bytes);
  const { limits } = w;
  const end = at + bytes;
  let from = at;
  if (client.state === CLIENT.IDLE) {
    // Empty lines in front of a request line are to be ignored (RFC 9112, 2.2).
    while (from < end && (w.memory[from] === CR || w.memory[from] === LF)) from++;
    if (from === end) {
      w.engine.release(at);
      return 'partial';
    }
    client.to(CLIENT.HEAD);
    client.x.firstByte();
    client.headAt = from;
    client.parser = w.llhttp.acquireRequest();
    if (client.parser === null) return 'OVERLOADED';
    client.parser.begin(from, limits.fieldsMax);
  } else {
    unpark(w, client.parser!, client.parked!, at);
    // Where the head begins, not its last piece: what is released is as long as the head, also when it is refused.
    client.headAt = client.parser!.head.base;
    client.parked = null;
  }
  const parser = client.parser!;
  const { head } = parser;
  switch (parser.executeHead(from, end - from)) {
    case PARSED.complete:
      if (head.targetBytes > limits.uriBytesMax) return 'URI_TOO_LONG';
      if (head.bytes > limits.headBytesMax) return 'HEAD_TOO_LARGE';
      if (parser.endAt < end) {
        w.engine.retain(parser.endAt);
        client.pendingAt = parser.endAt;
        client.pendingBytes = end - parser.endAt;
      }
      return 'complete';
    case PARSED.partial:
      return more(w, client, parser, head.base, end);
    case PARSED.tooManyFields:
      return 'HEAD_TOO_LARGE';
    default:
      return refusalOf(w.memory, parser, end);
  }
}

/**
 * The head, which has bytes up to `end`, goes on: keeps its new bytes, which begin at `from`, outside the slab, gives
 * their chunk back, and reads on.
 */
function more(w: CodecContext, client: ClientConnection, parser: HeadParser, from: number, end: number): HeadResult {
  const { limits } = w;
  const { head } = parser;
  const received = end - head.base;
  if (head.targetBytes > limits.uriBytesMax) return 'URI_TOO_LONG';
  if (received >= limits.headBytesMax) return 'HEAD_TOO_LARGE';
  if (client.longHead !== null || isLong(limits.headBytesMax, received)) {
    client.longHead = w.longHeads.collect(client.longHead, w.memory, from, end);
    if (client.longHead === null) return 'OVERLOADED';
  } else {
    client.parked = park(w, parser, end);
  }
  w.engine.release(client.headAt);
  client.headAt = NO_ADDRESS;
  client.paused = false;
  w.engine.readStart(client.conn, client.parked === null ? 0 : client.parked.length);
  if (!client.headTimed) {
    // From the first byte to the last, however they come: a trickle does not buy time.
    client.headTimed = true;
    w.deadlines.set(client.slot, w.ticks.requestHead);
  }
  return 'partial';
}

/** Reads on in a head that may outgrow a chunk; as `readHead`, but after a failure the head cannot be read. */
function readLongHead(
  w: CodecContext,
  client: ClientConnection,
  long: LongHead,
  at: number,
  bytes: number,
): HeadResult {
  const parser = client.parser!;
  const end = at + bytes;
  client.headAt = at;
  long.placeBefore(parser, at);
  const parsed = parser.executeHeadPiece(at, bytes);
  const result =
    parsed === PARSED.partial ? more(w, client, parser, at, end) : endLongHead(w, client, parsed, long, at, end);
  if (result === 'partial') return result;
  w.longHeads.drop(client.longHead);
  client.longHead = null;
  if (result === 'complete') return result;
  w.engine.release(client.headAt);
  client.headAt = NO_ADDRESS;
  parser.head.forgetFields();
  return result;
}

/** A long head is complete, or wrong. The chunk of its last piece becomes that of the pending bytes. */
function endLongHead(
  w: CodecContext,
  client: ClientConnection,
  parsed: number,
  long: LongHead,
  at: number,
  end: number,
): HeadResult {
  const { limits } = w;
  const parser = client.parser!;
  const { head } = parser;
  if (parsed !== PARSED.complete) return parsed === PARSED.tooManyFields ? 'HEAD_TOO_LARGE' : longRefusal(parser);
  if (head.targetBytes > limits.uriBytesMax) return 'URI_TOO_LONG';
  if (head.bytes > limits.headBytesMax) return 'HEAD_TOO_LARGE';
  if (!moveToRun(w, parser, long, at)) return 'OVERLOADED';
  client.headAt = head.base;
  client.headRunBytes = head.bytes;
  if (parser.endAt < end) {
    client.pendingAt = parser.endAt;
    client.pendingBytes = end - parser.endAt;
  } else {
    w.engine.release(at);
  }
  return 'complete';
}

/** Why llhttp took the rest of a long head for none: its first bytes, which are not here, were fine. */
function longRefusal(parser: HeadParser): ReasonCode {
  return FRAMING_ERRORS.has(parser.errorCode) ? 'REQUEST_FRAMING' : 'REQUEST_MALFORMED';
}
