// Reads blocks of fields into what HTTP/1 has: a block becomes a head as it stands on a wire of HTTP/1.1, in the memory of the worker,
// and fills the same `Head`. So checks, matches, filters and the writers of both versions never learn which it was.
// Refuses what RFC 9113, 8 has as malformed, and repairs nothing (RFC 9113, 10.3): see block-results.ts for each rule.
// Owns the rules for requests, responses and trailers. Leaves HPACK to hpack/, the rest of the target and of the host to check.ts.

import { assert } from '../../base/assert.js';
import { equalsBytes } from '../../base/bytes.js';
import { equalsBytesCaseless, equalsCaseless, FIELD_ID } from '../../http/fields.js';
import type { Http2Limits } from '../../http/h2-limits.js';
import { FIELD, Head } from '../../http/head.js';
import { BLOCK } from './block-results.js';
import { joinCookies } from './blocks-cookies.js';
import { PseudoFields } from './blocks-pseudo.js';
import type { Area } from './hpack/copy.js';
import { DECODED, HpackDecoder } from './hpack/decoder.js';
import type { DynamicTable } from './hpack/dynamic-table.js';
import { ENTRY_OVERHEAD, hasInvalidName, idOf, isRegular, PSEUDO, pseudoOf } from './hpack/entries.js';

/** Where a block lies. */
export interface BlockSpan {
  readonly area: Area;
  readonly at: number;
  readonly end: number;
}

/** What of a connection reading its blocks needs. */
export interface BlockConnection {
  /** The table that the peer's encoder fills. */
  readonly table: DynamicTable;
  /** What our SETTINGS allow it to have. */
  readonly tableBytesMax: number;
  readonly limits: Pick<Http2Limits, 'fieldsMax' | 'cookiesMax' | 'listBytesMax'>;
}

/** Memory that a head may be written to. */
export interface Room {
  readonly at: number;
  readonly bytes: number;
}

/** The bits of field ids, as in Head.ids. */
const bits = (...ids: number[]): number => ids.reduce((all, id) => all | (1 << id), 0);

/** Fields that no message of HTTP/2 may have (RFC 9113, 8.2.2). */
const CONNECTION_FIELDS = bits(
  FIELD_ID.CONNECTION,
  FIELD_ID.PROXY_CONNECTION,
  FIELD_ID.KEEP_ALIVE,
  FIELD_ID.TRANSFER_ENCODING,
  FIELD_ID.UPGRADE,
);
/** Fields that are looked at one by one. The others only go into the head. */
const LOOKED_AT = CONNECTION_FIELDS | bits(FIELD_ID.TE, FIELD_ID.HOST, FIELD_ID.CONTENT_LENGTH, FIELD_ID.COOKIE);

const TRAILERS = Buffer.from('trailers', 'latin1');
const WEBSOCKET_KEY = Buffer.from('sec-websocket-key', 'latin1');

const SEMICOLON = 0x3b;
const SPACE = 0x20;
const CR = 0x0d;
const LF = 0x0a;
/** `: ` behind a name, and CRLF. */
const BEHIND_NAME = 2;
const LINE_END = 2;
/** No content-length. */
const NO_LENGTH = -1;

/** What kind of block is being read. */
const KIND = { request: 0, response: 1, trailers: 2 } as const;

/** One block after the other, for all connections of a worker. Allocates nothing per block in the usual case. */
export class BlockReader {
  /** Trailers of the last block that was such: lines `name: value` CRLF. */
  trailers = '';
  /** What the last request said; its addresses are good until the head moves. */
  readonly pseudo: PseudoFields;
  /** What content-length of the last block said; -1 for none. */
  contentLength = NO_LENGTH;
  readonly #decoder: HpackDecoder;
  /** Where a head goes that does not fit the room it was given; null for nowhere. */
  readonly #overflow: Room | null;
  readonly #noHead = new Head();
  #head: Head = this.#noHead;
  #kind: number = KIND.request;
  #result: number = BLOCK.ok;
  #areaAt = 0;
  #overflowed = false;
  /** What the limits still allow. */
  #fieldsLeft = 0;
  #cookiesLeft = 0;
  #listBytesLeft = 0;
  /** Words of the cookie field in the head, where its line ends, and whether there is another. */
  #cookieField = -1;
  #cookieEnd = 0;
  #cookiesApart = false;

  constructor(memory: Uint8Array, table: DynamicTable, overflow: Room | null) {
    this.#decoder = new HpackDecoder(memory, table);
    this.#overflow = overflow;
    this.pseudo = new PseudoFields(this.#decoder.memory);
  }

  /**
   * Reads the head of a request into `head` and `room`. `ended`: the stream has no body. `extendedConnect`: we said that
   * :protocol may be used (RFC 8441). Returns a BLOCK result; only with `ok` is the head complete, and lies where
   * `head.base` says: in the room, or in the overflow. Hot.
   */
  readRequest(
    c: BlockConnection,
    block: BlockSpan,
    head: Head,
    room: Room,
    ended: boolean,
    extendedConnect: boolean,
  ): number {
    this.#begin(KIND.request, c, block, head, room);
    const { pseudo } = this;
    this.#readPseudo();
    if (this.#result === BLOCK.ok) this.#refuse(pseudo.checkRequest(extendedConnect));
    if (this.#result === BLOCK.ok) this.#writeLine(true);
    this.#readFields();
    if (this.#result === BLOCK.ok && ended && this.contentLength > 0) this.#result = BLOCK.lengthWithoutBody;
    return this.#finish();
  }

  /**
   * Reads the head of a response, final or interim, as `readRequest` does. Whether a length fits the body is not looked at: it
   * need not for an answer to HEAD, and with 304.
   */
  readResponse(c: BlockConnection, block: BlockSpan, head: Head, room: Room): number {
    this.#begin(KIND.response, c, block, head, room);
    this.#readPseudo();
    if (this.#result === BLOCK.ok) this.#refuse(this.pseudo.checkResponse());
    if (this.#result === BLOCK.ok) this.#writeLine(false);
    this.#readFields();
    return this.#finish();
  }

  /** Reads trailers, of a request or a response; `room` is needed until this returns. What goes on of them is not decided here. */
  readTrailers(c: BlockConnection, block: BlockSpan, room: Room): number {
    this.#begin(KIND.trailers, c, block, this.#noHead, room);
    this.trailers = '';
    this.#noHead.base = this.#decoder.out;
    this.#readFields();
    const result = this.#finish();
    if (result !== BLOCK.ok) return result;
    const { base, bytes } = this.#noHead;
    const { buffer } = this.#decoder.memory.bytes;
    this.trailers = Buffer.from(buffer, base, bytes - LINE_END).toString('latin1');
    return result;
  }

  /** Reads a block that belongs to no message any more, for the table's sake (RFC 9113, 4.3). `ok` or `compression`. */
  skip(c: BlockConnection, block: BlockSpan): number {
    this.#begin(KIND.trailers, c, block, this.#noHead, NO_ROOM);
    if (this.#result === BLOCK.ok) this.#decoder.skipRest();
    this.#drain();
    return this.#result;
  }

  #begin(kind: number, c: BlockConnection, block: BlockSpan, head: Head, room: Room): void {
    head.clear();
    head.keepAlive = true;
    this.#head = head;
    this.#kind = kind;
    this.#result = BLOCK.ok;
    this.#areaAt = room.at;
    this.#overflowed = false;
    this.#fieldsLeft = c.limits.fieldsMax;
    this.#cookiesLeft = c.limits.cookiesMax;
    this.#listBytesLeft = c.limits.listBytesMax;
    this.#cookieField = -1;
    this.#cookiesApart = false;
    this.contentLength = NO_LENGTH;
    this.pseudo.clear();
    const { at, bytes } = room;
    if (!this.#decoder.begin(c.table, c.tableBytesMax, block.area, block.at, block.end, at, at + bytes)) {
      this.#result = BLOCK.compression;
    }
  }

  /** The first thing that is wrong is what the block comes to. The rest is read for the table's sake. */
  #refuse(result: number): void {
    if (result === BLOCK.ok || this.#result !== BLOCK.ok) return;
    this.#result = result;
    this.#decoder.skipRest();
  }

  /** Reads the next field. False: the block is at its end, or not valid HPACK. */
  #next(): boolean {
    const decoder = this.#decoder;
    if (this.#result === BLOCK.compression || decoder.done) return false;
    let decoded = decoder.next();
    while (decoded === DECODED.noRoom) {
      if (!this.#moveToOverflow()) this.#refuse(BLOCK.noRoom);
      decoded = decoder.next();
    }
    if (decoded === DECODED.invalid) {
      this.#result = BLOCK.compression;
      return false;
    }
    if (decoded === DECODED.field) this.#count();
    return true;
  }

  /** Counts the field against the limits. */
  #count(): void {
    const { info, nameBytes, valueBytes } = this.#decoder;
    this.#listBytesLeft -= nameBytes + valueBytes + ENTRY_OVERHEAD;
    if (info === FIELD_ID.COOKIE) this.#cookiesLeft--;
    else this.#fieldsLeft--;
    if ((this.#listBytesLeft | this.#cookiesLeft | this.#fieldsLeft) >= 0) return;
    if (this.#cookiesLeft < 0) this.#refuse(BLOCK.cookiesTooMany);
    else this.#refuse(this.#fieldsLeft < 0 ? BLOCK.fieldsTooMany : BLOCK.listTooLarge);
  }

  /** What is written so far goes on in the overflow. False: there is none, or it is full too. */
  #moveToOverflow(): boolean {
    const overflow = this.#overflow;
    const decoder = this.#decoder;
    if (overflow === null || this.#overflowed) return false;
    const bytes = decoder.out - this.#areaAt;
    if (bytes >= overflow.bytes) return false;
    decoder.flush();
    decoder.memory.bytes.copyWithin(overflow.at, this.#areaAt, decoder.out);
    const by = overflow.at - this.#areaAt;
    this.#head.base += by;
    this.#cookieEnd += by;
    this.pseudo.move(by);
    this.#areaAt = overflow.at;
    this.#overflowed = true;
    decoder.moveTo(overflow.at + bytes, overflow.at + overflow.bytes);
    return true;
  }

  /** The pseudo-fields, which stand in front of all others. */
  #readPseudo(): void {
    const decoder = this.#decoder;
    while (this.#result === BLOCK.ok && !decoder.done && decoder.atPseudo) {
      if (!this.#next() || this.#result !== BLOCK.ok) return;
      const { info, lineAt, nameBytes, valueBytes } = decoder;
      decoder.flush();
      this.#refuse(this.pseudo.take(info, lineAt + nameBytes + BEHIND_NAME, valueBytes, this.#kind === KIND.request));
    }
  }

  /** Writes the first line, and the host's, behind the pseudo-fields they are made of. */
  #writeLine(isRequest: boolean): void {
    const decoder = this.#decoder;
    const { pseudo } = this;
    const bytes = isRequest ? pseudo.requestBytes : pseudo.responseBytes;
    if (!decoder.hasRoom(bytes) && !(this.#moveToOverflow() && decoder.hasRoom(bytes))) {
      this.#refuse(BLOCK.noRoom);
      return;
    }
    const head = this.#head;
    head.base = decoder.out;
    decoder.out = isRequest ? pseudo.writeRequest(head, decoder.out) : pseudo.writeResponse(head, decoder.out);
  }

  /** All other fields, each one a line of the head. */
  #readFields(): void {
    const decoder = this.#decoder;
    while (this.#next()) {
      if (this.#result !== BLOCK.ok) continue;
      const { info } = decoder;
      if (isRegular(info) && (LOOKED_AT & (1 << info)) === 0 && !this.pseudo.isWebSocket) this.#keep(info);
      else this.#refuse(this.#lookAt(info));
    }
  }

  /** The line becomes a field of the head. */
  #keep(id: number): void {
    const head = this.#head;
    if (head.fieldCount === head.room) head.grow();
    const { fields } = head;
    const { lineAt, nameBytes, valueBytes } = this.#decoder;
    const field = head.fieldCount++ * FIELD.WORDS;
    const nameAt = lineAt - head.base;
    fields[field + FIELD.nameAt] = nameAt;
    fields[field + FIELD.nameBytes] = nameBytes;
    fields[field + FIELD.valueAt] = nameAt + nameBytes + BEHIND_NAME;
    fields[field + FIELD.valueBytes] = valueBytes;
    fields[field + FIELD.id] = id;
    if (id === FIELD_ID.NONE) return;
    head.repeated |= head.ids & (1 << id);
    head.ids |= 1 << id;
    head.places[id] = field;
  }

  /** A field that is not only kept. Returns what is wrong with it. */
  #lookAt(info: number): number {
    const decoder = this.#decoder;
    decoder.flush();
    if (hasInvalidName(info)) return BLOCK.nameInvalid;
    if (pseudoOf(info) !== PSEUDO.NONE) {
      return this.#kind === KIND.trailers ? BLOCK.pseudoInTrailers : BLOCK.pseudoLate;
    }
    if (!isRegular(info)) return BLOCK.valueInvalid;
    const id = idOf(info);
    if ((CONNECTION_FIELDS & (1 << id)) !== 0) return BLOCK.connectionField;
    const { bytes } = decoder.memory;
    const valueAt = decoder.lineAt + decoder.nameBytes + BEHIND_NAME;
    if (id === FIELD_ID.TE && !equalsCaseless(bytes, valueAt, decoder.valueBytes, TRAILERS)) return BLOCK.teInvalid;
    if (this.#kind !== KIND.trailers) {
      if (id === FIELD_ID.CONTENT_LENGTH) return this.#length(valueAt);
      if (this.#kind === KIND.request) {
        if (id === FIELD_ID.HOST) return this.#host(valueAt);
        if (id === FIELD_ID.COOKIE) return this.#cookie();
        if (this.pseudo.isWebSocket && equalsBytes(bytes, decoder.lineAt, decoder.nameBytes, WEBSOCKET_KEY)) {
          return this.#drop(); // ours stands there: there is none in HTTP/2 (RFC 8441, 5)
        }
      }
    }
    this.#keep(id);
    return BLOCK.ok;
  }

  /** The line does not go into the head. */
  #drop(): number {
    this.#decoder.out = this.#decoder.lineAt;
    return BLOCK.ok;
  }

  /** Digits alone (RFC 9110, 8.6); the same length once more adds nothing. */
  #length(at: number): number {
    const { memory, valueBytes } = this.#decoder;
    if (valueBytes === 0 || valueBytes > 15) return BLOCK.lengthInvalid;
    let length = 0;
    for (let i = at; i < at + valueBytes; i++) {
      const digit = memory.bytes[i]! - 0x30;
      if (digit < 0 || digit > 9) return BLOCK.lengthInvalid;
      length = length * 10 + digit;
    }
    if (this.contentLength === length) return this.#drop();
    if (this.contentLength !== NO_LENGTH) return BLOCK.lengthInvalid;
    this.contentLength = length;
    this.#keep(FIELD_ID.CONTENT_LENGTH);
    return BLOCK.ok;
  }

  /** One line names the host: that of :authority, if there is one (RFC 9113, 8.3.1). */
  #host(at: number): number {
    const head = this.#head;
    if (!head.has(FIELD_ID.HOST)) {
      this.#keep(FIELD_ID.HOST);
      return BLOCK.ok;
    }
    const host = head.last(FIELD_ID.HOST);
    const { memory, valueBytes } = this.#decoder;
    return equalsBytesCaseless(memory.bytes, head.valueAt(host), head.valueBytes(host), at, valueBytes)
      ? this.#drop()
      : BLOCK.hostDiffers;
  }

  /** Pieces of a cookie are one field again (RFC 9113, 8.2.3). */
  #cookie(): number {
    const head = this.#head;
    const decoder = this.#decoder;
    if (decoder.valueBytes === 0) return this.#drop(); // joined, it would be a blank at an end
    if (this.#cookieField < 0) {
      this.#cookieField = head.fieldCount * FIELD.WORDS;
      this.#keep(FIELD_ID.COOKIE);
    } else if (decoder.lineAt === this.#cookieEnd) {
      // Over the end of the line before, and over its own name.
      const { bytes } = decoder.memory;
      const { lineAt, nameBytes, valueBytes } = decoder;
      const valueAt = lineAt + nameBytes + BEHIND_NAME;
      bytes[lineAt - LINE_END] = SEMICOLON;
      bytes[lineAt - LINE_END + 1] = SPACE;
      bytes.copyWithin(lineAt, valueAt, valueAt + valueBytes + LINE_END);
      decoder.out = lineAt + valueBytes + LINE_END;
      head.fields[this.#cookieField + FIELD.valueBytes]! += LINE_END + valueBytes;
    } else {
      this.#cookiesApart = true;
      this.#keep(FIELD_ID.COOKIE);
      return BLOCK.ok;
    }
    this.#cookieEnd = decoder.out;
    return BLOCK.ok;
  }

  /** Reads what is left for the table's sake. */
  #drain(): void {
    const decoder = this.#decoder;
    while (this.#result !== BLOCK.compression && !decoder.done) {
      if (decoder.next() === DECODED.invalid) this.#result = BLOCK.compression;
    }
  }

  /** Ends the head with its empty line. Returns the result. */
  #finish(): number {
    if (this.#result !== BLOCK.ok) {
      this.#head.forgetFields();
      return this.#result;
    }
    assert(this.#decoder.done, 'a block is read to its end');
    const head = this.#head;
    const decoder = this.#decoder;
    decoder.flush();
    if (this.#cookiesApart) decoder.out = joinCookies(decoder.memory.bytes, head, decoder.out);
    const { bytes } = decoder.memory;
    bytes[decoder.out] = CR;
    bytes[decoder.out + 1] = LF;
    head.bytes = decoder.out + LINE_END - head.base;
    return this.#kind === KIND.request && head.method < 0 ? BLOCK.methodUnknown : BLOCK.ok;
  }
}

const NO_ROOM: Room = { at: 0, bytes: 0 };
