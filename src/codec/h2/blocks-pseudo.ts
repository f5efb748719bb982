// The pseudo-fields of one block (RFC 9113, 8.3), and the first lines of a head of HTTP/1.1 that are made of them.
// Owns which of them a message must have, and may. Leaves the other fields to blocks.ts.

import { randomBytes } from 'node:crypto';
import { FIELD_ID, isToken } from '../../http/fields.js';
import { FIELD, type Head } from '../../http/head.js';
import { METHOD, METHOD_NAMES, methodAt } from '../../http/methods.js';
import { BLOCK } from './block-results.js';
import { Area, copy, equals } from './hpack/copy.js';
import { hasInvalidValue, PSEUDO, pseudoOf } from './hpack/entries.js';

const constant = (text: string): Area => new Area(Buffer.from(text, 'latin1'));
const HTTP = constant('http');
const HTTPS = constant('https');
const WEBSOCKET = constant('websocket');
const BEHIND_TARGET = constant(' HTTP/1.1\r\n');
const HOST = constant('host: ');
const UPGRADE = constant('upgrade: ');
const KEY = constant('sec-websocket-key: ');
const STATUS_LINE = constant('HTTP/1.1 ');
const BEHIND_STATUS = constant(' \r\n');
const CRLF = constant('\r\n');
const GET = constant('GET');
const GET_NUMBER = METHOD_NAMES.indexOf('GET');
/** Of a key in base64 (RFC 6455, 4.1). */
const KEY_BYTES = 24;
const STATUS_BYTES = 3;
const SWITCHING_PROTOCOLS = 101;

const SLASH = 0x2f;
const ASTERISK = 0x2a;
const SPACE = 0x20;

/** 1 for bytes that no target may have, as in HTTP/1: blanks, control characters, `#`, and what is not ASCII. */
const notInTarget = new Uint8Array(256).fill(1, 0, 0x21).fill(1, 0x80);
for (const byte of [0x23, 0x7f]) notInTarget[byte] = 1;
/** And that no authority may have besides: what ends one, or stands behind user information. */
const notInAuthority = notInTarget.slice();
for (const char of '@/?\\') notInAuthority[char.charCodeAt(0)] = 1;

/** Those a request may have, and a response. */
const OF_REQUEST = [PSEUDO.METHOD, PSEUDO.SCHEME, PSEUDO.AUTHORITY, PSEUDO.PATH, PSEUDO.PROTOCOL].reduce(
  (bits, pseudo) => bits | (1 << pseudo),
  0,
);
const OF_RESPONSE = 1 << PSEUDO.STATUS;

export class PseudoFields {
  /** The request asks for a WebSocket by extended CONNECT (RFC 8441): in the head it is a GET with `upgrade`. */
  isWebSocket = false;
  /** The request is an extended CONNECT, for a protocol that the head names in `upgrade`. */
  isExtendedConnect = false;
  /** :scheme is https. */
  isSecure = false;
  /** llhttp's number of the method; -1 for none that is known. */
  #method = -1;
  readonly #memory: Area;
  /** Bits of those that are there: `1 << PSEUDO`. */
  #seen = 0;
  /** By PSEUDO: where the value lies, and its length. */
  readonly #ats = new Int32Array(PSEUDO.UNKNOWN);
  readonly #bytes = new Int32Array(PSEUDO.UNKNOWN);

  constructor(memory: Area) {
    this.#memory = memory;
  }

  clear(): void {
    this.isWebSocket = false;
    this.isExtendedConnect = false;
    this.isSecure = false;
    this.#seen = 0;
  }

  /** Takes one in, whose value has `bytes` bytes at `at`. Returns what is wrong with it. */
  take(info: number, at: number, bytes: number, inRequest: boolean): number {
    const pseudo = pseudoOf(info);
    const bit = 1 << pseudo;
    if (((inRequest ? OF_REQUEST : OF_RESPONSE) & bit) === 0) return BLOCK.pseudoUnknown;
    if ((this.#seen & bit) !== 0) return BLOCK.pseudoRepeated;
    this.#seen |= bit;
    this.#ats[pseudo] = at;
    this.#bytes[pseudo] = bytes;
    return hasInvalidValue(info) ? INVALID[pseudo]! : BLOCK.ok;
  }

  /** All values lie `by` bytes further on. */
  move(by: number): void {
    for (let pseudo = 0; pseudo < this.#ats.length; pseudo++) this.#ats[pseudo]! += by;
  }

  #has(pseudo: number): boolean {
    return (this.#seen & (1 << pseudo)) !== 0;
  }

  /** Whether they make a request. `extendedConnect`: :protocol may be used. */
  checkRequest(extendedConnect: boolean): number {
    const memory = this.#memory.bytes;
    if (!this.#has(PSEUDO.METHOD)) return BLOCK.pseudoMissing;
    const methodBytes = this.#bytes[PSEUDO.METHOD]!;
    if (!isTokenAt(memory, this.#ats[PSEUDO.METHOD]!, methodBytes)) return BLOCK.methodInvalid;
    if (this.#has(PSEUDO.AUTHORITY) && !this.#authorityIsValid()) return BLOCK.authorityInvalid;
    this.#method = methodAt(memory, this.#ats[PSEUDO.METHOD]!, methodBytes);
    const connect = this.#method === METHOD.CONNECT;
    if (this.#has(PSEUDO.PROTOCOL)) {
      if (!connect || !extendedConnect || !this.#has(PSEUDO.AUTHORITY)) return BLOCK.connectInvalid;
      if (!isTokenAt(memory, this.#ats[PSEUDO.PROTOCOL]!, this.#bytes[PSEUDO.PROTOCOL]!)) return BLOCK.connectInvalid;
      this.isExtendedConnect = true;
      this.isWebSocket = this.#equals(PSEUDO.PROTOCOL, WEBSOCKET);
    } else if (connect) {
      const onlyAuthority = (1 << PSEUDO.METHOD) | (1 << PSEUDO.AUTHORITY);
      return this.#seen === onlyAuthority ? BLOCK.ok : BLOCK.connectInvalid;
    }
    if (!this.#has(PSEUDO.SCHEME) || !this.#has(PSEUDO.PATH)) return BLOCK.pseudoMissing;
    this.isSecure = this.#equals(PSEUDO.SCHEME, HTTPS);
    if (!this.isSecure && !this.#equals(PSEUDO.SCHEME, HTTP)) return BLOCK.schemeInvalid;
    return this.#pathIsValid() ? BLOCK.ok : BLOCK.pathInvalid;
  }

  /** Whether they make a response: three digits, and no 101 (RFC 9113, 8.6). */
  checkResponse(): number {
    if (!this.#has(PSEUDO.STATUS)) return BLOCK.pseudoMissing;
    if (this.#bytes[PSEUDO.STATUS] !== STATUS_BYTES) return BLOCK.statusInvalid;
    for (let i = 0; i < STATUS_BYTES; i++) {
      const digit = this.#memory.bytes[this.#ats[PSEUDO.STATUS]! + i]! - 0x30;
      if (digit < 0 || digit > 9) return BLOCK.statusInvalid;
    }
    const status = this.#status();
    return status < 100 || status > 599 || status === SWITCHING_PROTOCOLS ? BLOCK.statusInvalid : BLOCK.ok;
  }

  #status(): number {
    const at = this.#ats[PSEUDO.STATUS]!;
    const memory = this.#memory.bytes;
    return (memory[at]! - 0x30) * 100 + (memory[at + 1]! - 0x30) * 10 + memory[at + 2]! - 0x30;
  }

  #equals(pseudo: number, text: Area): boolean {
    const bytes = this.#bytes[pseudo]!;
    return bytes === text.bytes.length && equals(text, 0, this.#memory, this.#ats[pseudo]!, bytes);
  }

  #authorityIsValid(): boolean {
    const at = this.#ats[PSEUDO.AUTHORITY]!;
    const bytes = this.#bytes[PSEUDO.AUTHORITY]!;
    return bytes > 0 && !anyOf(notInAuthority, this.#memory.bytes, at, bytes);
  }

  #pathIsValid(): boolean {
    const memory = this.#memory.bytes;
    const at = this.#ats[PSEUDO.PATH]!;
    const bytes = this.#bytes[PSEUDO.PATH]!;
    if (bytes === 0 || anyOf(notInTarget, memory, at, bytes)) return false;
    if (memory[at] === SLASH) return true;
    return bytes === 1 && memory[at] === ASTERISK && this.#method === METHOD.OPTIONS;
  }

  /** The most that `writeRequest` writes. */
  get requestBytes(): number {
    return (
      this.#bytes[PSEUDO.METHOD]! +
      (this.#has(PSEUDO.PATH) ? this.#bytes[PSEUDO.PATH]! : 0) +
      (this.#has(PSEUDO.AUTHORITY) ? 2 * this.#bytes[PSEUDO.AUTHORITY]! : 0) +
      (this.#has(PSEUDO.PROTOCOL) ? this.#bytes[PSEUDO.PROTOCOL]! : 0) +
      LINES_BYTES_MAX
    );
  }

  /** Writes the request line and what names the host at `to`, where `head` begins. Returns the address behind. Hot. */
  writeRequest(head: Head, to: number): number {
    const memory = this.#memory;
    const methodBytes = this.#bytes[PSEUDO.METHOD]!;
    head.method = this.#method;
    let out = to;
    if (this.isExtendedConnect) {
      head.method = GET_NUMBER;
      head.upgrade = true;
      out = put(memory, out, GET);
    } else {
      out = move(memory, this.#ats[PSEUDO.METHOD]!, methodBytes, out);
    }
    memory.bytes[out++] = SPACE;
    const target = this.#has(PSEUDO.PATH) ? PSEUDO.PATH : PSEUDO.AUTHORITY;
    head.targetAt = out - to;
    head.targetBytes = this.#bytes[target]!;
    out = put(memory, move(memory, this.#ats[target]!, head.targetBytes, out), BEHIND_TARGET);
    if (this.#has(PSEUDO.AUTHORITY)) out = this.#line(head, out, HOST, FIELD_ID.HOST, PSEUDO.AUTHORITY);
    if (this.isExtendedConnect) out = this.#line(head, out, UPGRADE, FIELD_ID.UPGRADE, PSEUDO.PROTOCOL);
    if (this.isWebSocket) {
      const key = constant(randomBytes((KEY_BYTES * 3) / 4 - 2).toString('base64'));
      addField(head, out, KEY.bytes.length, KEY_BYTES, FIELD_ID.NONE);
      out = put(memory, put(memory, put(memory, out, KEY), key), CRLF);
    }
    return out;
  }

  #line(head: Head, at: number, name: Area, id: number, pseudo: number): number {
    const bytes = this.#bytes[pseudo]!;
    addField(head, at, name.bytes.length, bytes, id);
    return put(this.#memory, move(this.#memory, this.#ats[pseudo]!, bytes, put(this.#memory, at, name)), CRLF);
  }

  /** The most that `writeResponse` writes. */
  get responseBytes(): number {
    return STATUS_LINE.bytes.length + STATUS_BYTES + BEHIND_STATUS.bytes.length;
  }

  /** Writes the status line at `to`, where `head` begins. Returns the address behind. */
  writeResponse(head: Head, to: number): number {
    const memory = this.#memory;
    head.status = this.#status();
    const out = move(memory, this.#ats[PSEUDO.STATUS]!, STATUS_BYTES, put(memory, to, STATUS_LINE));
    return put(memory, out, BEHIND_STATUS);
  }
}

/** What the value of each is called when it is none. */
const INVALID: readonly number[] = (() => {
  const results: number[] = [];
  results[PSEUDO.METHOD] = BLOCK.methodInvalid;
  results[PSEUDO.SCHEME] = BLOCK.schemeInvalid;
  results[PSEUDO.AUTHORITY] = BLOCK.authorityInvalid;
  results[PSEUDO.PATH] = BLOCK.pathInvalid;
  results[PSEUDO.PROTOCOL] = BLOCK.connectInvalid;
  results[PSEUDO.STATUS] = BLOCK.statusInvalid;
  return results;
})();

/** All that is not from the block in the lines of a request. */
const LINES_BYTES_MAX =
  KEY_BYTES +
  1 +
  [GET, BEHIND_TARGET, HOST, UPGRADE, KEY, CRLF, CRLF, CRLF].reduce((sum, { bytes }) => sum + bytes.length, 0);

function isTokenAt(memory: Uint8Array, at: number, bytes: number): boolean {
  for (let i = at; i < at + bytes; i++) if (isToken[memory[i]!] === 0) return false;
  return bytes > 0;
}

function anyOf(set: Uint8Array, memory: Uint8Array, at: number, bytes: number): boolean {
  for (let i = at; i < at + bytes; i++) if (set[memory[i]!] === 1) return true;
  return false;
}

function put(memory: Area, at: number, text: Area): number {
  copy(text, 0, text.bytes.length, memory, at);
  return at + text.bytes.length;
}

/** Copies bytes to where none of them lie. Returns the address behind. */
function move(memory: Area, from: number, bytes: number, to: number): number {
  copy(memory, from, bytes, memory, to);
  return to + bytes;
}

/** Adds a field whose line is about to be written at `at`; `prefixBytes` is its name with the colon and the space. */
function addField(head: Head, at: number, prefixBytes: number, valueBytes: number, id: number): void {
  const { fields } = head;
  const field = head.fieldCount++ * FIELD.WORDS;
  fields[field + FIELD.nameAt] = at - head.base;
  fields[field + FIELD.nameBytes] = prefixBytes - 2;
  fields[field + FIELD.valueAt] = at - head.base + prefixBytes;
  fields[field + FIELD.valueBytes] = valueBytes;
  fields[field + FIELD.id] = id;
  if (id === FIELD_ID.NONE) return;
  head.ids |= 1 << id;
  head.places[id] = field;
}
