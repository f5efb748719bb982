// Checks a complete request head: what RFC 9112 and the limits demand beyond llhttp's syntax.
// Owns what is read from the head into the exchange. Leaves the path to route.ts.

import { listElement, nextElement } from '../../base/lists.js';
import type { AnyExchange } from '../../exchange/client-info.js';
import { equalsCaseless, FIELD_ID } from '../../http/fields.js';
import { BODY, requestFraming } from '../../http/framing.js';
import { FIELD, type Head } from '../../http/head.js';
import { METHOD } from '../../http/methods.js';
import type { ReasonCode } from '../../http/reasons.js';
import type { CodecContext } from '../context.js';

/** What checking needs of a worker. */
export type CheckContext = Pick<CodecContext, 'memory' | 'tokens' | 'framing'>;

const HUNDRED_CONTINUE = Buffer.from('100-continue', 'latin1');
const H2C = Buffer.from('h2c', 'latin1');

/** 1 for bytes a registered name or an IPv4 address may have (RFC 3986, 3.2.2); no userinfo. */
const isNameByte = new Uint8Array(256);
for (const char of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%!$&'()*+,;=") {
  isNameByte[char.charCodeAt(0)] = 1;
}

const COLON = 0x3a;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const PORT_MAX = 65535;

/** True for a host with an optional port (RFC 9110, 7.2): allowed bytes, brackets only around a whole address, a port that exists. */
function hostValid(memory: Uint8Array, at: number, bytes: number): boolean {
  const end = at + bytes;
  let nameEnd = at;
  while (nameEnd < end && isNameByte[memory[nameEnd]!] === 1) nameEnd++;
  if (nameEnd === end) return true;
  if (nameEnd === at && memory[at] === OPEN) nameEnd = bracketsEnd(memory, at, end);
  return nameEnd === end || (memory[nameEnd] === COLON && portValid(memory, nameEnd + 1, end));
}

/** Where an address in brackets ends: behind the bracket, if there is one and room for an address before it; else where it begins. */
function bracketsEnd(memory: Uint8Array, at: number, end: number): number {
  let i = at + 1;
  while (i < end && (isNameByte[memory[i]!] === 1 || memory[i] === COLON)) i++;
  return i < end && memory[i] === CLOSE && i - at >= 3 ? i + 1 : at;
}

/** Digits that make a port; none at all is allowed too (RFC 3986, 3.2.3). */
function portValid(memory: Uint8Array, at: number, end: number): boolean {
  let port = 0;
  for (let i = at; i < end; i++) {
    const digit = memory[i]! - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
    if (port > PORT_MAX) return false;
  }
  return true;
}

const SPACE = 0x20;

/** llhttp lets runs of spaces pass between the parts of a request line; the server must not get them (RFC 9112, 3). */
function lineValid(memory: Uint8Array, head: Head): boolean {
  const at = head.base + head.targetAt;
  const end = at + head.targetBytes;
  return memory[at - 1] === SPACE && memory[at - 2] !== SPACE && memory[end] === SPACE && memory[end + 1] === 0x48;
}

/**
 * Reads the fields that matter into the exchange, which has begun.
 * Returns why the request is refused, or null.
 */
export function check(w: CheckContext, x: AnyExchange): ReasonCode | null {
  const head = x.head!;
  const { memory, tokens } = w;
  x.minor = head.minor;
  x.method = head.method;
  if (!lineValid(memory, head)) return 'REQUEST_MALFORMED';
  if (head.method === METHOD.CONNECT) return 'METHOD_REFUSED';
  if ((head.repeated & HOST) !== 0) return 'HOST_REPEATED';
  if ((head.ids & HOST) !== 0) {
    x.hostAt = head.valueAt(head.last(FIELD_ID.HOST));
    x.hostBytes = head.valueBytes(head.last(FIELD_ID.HOST));
    if (!hostValid(memory, x.hostAt, x.hostBytes)) return 'HOST_INVALID';
  } else if (head.minor === 1) {
    return 'HOST_MISSING';
  }
  if (!tokens.readAll(memory, head)) return 'HEAD_TOO_LARGE'; // more names than there is room for
  if (head.has(FIELD_ID.MAX_FORWARDS) && !readMaxForwards(memory, x)) return 'REQUEST_MALFORMED';
  if (head.has(FIELD_ID.EXPECT) && !expectationKnown(memory, head)) return 'EXPECTATION_UNKNOWN';

  requestFraming(memory, head, w.framing);
  const { kind, length } = w.framing;
  if (kind === BODY.ambiguous) return 'REQUEST_FRAMING';
  if (kind === BODY.unknownCoding) return 'CODING_UNKNOWN';
  x.request.set(kind, length);
  // h2c is never requested of a server: HTTP/2 in a tunnel would bypass every rule.
  // Several Upgrade fields are legal, but no client sends them: such a request is not treated as an upgrade.
  x.upgrade =
    head.upgrade &&
    (head.repeated & UPGRADE) === 0 &&
    head.minor === 1 &&
    kind === BODY.none &&
    !asksForH2c(memory, head);
  return readTarget(memory, x);
}

const HOST = 1 << FIELD_ID.HOST;
const UPGRADE = 1 << FIELD_ID.UPGRADE;

const MAX_FORWARDS_MAX = 1_000_000_000;

/** Reads Max-Forwards where it counts, with TRACE and OPTIONS (RFC 9110, 7.6.2). False when it is no number, or not one. */
function readMaxForwards(memory: Uint8Array, x: AnyExchange): boolean {
  const head = x.head!;
  if (head.method !== METHOD.TRACE && head.method !== METHOD.OPTIONS) return true;
  if ((head.repeated & (1 << FIELD_ID.MAX_FORWARDS)) !== 0) return false;
  const at = head.valueAt(head.last(FIELD_ID.MAX_FORWARDS));
  const bytes = head.valueBytes(head.last(FIELD_ID.MAX_FORWARDS));
  let value = 0;
  for (let i = at; i < at + bytes; i++) {
    const digit = memory[i]! - 0x30;
    if (digit < 0 || digit > 9) return false;
    value = value * 10 + digit;
  }
  // What is more than we can count goes on as the most we can (RFC 9110, 7.6.2).
  x.maxForwards = Math.min(value, MAX_FORWARDS_MAX);
  return bytes > 0;
}

/** HTTP/1.0 has no expectations: there they are ignored (RFC 9110, 10.1.1). Otherwise there is one, and this is it. */
function expectationKnown(memory: Uint8Array, head: Head): boolean {
  if (head.minor === 0) return true;
  if ((head.repeated & (1 << FIELD_ID.EXPECT)) !== 0) return false;
  return equalsCaseless(
    memory,
    head.valueAt(head.last(FIELD_ID.EXPECT)),
    head.valueBytes(head.last(FIELD_ID.EXPECT)),
    HUNDRED_CONTINUE,
  );
}

/** True when any protocol listed in Upgrade is h2c, alone or among others. */
function asksForH2c(memory: Uint8Array, head: Head): boolean {
  for (let field = head.next(FIELD_ID.UPGRADE); field >= 0; field = head.next(FIELD_ID.UPGRADE, field + FIELD.WORDS)) {
    const at = head.valueAt(field);
    const stop = at + head.valueBytes(field);
    for (let name = nextElement(memory, at, stop); name >= 0; name = nextElement(memory, listElement.next, stop)) {
      if (equalsCaseless(memory, name, listElement.bytes, H2C)) return true;
    }
  }
  return false;
}

const HTTP = Buffer.from('http://', 'latin1');
const HTTPS = Buffer.from('https://', 'latin1');
const SLASH = 0x2f;
const QUESTION = 0x3f;
const HASH = 0x23;
const ASTERISK = 0x2a;

/**
 * Tells the four forms of a target apart (RFC 9112, 3.2); an absolute one names the host, whatever the Host field says.
 * Returns why the request is refused, or null. May be called again for the same head.
 */
export function readTarget(memory: Uint8Array, x: AnyExchange): ReasonCode | null {
  const head = x.head!;
  const at = head.base + head.targetAt;
  const end = at + head.targetBytes;
  x.targetAt = at;
  x.targetBytes = head.targetBytes;
  for (let i = at; i < end; i++) if (memory[i] === HASH) return 'TARGET_INVALID';
  if (memory[at] === SLASH) return null;
  if (memory[at] === ASTERISK) return end - at === 1 && head.method === METHOD.OPTIONS ? null : 'TARGET_INVALID';
  const prefix = equalsCaseless(memory, at, HTTP.length, HTTP)
    ? HTTP.length
    : equalsCaseless(memory, at, HTTPS.length, HTTPS)
      ? HTTPS.length
      : 0;
  if (prefix === 0) return 'TARGET_INVALID';
  const host = at + prefix;
  let path = host;
  while (path < end && memory[path] !== SLASH && memory[path] !== QUESTION) path++;
  if (path === host || !hostValid(memory, host, path - host)) return 'TARGET_INVALID';
  x.hostAt = host;
  x.hostBytes = path - host;
  x.targetAt = path;
  x.targetBytes = end - path;
  return null;
}
