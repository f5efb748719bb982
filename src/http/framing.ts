// How long a message body is (RFC 9112, 6.3), told from its head.
// llhttp has refused conflicting and malformed framing before; what is left is to say which kind it is.

import { listElement, nextElement } from '../base/lists.js';
import { equalsCaseless, FIELD_ID } from './fields.js';
import { FIELD, type Head } from './head.js';

export const BODY = {
  none: 0,
  /** Content-Length bytes. */
  counted: 1,
  chunked: 2,
  /** Everything until the connection ends (responses only). */
  untilEof: 3,
  /** It cannot be told, or not safely: refuse the message. */
  ambiguous: 4,
  /** A transfer coding other than chunked. */
  unknownCoding: 5,
} as const;

const CHUNKED = Buffer.from('chunked', 'latin1');

/** The framing of one message; reused. */
export class Framing {
  kind: number = BODY.none;
  /** Bytes of a counted body. */
  length = 0;
  /** The head of a response names a body that its status, or the method, says it has not (RFC 9112, 6.3). */
  announced = false;
}

/** Reads digits; -1 when there is anything else, or more than fits a safe integer. */
function readLength(bytes: Uint8Array, at: number, count: number): number {
  if (count === 0 || count > 15) return -1;
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = bytes[i]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** The kind of body that one Transfer-Encoding value makes. */
function coding(bytes: Uint8Array, at: number, count: number): number {
  if (equalsCaseless(bytes, at, count, CHUNKED)) return BODY.chunked;
  // Unless chunked comes last, the end of the message is unknown (RFC 9112, 6.3).
  const before = count - CHUNKED.length - 1;
  const last =
    before >= 0 && isListSpace(bytes[at + before]!) && equalsCaseless(bytes, at + before + 1, CHUNKED.length, CHUNKED);
  return last ? BODY.unknownCoding : BODY.ambiguous;
}

const isListSpace = (byte: number): boolean => byte === 0x2c || byte === 0x20 || byte === 0x09;

const LENGTH = 1 << FIELD_ID.CONTENT_LENGTH;
const CODING = 1 << FIELD_ID.TRANSFER_ENCODING;

/** Fills `out` with what the framing fields say, before message semantics (HEAD, 204, …) are looked at. */
function readFields(bytes: Uint8Array, head: Head, out: Framing): void {
  const framed = head.ids & (LENGTH | CODING);
  out.kind = BODY.none;
  out.length = 0;
  if (framed === 0) return;
  if (framed === (LENGTH | CODING) || (head.repeated & framed) !== 0) {
    out.kind = BODY.ambiguous;
    return;
  }
  const field = head.last(framed === LENGTH ? FIELD_ID.CONTENT_LENGTH : FIELD_ID.TRANSFER_ENCODING);
  const at = head.valueAt(field);
  const count = head.valueBytes(field);
  if (framed === LENGTH) {
    out.length = readLength(bytes, at, count);
    out.kind = out.length < 0 ? BODY.ambiguous : BODY.counted;
  } else {
    out.kind = coding(bytes, at, count);
  }
}

/** The framing of a request: no length and no coding means no body. */
export function requestFraming(bytes: Uint8Array, head: Head, out: Framing): void {
  readFields(bytes, head, out);
  // A coding that HTTP/1.0 does not have: the length cannot be trusted (RFC 9112, 6.1).
  if (head.minor === 0 && (out.kind === BODY.chunked || out.kind === BODY.unknownCoding)) out.kind = BODY.ambiguous;
  if (out.kind === BODY.counted && out.length === 0) out.kind = BODY.none;
}

/**
 * True when the head names a body of at least one byte, whatever its status says of it. An interim response has none, and
 * a server that thinks otherwise sends it.
 */
export function announcesBody(bytes: Uint8Array, head: Head, out: Framing): boolean {
  if ((head.ids & (LENGTH | CODING)) === 0) return false;
  readFields(bytes, head, out);
  return out.kind !== BODY.counted || out.length > 0;
}

/** The framing of a final response to a request whose method was HEAD or not. */
export function responseFraming(bytes: Uint8Array, head: Head, toHead: boolean, out: Framing): void {
  readFields(bytes, head, out);
  out.announced = false;
  if (out.kind === BODY.ambiguous) return;
  if (head.minor === 0 && out.kind === BODY.chunked) {
    out.kind = BODY.ambiguous;
    return;
  }
  if (toHead || head.status === 204 || head.status === 304) {
    out.announced = out.kind !== BODY.none && !(out.kind === BODY.counted && out.length === 0);
    out.kind = BODY.none;
    out.length = 0;
  } else if (out.kind === BODY.none) {
    out.kind = BODY.untilEof;
  } else if (out.kind === BODY.counted && out.length === 0) {
    out.kind = BODY.none;
  }
}

const CLOSE = Buffer.from('close', 'latin1');
const KEEP_ALIVE = Buffer.from('keep-alive', 'latin1');

/**
 * True when the server's connection may be used again behind this response (RFC 9112, 9.3). llhttp tells, but for the answer
 * to a HEAD: it takes one without a length for one that ends with its connection.
 */
export function keepsConnection(bytes: Uint8Array, head: Head, toHead: boolean): boolean {
  if (!toHead || head.keepAlive) return head.keepAlive;
  if (connectionSays(bytes, head, CLOSE)) return false;
  return head.minor === 1 || connectionSays(bytes, head, KEEP_ALIVE);
}

/** True when any Connection field lists the option. */
function connectionSays(bytes: Uint8Array, head: Head, option: Uint8Array): boolean {
  for (
    let field = head.next(FIELD_ID.CONNECTION);
    field >= 0;
    field = head.next(FIELD_ID.CONNECTION, field + FIELD.WORDS)
  ) {
    const at = head.valueAt(field);
    const stop = at + head.valueBytes(field);
    for (let one = nextElement(bytes, at, stop); one >= 0; one = nextElement(bytes, listElement.next, stop)) {
      if (equalsCaseless(bytes, one, listElement.bytes, option)) return true;
    }
  }
  return false;
}
