// One record of an exchange, as the formats read it: the place in its ring, and what the ring has said before.
// Owns reading records: accessors over words, doubles and texts. Leaves writing lines to the formats.

import { addressText } from '../../base/addresses.js';
import type { Constant } from '../../engine/text.js';
import type { LogHeaderPlan } from '../../exchange/log-plan.js';
import { METHOD_NAMES } from '../../http/methods.js';
import { REASON_ROWS } from '../../http/reasons.js';
import { constant, Lines } from './line.js';
import { CLIENT_AT, EXCHANGE, FIGURE, FIGURES_AT, FLAG, NAME, PEER_AT, TEXT, TEXTS_AT } from './record.js';
import type { RingReader } from './ring.js';

/** A name of a configuration, ready for lines. */
export interface LogName {
  readonly text: string;
  /** As the inside of a JSON string. */
  readonly json: Constant;
  /** As it stands in other lines. */
  readonly plain: Constant;
}

/** Most bytes of a name that lines have. */
export const NAME_BYTES_MAX = 1024;

const scratch = new Lines();

function escaped(text: string, how: 'json' | 'plain'): Constant {
  const bytes = Buffer.from(text).subarray(0, NAME_BYTES_MAX);
  scratch.clear();
  scratch[how](bytes, 0, bytes.length, false);
  return constant(Buffer.from(scratch.bytes.subarray(0, scratch.length)).toString('utf8'));
}

const logName = (text: string): LogName => ({
  text,
  json: escaped(text, 'json'),
  plain: escaped(text, 'plain'),
});

const METHODS = METHOD_NAMES.map(logName);
const REASON_NAMES = REASON_ROWS.map(({ code }) => logName(code));

export class Entry {
  readonly ring: RingReader;
  /** The worker that wrote it. */
  readonly worker: number;
  /** Names learned so far: what a number stands for may be another after each. */
  namesLearned = 0;
  /** The headers of its set of logs. */
  headers: readonly LogHeaderPlan[] = [];
  /** Wall time of its first byte, in milliseconds since 1970. */
  wallMs = 0;
  // What `find` and `findTarget` have found.
  at = 0;
  length = 0;
  cut = false;
  pathAt = 0;
  pathBytes = 0;
  queryAt = 0;
  queryBytes = 0;
  portAt = 0;
  portBytes = 0;
  readonly bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #names: (LogName | undefined)[] = [];
  /** Where each text of the record begins. */
  readonly #textsAt = new Int32Array(TEXT.COUNT);
  #record = 0;
  #word = 0;

  constructor(ring: RingReader, worker: number) {
    this.ring = ring;
    this.worker = worker;
    this.bytes = ring.bytes;
    this.#words = ring.words;
    this.#doubles = ring.doubles;
  }

  /** Takes over a record of a name. */
  learn(record: number): void {
    this.namesLearned++;
    const { words, bytes } = this.ring;
    const from = record + NAME.WORDS * 4;
    const length = words[(record >> 2) + NAME.textBytes]!;
    // A copy: strings are not made of shared memory.
    const text = Buffer.from(bytes.subarray(from, from + length)).toString('utf8');
    this.#names[words[(record >> 2) + NAME.number]!] = logName(text);
  }

  /**
   * Turns to the record at a place of the ring, which has these headers. `offsetUs`: wall time less the clock of the machine.
   */
  begin(record: number, headers: readonly LogHeaderPlan[], offsetUs: number): void {
    this.#record = record;
    this.#word = record >> 2;
    this.headers = headers;
    const count = TEXT.headers + headers.length;
    const lengths = this.#word + EXCHANGE.texts;
    let at = record + TEXTS_AT;
    for (let i = 0; i < count; i++) {
      this.#textsAt[i] = at;
      const length = this.#words[lengths + i]!;
      at += length < 0 ? ~length : length;
    }
    this.wallMs = Math.floor((this.figure(FIGURE.begunUs) + offsetUs) / 1000);
  }

  word(word: number): number {
    return this.#words[this.#word + word]!;
  }

  figure(figure: number): number {
    return this.#doubles[((this.#record + FIGURES_AT) >> 3) + figure]!;
  }

  has(flag: number): boolean {
    return (this.word(EXCHANGE.flags) & flag) !== 0;
  }

  /** The name behind a word of the record; undefined for none. */
  name(word: number): LogName | undefined {
    const number = this.word(word);
    return number < 0 ? undefined : this.#names[number];
  }

  /** Its method; undefined for one that is not known, or where there is none. Of a head that was refused, what it began with. */
  get method(): LogName | undefined {
    if (this.has(FLAG.HEAD)) return METHODS[this.word(EXCHANGE.method)];
    if (!this.find(TEXT.method)) return undefined;
    const text = String.fromCharCode(...this.bytes.subarray(this.at, this.at + this.length));
    return METHODS.find((name) => name.text === text);
  }

  get reason(): LogName | undefined {
    const reason = this.word(EXCHANGE.reason);
    return reason < 0 ? undefined : REASON_NAMES[reason];
  }

  /** The first half of its id: the worker's. */
  get idPrefix(): LogName | undefined {
    return this.#names[0];
  }

  /** Finds a text of TEXT: `at`, `length` and `cut`. False for an empty one. */
  find(text: number): boolean {
    const length = this.#words[this.#word + EXCHANGE.texts + text]!;
    this.at = this.#textsAt[text]!;
    this.cut = length < 0;
    this.length = length < 0 ? ~length : length;
    return this.length > 0;
  }

  /** Finds the host as the client named it, without its port. False when it named none. */
  findHost(): boolean {
    if (!this.find(TEXT.host)) return false;
    const { bytes } = this;
    let colon = this.at + this.length - 1;
    while (colon > this.at && isDigit(bytes[colon]!)) colon--;
    this.portAt = bytes[colon] === 0x3a && colon + 1 < this.at + this.length ? colon + 1 : 0;
    this.portBytes = this.portAt === 0 ? 0 : this.at + this.length - this.portAt;
    if (this.portAt > 0) this.length = colon - this.at;
    return this.length > 0;
  }

  /** Finds a header of the request by its name. False when the request has none. */
  findHeader(name: string): boolean {
    for (let i = 0; i < this.headers.length; i++)
      if (this.headers[i]!.name === name) return this.find(TEXT.headers + i);
    return false;
  }

  /** Finds path and query in the target, as the client sent them; of an absolute target, behind its authority. */
  findTarget(): boolean {
    this.pathBytes = 0;
    this.queryBytes = 0;
    if (!this.find(TEXT.target)) return false;
    const { bytes } = this;
    const end = this.at + this.length;
    let at = this.at;
    if (bytes[at] !== 0x2f && bytes[at] !== 0x2a) at = behindAuthority(bytes, at, end);
    let query = at;
    while (query < end && bytes[query] !== 0x3f) query++;
    this.pathAt = at;
    this.pathBytes = query - at;
    this.queryAt = Math.min(query + 1, end);
    this.queryBytes = end - this.queryAt;
    return true;
  }

  /** Writes the client's address; false, and nothing, when it has none: over a unix socket. */
  writeClientAddress(lines: Lines): boolean {
    return this.#writeAddress(lines, CLIENT_AT, this.word(EXCHANGE.clientBytes));
  }

  /** The same of the peer of the connection. */
  writePeerAddress(lines: Lines): boolean {
    return this.#writeAddress(lines, PEER_AT, this.word(EXCHANGE.peerBytes));
  }

  #writeAddress({ out }: Lines, from: number, length: number): boolean {
    const { bytes } = this;
    const at = this.#record + from;
    if (length !== 4) {
      out.text(addressText(bytes, at, length));
      return length > 0;
    }
    for (let i = 0; i < 4; i++) {
      if (i > 0) out.byte(POINT);
      out.octet(bytes[at + i]!);
    }
    return true;
  }
}

const POINT = 0x2e;
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

/** Where the path of an absolute target begins (`http://host/path`); the beginning of any other. */
function behindAuthority(bytes: Uint8Array, at: number, end: number): number {
  let from = at;
  while (from + 2 < end && !(bytes[from] === 0x3a && bytes[from + 1] === 0x2f && bytes[from + 2] === 0x2f)) from++;
  if (from + 2 >= end) return at;
  from += 3;
  while (from < end && bytes[from] !== 0x2f && bytes[from] !== 0x3f) from++;
  return from;
}
