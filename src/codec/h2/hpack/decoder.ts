// Reads a header block (RFC 7541, 6): each field becomes a line `name: value` CRLF in the memory of the worker.
// Owns the syntax of blocks and the use of the tables. Leaves what the fields mean, and limits on them, to blocks.ts.

import { assert } from '../../../base/assert.js';
import { Area, copy } from './copy.js';
import type { DynamicTable } from './dynamic-table.js';
import { ENTRY, infoOfName, infoWithValue, LINE_EXTRA, PSEUDO, pseudoOf } from './entries.js';
import { HUFFMAN, huffmanDecode } from './huffman.js';
import { STATIC_COUNT, staticBytes, staticEntries } from './static-table.js';

/** What `next` made of the bytes. */
export const DECODED = {
  /** A field: its line is at `lineAt`. */
  field: 0,
  /** The same, but it is not needed and its line was not kept. */
  skipped: 1,
  /** No room for its line. Nothing has changed: give more room, or `skipRest()`, and call again. */
  noRoom: 2,
  /** The tables of the two sides are not the same any more: the end of the connection. */
  invalid: 3,
} as const;

const INDEXED = 0x80;
const INCREMENTAL = 0x40;
const SIZE_UPDATE = 0x20;
const HUFFMAN_CODED = 0x80;
/** How a name in the code begins with a colon, whose code has seven bits. */
const HUFFMAN_COLON = 0x5c;

/** Integers have at most four bytes behind the first: nothing that is counted here comes near. */
const INTEGER_SHIFT_MAX = 21;

const COLON = 0x3a;
const SPACE = 0x20;
const CR = 0x0d;
const LF = 0x0a;

/** Bytes in front of the end of the room that are never needed for less than this: what decoding may write too far. */
const SPARE = 8;

const staticArea = new Area(staticBytes);

/** One block after the other; reused. Allocates nothing, but for a table that grows. */
export class HpackDecoder {
  /** Where the next line goes. */
  out = 0;
  /** The line of the last field, and what is known of it. Its bytes may not be there before `flush()`. */
  lineAt = 0;
  nameBytes = 0;
  valueBytes = 0;
  info = 0;
  /** The memory of the worker. */
  readonly memory: Area;
  #table: DynamicTable;
  #source: Area;
  #at = 0;
  #end = 0;
  #limit = 0;
  /** Where the field under way begins, in case it is read again. */
  #fieldAt = 0;
  /** Lines of the table that are due at `#runTo`, one behind the other here as there: copied when the run ends. */
  #runFrom = 0;
  #runTo = 0;
  #runBytes = 0;
  #skipping = false;
  /** Where lines go that are added to the table and not needed otherwise. */
  #scratch: Area | null = null;
  /** The value of the last `#integer`. */
  #value = 0;

  constructor(memory: Uint8Array, table: DynamicTable) {
    this.memory = new Area(memory);
    this.#source = this.memory;
    this.#table = table;
  }

  /**
   * Begins the block at `at` of `source`, and reads the size updates in front of its fields. Lines go to `out`, and end before
   * `limit`. `tableBytesMax`: what we allowed the table to have. False: the block is invalid.
   */
  begin(
    table: DynamicTable,
    tableBytesMax: number,
    source: Area,
    at: number,
    end: number,
    out: number,
    limit: number,
  ): boolean {
    this.#table = table;
    this.#source = source;
    this.#at = at;
    this.#end = end;
    this.#runBytes = 0;
    this.#skipping = false;
    this.moveTo(out, limit);
    while (this.#at < end && (source.bytes[this.#at]! & 0xe0) === SIZE_UPDATE) {
      if (!this.#integer(0x1f) || this.#value > tableBytesMax) return false;
      if (this.#value !== table.bytesMax) table.resize(this.#value);
    }
    return table.bytesMax <= tableBytesMax;
  }

  /** All of the block is read. */
  get done(): boolean {
    return this.#at === this.#end;
  }

  /** Lines go to `out` from here on, and end before `limit`; those before have been flushed. */
  moveTo(out: number, limit: number): void {
    assert(this.#runBytes === 0, 'lines that are due are copied before others go elsewhere');
    this.out = out;
    this.#limit = limit - SPARE;
  }

  /** There is room for so many bytes behind `out`. */
  hasRoom(bytes: number): boolean {
    return this.out + bytes <= this.#limit;
  }

  /** No more lines are needed: the rest is read for the table's sake. */
  skipRest(): void {
    this.flush();
    this.#skipping = true;
  }

  /** The next field is a pseudo-field, as far as can be said without reading it. Not at the end of the block. */
  get atPseudo(): boolean {
    const source = this.#source.bytes;
    const start = this.#at;
    const byte = source[start]!;
    const mask = byte >= INDEXED ? 0x7f : byte >= INCREMENTAL ? 0x3f : 0x0f;
    let pseudo = false;
    if ((byte & mask) === 0) {
      const length = source[start + 1]!;
      const first = source[start + 2]!;
      if (start + 2 < this.#end) pseudo = length >= HUFFMAN_CODED ? first >> 1 === HUFFMAN_COLON : first === COLON;
    } else if (this.#integer(mask)) {
      const info = this.#infoOf(this.#value);
      pseudo = info >= 0 && pseudoOf(info) !== PSEUDO.NONE;
    }
    this.#at = start;
    return pseudo;
  }

  #infoOf(index: number): number {
    if (index <= STATIC_COUNT) return staticEntries[index * ENTRY.WORDS + ENTRY.info]!;
    const age = index - STATIC_COUNT - 1;
    return age < this.#table.count ? this.#table.entries[this.#table.entry(age) + ENTRY.info]! : -1;
  }

  /** Reads the next field. DECODED says what came of it. Hot. */
  next(): number {
    this.#fieldAt = this.#at;
    const byte = this.#source.bytes[this.#at]!;
    if (byte < INDEXED) return this.#literal(byte);
    if (!this.#integer(0x7f)) return DECODED.invalid;
    const index = this.#value;
    if (index > STATIC_COUNT) return this.#fromTable(index - STATIC_COUNT - 1);
    if (index === 0) return DECODED.invalid;
    const entry = index * ENTRY.WORDS;
    this.#known(staticEntries, entry);
    if (this.#skipping) return DECODED.skipped;
    const bytes = this.nameBytes + this.valueBytes + LINE_EXTRA;
    if (this.out + bytes > this.#limit) return this.#noRoom();
    this.flush();
    copy(staticArea, staticEntries[entry + ENTRY.at]!, bytes, this.memory, this.out);
    this.#took(bytes);
    return DECODED.field;
  }

  /** Copies the lines that are due: afterwards all bytes in front of `out` are there. */
  flush(): void {
    if (this.#runBytes === 0) return;
    copy(this.#table.area, this.#runFrom, this.#runBytes, this.memory, this.#runTo);
    this.#runBytes = 0;
  }

  /** A field that the dynamic table has. */
  #fromTable(age: number): number {
    const table = this.#table;
    if (age >= table.count) return DECODED.invalid;
    const entry = table.entry(age);
    const { entries } = table;
    this.#known(entries, entry);
    if (this.#skipping) return DECODED.skipped;
    const from = entries[entry + ENTRY.at]!;
    const bytes = this.nameBytes + this.valueBytes + LINE_EXTRA;
    if (this.out + bytes > this.#limit) return this.#noRoom();
    if (this.#runBytes > 0 && this.#runFrom + this.#runBytes === from && this.#runTo + this.#runBytes === this.out) {
      this.#runBytes += bytes;
    } else {
      this.flush();
      this.#runFrom = from;
      this.#runTo = this.out;
      this.#runBytes = bytes;
    }
    this.#took(bytes);
    return DECODED.field;
  }

  #known(entries: Int32Array, entry: number): void {
    this.nameBytes = entries[entry + ENTRY.nameBytes]!;
    this.valueBytes = entries[entry + ENTRY.valueBytes]!;
    this.info = entries[entry + ENTRY.info]!;
  }

  #noRoom(): number {
    this.#at = this.#fieldAt;
    return DECODED.noRoom;
  }

  #took(bytes: number): void {
    this.lineAt = this.out;
    this.out += bytes;
  }

  /** A field with its value, and maybe its name, in the block. */
  #literal(first: number): number {
    const incremental = first >= INCREMENTAL;
    // Size updates stand in front of all fields (RFC 7541, 4.2).
    if (!incremental && first >= SIZE_UPDATE) return DECODED.invalid;
    if (!this.#integer(incremental ? 0x3f : 0x0f)) return DECODED.invalid;
    if (!this.#skipping) return this.#line(this.#value, incremental, this.memory, this.out, this.#limit);
    if (!incremental) return this.#skipLiteral(this.#value);
    return this.#lineForTable(this.#value);
  }

  /** Reads a literal into `into` at `to`, whose name has the index or stands in the block (0). */
  #line(index: number, incremental: boolean, into: Area, to: number, limit: number): number {
    const { bytes } = into;
    let info = 0;
    let end = to;
    if (index === 0) {
      end = this.#string(into, to, limit);
      if (end < 0) return this.#failed(end);
      this.nameBytes = end - to;
      info = infoOfName(bytes, to, this.nameBytes);
      bytes[end] = COLON;
      bytes[end + 1] = SPACE;
      end += 2;
    } else {
      info = this.#copyName(index, into, to, limit);
      if (info < 0) return this.#failed(info);
      end = to + this.nameBytes + 2;
    }
    const valueAt = end;
    end = this.#string(into, valueAt, limit);
    if (end < 0) return this.#failed(end);
    this.valueBytes = end - valueAt;
    bytes[end] = CR;
    bytes[end + 1] = LF;
    this.info = infoWithValue(info, bytes, valueAt, this.valueBytes);
    if (incremental) {
      // The lines that are due may move, or go.
      this.flush();
      this.#table.add(into, to, this.nameBytes, this.valueBytes, this.info);
    }
    if (into !== this.memory) return DECODED.skipped;
    this.#took(end + 2 - to);
    return DECODED.field;
  }

  /** Copies the name with that index, and the colon behind it. Returns its info word, or HUFFMAN of what went wrong. */
  #copyName(index: number, into: Area, to: number, limit: number): number {
    const isStatic = index <= STATIC_COUNT;
    const age = index - STATIC_COUNT - 1;
    if (!isStatic && age >= this.#table.count) return HUFFMAN.invalid;
    const from = isStatic ? staticArea : this.#table.area;
    const entries = isStatic ? staticEntries : this.#table.entries;
    const entry = isStatic ? index * ENTRY.WORDS : this.#table.entry(age);
    this.nameBytes = entries[entry + ENTRY.nameBytes]!;
    if (to + this.nameBytes + 2 > limit) return HUFFMAN.noRoom;
    copy(from, entries[entry + ENTRY.at]!, this.nameBytes + 2, into, to);
    return entries[entry + ENTRY.info]!;
  }

  /** What `next` returns for a string that could not be read. */
  #failed(why: number): number {
    return why === HUFFMAN.noRoom ? this.#noRoom() : DECODED.invalid;
  }

  /** Reads a literal that only the table needs. */
  #lineForTable(index: number): number {
    // Large enough for any line that the table takes: one that does not fit empties it.
    const bytes = this.#table.bytesMax + 64;
    if (this.#scratch === null || this.#scratch.bytes.length < bytes) this.#scratch = new Area(new Uint8Array(bytes));
    const decoded = this.#line(index, true, this.#scratch, 0, this.#scratch.bytes.length - SPARE);
    if (decoded !== DECODED.noRoom) return decoded;
    this.#integer(0x3f);
    const skipped = this.#skipLiteral(this.#value);
    this.#table.clear();
    return skipped;
  }

  /** Reads over the strings of a literal. */
  #skipLiteral(index: number): number {
    if (index > STATIC_COUNT + this.#table.count) return DECODED.invalid;
    if (index === 0 && !this.#stringHead()) return DECODED.invalid;
    if (index === 0) this.#at += this.#value;
    if (!this.#stringHead()) return DECODED.invalid;
    this.#at += this.#value;
    return DECODED.skipped;
  }

  /** A string's bytes are in the Huffman code; set by `#stringHead`. */
  #coded = false;

  /** Reads the length of a string, which becomes `#value`. False when the block ends before the string does. */
  #stringHead(): boolean {
    if (this.#at >= this.#end) return false;
    this.#coded = this.#source.bytes[this.#at]! >= HUFFMAN_CODED;
    return this.#integer(0x7f) && this.#value <= this.#end - this.#at;
  }

  /** Reads a string to `to`. Returns the address behind it, or HUFFMAN of what went wrong. Two bytes behind it are spare. */
  #string(into: Area, to: number, limit: number): number {
    if (!this.#stringHead()) return HUFFMAN.invalid;
    const at = this.#at;
    const length = this.#value;
    this.#at += length;
    if (this.#coded) return huffmanDecode(this.#source.bytes, at, at + length, into.bytes, to, limit);
    if (to + length > limit) return HUFFMAN.noRoom;
    copy(this.#source, at, length, into, to);
    return to + length;
  }

  /**
   * Reads an integer whose first byte has the bits of `mask` for it (RFC 7541, 5.1): `#value`. False when the block ends in it, or
   * it is larger than anything here can be. Hot.
   */
  #integer(mask: number): boolean {
    const { bytes } = this.#source;
    let value = bytes[this.#at++]! & mask;
    if (value === mask) {
      let shift = 0;
      for (;;) {
        if (this.#at >= this.#end || shift > INTEGER_SHIFT_MAX) return false;
        const byte = bytes[this.#at++]!;
        value += (byte & 0x7f) << shift;
        if (byte < 0x80) break;
        shift += 7;
      }
    }
    this.#value = value;
    return true;
  }
}
