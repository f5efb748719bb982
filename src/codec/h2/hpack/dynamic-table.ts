// The dynamic table of one direction of a connection (RFC 7541, 2.3.2 and 4), as lines in memory that grows with use and is given
// back with the connection.
// Owns eviction and the bound. Leaves what an index means on the wire to decoder.ts and encoder.ts.

import { assert } from '../../../base/assert.js';
import { type Area, copy } from './copy.js';
import { ENTRY, ENTRY_OVERHEAD, LINE_EXTRA } from './entries.js';
import { BLOCK_BYTES_MAX, type Block, giveBlock, NO_BLOCK, takeBlock } from './table-memory.js';

/** Room that a table begins with once it has an entry, for lines and for entries. */
const BYTES_FIRST = 256;
const ENTRIES_FIRST = 8;
const WORD_BYTES = 4;
/** Lines of a full table are moved together only when that leaves an eighth of its room: so full it may be. */
const TABLE_BYTES_MAX = (BLOCK_BYTES_MAX / 9) * 8;

/** `: ` and CRLF as words. */
const COLON_SPACE = 0x3a20;
const CRLF = 0x0d0a;

/**
 * The newest entry has age 0. Lines lie one behind the other in the order they came, so that fields which a message repeats in
 * order are one run of bytes.
 *
 * Bound: lines take LINE_EXTRA bytes beside name and value where the account says ENTRY_OVERHEAD, so they never take more than
 * the table may have.
 */
export class DynamicTable {
  /** The memory that its lines are in, beside those of others. Another one once more room was needed. */
  area: Area = NO_BLOCK.piece;
  /** That of the words of its entries (ENTRY), a ring. */
  entries: Int32Array = NO_BLOCK.piece.words;
  count = 0;
  /** Entries that were ever added: `added - 1` is the number of the newest. */
  added = 0;
  /** The most it may hold now, as RFC 7541, 4.1 counts. */
  bytesMax: number;
  /** What it holds, counted the same way. */
  bytesUsed = 0;
  #lines: Block = NO_BLOCK;
  #ring: Block = NO_BLOCK;
  /** Where the ring begins in `entries`, and what counts in it. */
  #ringAt = 0;
  #ringMask = 0;
  #lineAt = 0;
  #lineEnd = 0;

  /** `bytesMax` is at most 4096. */
  constructor(bytesMax: number) {
    assert(bytesMax <= TABLE_BYTES_MAX, 'a table fits its memory');
    this.bytesMax = bytesMax;
  }

  /** The first word of the entry of an age, which is less than `count`. Hot. */
  entry(age: number): number {
    return this.#ringAt + (((this.added - 1 - age) * ENTRY.WORDS) & this.#ringMask);
  }

  /** Bytes of memory that it has. */
  get memoryBytes(): number {
    return this.#lines.bytes + this.#ring.bytes;
  }

  /** Gives its memory back. It is empty from here on, and stays so. */
  release(): void {
    this.resize(0);
    giveBlock(this.#lines);
    giveBlock(this.#ring);
    this.#lines = NO_BLOCK;
    this.#ring = NO_BLOCK;
  }

  /** Changes the most it may hold, and evicts what is too much. */
  resize(bytesMax: number): void {
    this.bytesMax = bytesMax;
    this.#evict(bytesMax);
  }

  /** Evicts all entries. */
  clear(): void {
    this.#evict(0);
  }

  /**
   * Adds the line at `at` of `from`, as the newest entry. One that is larger than the table empties it and is not added
   * (RFC 7541, 4.4). True when it was added.
   */
  add(from: Area, at: number, nameBytes: number, valueBytes: number, info: number): boolean {
    const line = this.#take(nameBytes, valueBytes, info);
    if (line < 0) return false;
    copy(from, at, nameBytes + valueBytes + LINE_EXTRA, this.area, line);
    return true;
  }

  /** The same for a name and a value that lie apart. */
  addParts(name: Area, nameAt: number, nameBytes: number, value: Area, valueAt: number, valueBytes: number): boolean {
    const line = this.#take(nameBytes, valueBytes, 0);
    if (line < 0) return false;
    const { area } = this;
    copy(name, nameAt, nameBytes, area, line);
    area.view.setInt16(line + nameBytes, COLON_SPACE);
    copy(value, valueAt, valueBytes, area, line + nameBytes + 2);
    area.view.setInt16(line + nameBytes + 2 + valueBytes, CRLF);
    return true;
  }

  /** Makes an entry, and returns the address of its line, to be written; -1 for one that is too large. */
  #take(nameBytes: number, valueBytes: number, info: number): number {
    const counted = nameBytes + valueBytes + ENTRY_OVERHEAD;
    if (counted > this.bytesMax) {
      this.clear();
      return -1;
    }
    this.#evict(this.bytesMax - counted);
    const lineBytes = nameBytes + valueBytes + LINE_EXTRA;
    this.#makeRoom(lineBytes);
    this.added++;
    this.count++;
    this.bytesUsed += counted;
    const entry = this.entry(0);
    const { entries } = this;
    const line = this.#lineEnd;
    entries[entry + ENTRY.at] = line;
    entries[entry + ENTRY.nameBytes] = nameBytes;
    entries[entry + ENTRY.valueBytes] = valueBytes;
    entries[entry + ENTRY.info] = info;
    this.#lineEnd += lineBytes;
    return line;
  }

  /** Evicts the oldest entries until no more than `bytesMax` is left. */
  #evict(bytesMax: number): void {
    while (this.bytesUsed > bytesMax) {
      const oldest = this.entry(this.count - 1);
      const bytes = this.entries[oldest + ENTRY.nameBytes]! + this.entries[oldest + ENTRY.valueBytes]!;
      this.bytesUsed -= bytes + ENTRY_OVERHEAD;
      this.#lineAt += bytes + LINE_EXTRA;
      this.count--;
    }
    if (this.count > 0) return;
    this.#lineAt = this.#lines.at;
    this.#lineEnd = this.#lines.at;
  }

  /** Makes room for one more entry, whose line has `lineBytes`. */
  #makeRoom(lineBytes: number): void {
    if (this.count * ENTRY.WORDS * WORD_BYTES >= this.#ring.bytes) this.#growRing();
    const block = this.#lines;
    if (this.#lineEnd + lineBytes <= block.at + block.bytes) return;
    const lines = this.#lineEnd - this.#lineAt;
    // Moved together where that leaves room for some time: otherwise each new line would move all the others.
    const moves = lines + lineBytes <= block.bytes - (block.bytes >> 3) || block.bytes === BLOCK_BYTES_MAX;
    if (!moves) {
      this.#lines = takeBlock(Math.max(BYTES_FIRST, lines + lineBytes, Math.min(2 * block.bytes, BLOCK_BYTES_MAX)));
      this.area = this.#lines.piece;
    }
    const to = this.#lines.at;
    if (moves) block.piece.bytes.copyWithin(to, this.#lineAt, this.#lineEnd);
    else this.area.bytes.set(block.piece.bytes.subarray(this.#lineAt, this.#lineEnd), to);
    const by = to - this.#lineAt;
    for (let age = 0; age < this.count; age++) this.entries[this.entry(age) + ENTRY.at]! += by;
    this.#lineAt = to;
    this.#lineEnd = to + lines;
    if (!moves) giveBlock(block);
  }

  #growRing(): void {
    const old = this.entries;
    const from = Array.from({ length: this.count }, (_, age) => this.entry(age));
    const ring = takeBlock(Math.max(2 * this.#ring.bytes, ENTRIES_FIRST * ENTRY.WORDS * WORD_BYTES));
    giveBlock(this.#ring);
    this.#ring = ring;
    this.entries = ring.piece.words;
    this.#ringAt = ring.at / WORD_BYTES;
    this.#ringMask = ring.bytes / WORD_BYTES - 1;
    // The old ring has been given back, but is no other's yet.
    for (let age = 0; age < from.length; age++) {
      const to = this.entry(age);
      for (let word = 0; word < ENTRY.WORDS; word++) this.entries[to + word] = old[from[age]! + word]!;
    }
  }
}
