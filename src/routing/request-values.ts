// Reads what conditions look at: headers, cookies, query parameters and what TLS tells, as spans of bytes.
// Owns parsing them, at most once per request, without decoding to strings. Leaves comparing to conditions.ts.

import { cookie, nextCookie } from '../base/cookies.js';
import { decodeComponent, findParameter, parameter } from '../base/query.js';
import { FIELD_ID } from '../http/fields.js';
import { FIELD } from '../http/head.js';
import { HASH_PRIME, HASH_SEED, HEADER, SOURCE, SOURCE_KIND } from './layout.js';
import { type MatchRequest, NO_REQUEST } from './request.js';

const SCRATCH_BYTES = 64 * 1024;
const COMMA = 0x2c;
/** Between the parts of a list; no part has one. */
export const LINE_FEED = 0x0a;
const SPACE = 0x20;

/**
 * The values that one table looks at, read from one request at a time.
 *
 * Hot: a value is read when first asked for and remembered until begin(). A value that stands in one piece stays
 * where it is; joined lists and decoded values go to a scratch area, whose sum a head's size bounds.
 */
export class RequestValues {
  /** The bytes the span set by the last locate() points into. */
  bytes: Uint8Array;
  /** Start of the value found by the last locate(), in `bytes`. */
  at = 0;
  /** Length of the value found by the last locate(). */
  length = 0;

  readonly #words: Int32Array;
  readonly #names: Uint8Array;
  readonly #sourcesAt: number;
  #request: MatchRequest = NO_REQUEST;
  #scratch = new Uint8Array(SCRATCH_BYTES);
  #scratchUsed = 0;
  /** Number of the current request; a source whose stamp differs has not been read yet. */
  #now = 0;
  readonly #stamps: Float64Array;
  readonly #found: Uint8Array;
  readonly #inScratch: Uint8Array;
  readonly #starts: Int32Array;
  readonly #lengths: Int32Array;

  /** `words` and `bytes` are the table's, as opened by openTable(). */
  constructor(words: Int32Array, bytes: Uint8Array) {
    this.#words = words;
    this.#names = bytes;
    this.#sourcesAt = words[HEADER.sourcesAt]!;
    const count = words[HEADER.sourceCount]!;
    this.#stamps = new Float64Array(count);
    this.#found = new Uint8Array(count);
    this.#inScratch = new Uint8Array(count);
    this.#starts = new Int32Array(count);
    this.#lengths = new Int32Array(count);
    this.bytes = this.#scratch;
  }

  /** Forgets the last request and turns to this one, whose bytes must stay until the next begin(). */
  begin(request: MatchRequest): void {
    this.#request = request;
    this.#now++;
    this.#scratchUsed = 0;
  }

  /** Finds the value of a source. True when the request has it: then `bytes`, `at` and `length` say where it stands. */
  locate(source: number): boolean {
    if (this.#stamps[source] !== this.#now) this.#read(source);
    if (this.#found[source] === 0) return false;
    this.bytes = this.#inScratch[source] === 0 ? this.#request.bytes : this.#scratch;
    this.at = this.#starts[source]!;
    this.length = this.#lengths[source]!;
    return true;
  }

  /** Hash of the value that the last locate() found. */
  hash(): number {
    const bytes = this.bytes;
    const end = this.at + this.length;
    let hash = HASH_SEED;
    for (let i = this.at; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, HASH_PRIME);
    return hash;
  }

  #read(source: number): void {
    this.#stamps[source] = this.#now;
    this.#found[source] = 0;
    const at = this.#sourcesAt + source * SOURCE.WORDS;
    const nameAt = this.#words[at + SOURCE.nameAt]!;
    const nameBytes = this.#words[at + SOURCE.nameBytes]!;
    const kind = this.#words[at + SOURCE.kind]!;
    if (kind === SOURCE_KIND.HEADER) this.#readHeader(source, nameAt, nameBytes);
    else if (kind === SOURCE_KIND.COOKIE) this.#readCookie(source, nameAt, nameBytes);
    else if (kind === SOURCE_KIND.QUERY) this.#readQuery(source, nameAt, nameBytes);
    else this.#readConnection(source, kind);
  }

  #set(source: number, at: number, length: number, inScratch: 0 | 1): void {
    this.#found[source] = 1;
    this.#starts[source] = at;
    this.#lengths[source] = length;
    this.#inScratch[source] = inScratch;
  }

  /** A header that arrives several times is one list, joined by comma and space (RFC 9110, 5.3). */
  #readHeader(source: number, nameAt: number, nameBytes: number): void {
    const head = this.#request.head;
    if (head === null) return;
    const bytes = this.#request.bytes;
    const names = this.#names;
    let field = head.nextNamed(bytes, 0, names, nameAt, nameBytes);
    for (; field >= 0; field = head.nextNamed(bytes, field + FIELD.WORDS, names, nameAt, nameBytes)) {
      const valueAt = head.valueAt(field);
      const valueBytes = head.valueBytes(field);
      if (this.#found[source] === 0) {
        this.#set(source, valueAt, valueBytes, 0);
        continue;
      }
      if (this.#inScratch[source] === 0) {
        const start = this.#scratchUsed;
        this.#append(bytes, this.#starts[source]!, this.#lengths[source]!);
        this.#set(source, start, this.#lengths[source]!, 1);
      }
      this.#push(COMMA);
      this.#push(SPACE);
      this.#append(bytes, valueAt, valueBytes);
      this.#lengths[source] = this.#scratchUsed - this.#starts[source]!;
    }
  }

  /** The first cookie of this name counts. Names compare byte by byte; quotes stay part of a value (RFC 6265, 5.2). */
  #readCookie(source: number, nameAt: number, nameBytes: number): void {
    const head = this.#request.head;
    if (head === null) return;
    for (let field = head.next(FIELD_ID.COOKIE); field >= 0; field = head.next(FIELD_ID.COOKIE, field + FIELD.WORDS)) {
      const at = head.valueAt(field);
      if (!nextCookie(this.#request.bytes, at, at + head.valueBytes(field), this.#names, nameAt, nameBytes)) continue;
      this.#set(source, cookie.valueAt, cookie.valueBytes, 0);
      return;
    }
  }

  /** The first parameter of this name counts. Names and values are percent-decoded, and `+` is a space. */
  #readQuery(source: number, nameAt: number, nameBytes: number): void {
    const { bytes, queryAt, queryBytes } = this.#request;
    if (!findParameter(bytes, queryAt, queryAt + queryBytes, this.#names, nameAt, nameBytes)) return;
    const { valueAt, valueBytes, encoded } = parameter;
    if (!encoded) {
      this.#set(source, valueAt, valueBytes, 0);
      return;
    }
    const start = this.#scratchUsed;
    while (start + valueBytes > this.#scratch.length) this.#grow();
    this.#scratchUsed += decodeComponent(bytes, valueAt, valueAt + valueBytes, this.#scratch, start);
    this.#set(source, start, this.#scratchUsed - start, 1);
  }

  /** What the connection tells: there only with TLS, except the scheme and the listener; ASCII. */
  #readConnection(source: number, kind: number): void {
    const { tls } = this.#request;
    if (kind === SOURCE_KIND.SCHEME) {
      this.#setText(source, tls === null ? 'http' : 'https');
      return;
    }
    if (kind === SOURCE_KIND.LISTENER) {
      if (this.#request.listener !== '') this.#setText(source, this.#request.listener);
      return;
    }
    if (tls === null) return;
    const { certificate } = tls;
    if (kind === SOURCE_KIND.SERVER_NAME) {
      if (tls.sni !== '') this.#setText(source, tls.sni);
    } else if (kind === SOURCE_KIND.TLS_VERSION) this.#setText(source, tls.version);
    else if (kind === SOURCE_KIND.TLS_CIPHER) this.#setText(source, tls.cipher);
    else if (certificate === null) return;
    else if (kind === SOURCE_KIND.CERTIFICATE_SUBJECT) this.#setText(source, certificate.subject);
    else if (kind === SOURCE_KIND.CERTIFICATE_FINGERPRINT) this.#setText(source, certificate.fingerprint);
    else if (certificate.names.length > 0) this.#setList(source, certificate.names);
  }

  #setText(source: number, text: string): void {
    const start = this.#scratchUsed;
    for (let i = 0; i < text.length; i++) this.#push(text.charCodeAt(i));
    this.#set(source, start, text.length, 1);
  }

  #setList(source: number, list: readonly string[]): void {
    const start = this.#scratchUsed;
    for (let item = 0; item < list.length; item++) {
      if (item > 0) this.#push(LINE_FEED);
      this.#setText(source, list[item]!);
    }
    this.#set(source, start, this.#scratchUsed - start, 1);
  }

  #push(byte: number): void {
    if (this.#scratchUsed === this.#scratch.length) this.#grow();
    this.#scratch[this.#scratchUsed++] = byte;
  }

  #append(bytes: Uint8Array, at: number, length: number): void {
    for (let i = 0; i < length; i++) this.#push(bytes[at + i]!);
  }

  /** Never needed for a head within the limits; explain and tests may hand in more. */
  #grow(): void {
    const larger = new Uint8Array(this.#scratch.length * 2);
    larger.set(this.#scratch);
    this.#scratch = larger;
  }
}
