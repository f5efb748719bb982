// Reads what conditions look at: headers, cookies, query parameters and what TLS tells, as spans of bytes.
// Owns parsing them, at most once per request, without decoding to strings. Leaves comparing to conditions.ts.

import { cookie, nextCookie } from '../base/cookies.js';
import { decodeComponent, findParameter, parameter } from '../base/query.js';
import { FIELD_ID } from '../http/fields.js';
import { FIELD } from '../http/head.js';
import { FACT, FACT_KIND, HASH_PRIME, HASH_SEED, HEADER, lowerCase } from './layout.js';
import { RequestView } from './request.js';

const SCRATCH_BYTES = 64 * 1024;
const COMMA = 0x2c;
/** Between the parts of a list; no part has one. */
export const LINE_FEED = 0x0a;
const SPACE = 0x20;

/**
 * The facts of one table, read from one request at a time.
 *
 * Hot: a fact is read when first asked for and remembered until begin(). A value that stands in one piece stays
 * where it is; joined lists and decoded values go to a scratch area, whose sum a head's size bounds.
 */
export class Facts {
  /** The bytes the span set by the last locate() points into. */
  bytes: Uint8Array;
  /** Start of the value found by the last locate(), in `bytes`. */
  at = 0;
  /** Length of the value found by the last locate(). */
  length = 0;

  readonly #words: Int32Array;
  readonly #names: Uint8Array;
  readonly #factsAt: number;
  #view = new RequestView();
  #scratch = new Uint8Array(SCRATCH_BYTES);
  #scratchUsed = 0;
  /** Number of the current request; a fact whose stamp differs has not been read yet. */
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
    this.#factsAt = words[HEADER.factsAt]!;
    const count = words[HEADER.factCount]!;
    this.#stamps = new Float64Array(count);
    this.#found = new Uint8Array(count);
    this.#inScratch = new Uint8Array(count);
    this.#starts = new Int32Array(count);
    this.#lengths = new Int32Array(count);
    this.bytes = this.#scratch;
  }

  /** Forgets the last request and turns to this one, whose bytes must stay until the next begin(). */
  begin(view: RequestView): void {
    this.#view = view;
    this.#now++;
    this.#scratchUsed = 0;
  }

  /** Finds a fact's value. True when the request has it: then `bytes`, `at` and `length` say where it stands. */
  locate(fact: number): boolean {
    if (this.#stamps[fact] !== this.#now) this.#read(fact);
    if (this.#found[fact] === 0) return false;
    this.bytes = this.#inScratch[fact] === 0 ? this.#view.bytes : this.#scratch;
    this.at = this.#starts[fact]!;
    this.length = this.#lengths[fact]!;
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

  #read(fact: number): void {
    this.#stamps[fact] = this.#now;
    this.#found[fact] = 0;
    const at = this.#factsAt + fact * FACT.WORDS;
    const nameAt = this.#words[at + FACT.nameAt]!;
    const nameBytes = this.#words[at + FACT.nameBytes]!;
    const kind = this.#words[at + FACT.kind]!;
    if (kind === FACT_KIND.HEADER) this.#readHeader(fact, nameAt, nameBytes);
    else if (kind === FACT_KIND.COOKIE) this.#readCookie(fact, nameAt, nameBytes);
    else if (kind === FACT_KIND.QUERY) this.#readQuery(fact, nameAt, nameBytes);
    else this.#readConnection(fact, kind);
  }

  #set(fact: number, at: number, length: number, inScratch: 0 | 1): void {
    this.#found[fact] = 1;
    this.#starts[fact] = at;
    this.#lengths[fact] = length;
    this.#inScratch[fact] = inScratch;
  }

  /** A header that arrives several times is one list, joined by comma and space (RFC 9110, 5.3). */
  #readHeader(fact: number, nameAt: number, nameBytes: number): void {
    const head = this.#view.head;
    if (head === null) return;
    const bytes = this.#view.bytes;
    for (let field = 0, end = head.fieldCount * FIELD.WORDS; field < end; field += FIELD.WORDS) {
      if (head.nameBytes(field) !== nameBytes) continue;
      if (!this.#nameEqualsCaseless(bytes, head.nameAt(field), nameAt, nameBytes)) continue;
      const valueAt = head.valueAt(field);
      const valueBytes = head.valueBytes(field);
      if (this.#found[fact] === 0) {
        this.#set(fact, valueAt, valueBytes, 0);
        continue;
      }
      if (this.#inScratch[fact] === 0) {
        const start = this.#scratchUsed;
        this.#append(bytes, this.#starts[fact]!, this.#lengths[fact]!);
        this.#set(fact, start, this.#lengths[fact]!, 1);
      }
      this.#push(COMMA);
      this.#push(SPACE);
      this.#append(bytes, valueAt, valueBytes);
      this.#lengths[fact] = this.#scratchUsed - this.#starts[fact]!;
    }
  }

  /** The first cookie of this name counts. Names compare byte by byte; quotes stay part of a value (RFC 6265, 5.2). */
  #readCookie(fact: number, nameAt: number, nameBytes: number): void {
    const head = this.#view.head;
    if (head === null) return;
    for (let field = head.next(FIELD_ID.COOKIE); field >= 0; field = head.next(FIELD_ID.COOKIE, field + FIELD.WORDS)) {
      const at = head.valueAt(field);
      if (!nextCookie(this.#view.bytes, at, at + head.valueBytes(field), this.#names, nameAt, nameBytes)) continue;
      this.#set(fact, cookie.valueAt, cookie.valueBytes, 0);
      return;
    }
  }

  /** The first parameter of this name counts. Names and values are percent-decoded, and `+` is a space. */
  #readQuery(fact: number, nameAt: number, nameBytes: number): void {
    const { bytes, queryAt, queryBytes } = this.#view;
    if (!findParameter(bytes, queryAt, queryAt + queryBytes, this.#names, nameAt, nameBytes)) return;
    const { valueAt, valueBytes, encoded } = parameter;
    if (!encoded) {
      this.#set(fact, valueAt, valueBytes, 0);
      return;
    }
    const start = this.#scratchUsed;
    while (start + valueBytes > this.#scratch.length) this.#grow();
    this.#scratchUsed += decodeComponent(bytes, valueAt, valueAt + valueBytes, this.#scratch, start);
    this.#set(fact, start, this.#scratchUsed - start, 1);
  }

  /** What the connection tells: there only with TLS, except the scheme and the listener; ASCII. */
  #readConnection(fact: number, kind: number): void {
    const { tls } = this.#view;
    if (kind === FACT_KIND.SCHEME) {
      this.#setText(fact, tls === null ? 'http' : 'https');
      return;
    }
    if (kind === FACT_KIND.LISTENER) {
      if (this.#view.listener !== '') this.#setText(fact, this.#view.listener);
      return;
    }
    if (tls === null) return;
    const { certificate } = tls;
    if (kind === FACT_KIND.SERVER_NAME) {
      if (tls.serverName !== '') this.#setText(fact, tls.serverName);
    } else if (kind === FACT_KIND.TLS_VERSION) this.#setText(fact, tls.version);
    else if (kind === FACT_KIND.TLS_CIPHER) this.#setText(fact, tls.cipher);
    else if (certificate === null) return;
    else if (kind === FACT_KIND.CERTIFICATE_SUBJECT) this.#setText(fact, certificate.subject);
    else if (kind === FACT_KIND.CERTIFICATE_FINGERPRINT) this.#setText(fact, certificate.fingerprint);
    else if (certificate.names.length > 0) this.#setList(fact, certificate.names);
  }

  #setText(fact: number, text: string): void {
    const start = this.#scratchUsed;
    for (let i = 0; i < text.length; i++) this.#push(text.charCodeAt(i));
    this.#set(fact, start, text.length, 1);
  }

  #setList(fact: number, list: readonly string[]): void {
    const start = this.#scratchUsed;
    for (let item = 0; item < list.length; item++) {
      if (item > 0) this.#push(LINE_FEED);
      this.#setText(fact, list[item]!);
    }
    this.#set(fact, start, this.#scratchUsed - start, 1);
  }

  #nameEqualsCaseless(bytes: Uint8Array, at: number, nameAt: number, nameBytes: number): boolean {
    for (let i = 0; i < nameBytes; i++) if (lowerCase(bytes[at + i]!) !== this.#names[nameAt + i]) return false;
    return true;
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
