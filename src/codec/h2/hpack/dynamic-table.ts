// The dynamic table of one direction of a connection (RFC 7541, 2.3.2 and 4), as lines in memory that grows with use.
// Owns eviction and the bound. Leaves what an index means on the wire to decoder.ts and encoder.ts.

import { Area, copy } from './copy.js';
import { ENTRY, ENTRY_OVERHEAD, LINE_EXTRA } from './entries.js';

/** Room that a table begins with, for lines and for entries: a connection that stays idle has no more. */
const BYTES_FIRST = 256;
const ENTRIES_FIRST = 8;

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
  /** The lines. Another one once more room was needed. */
  area = new Area(new Uint8Array(BYTES_FIRST));
  /** The words of the entries (ENTRY), in a ring. Another one once more room was needed. */
  entries = new Int32Array(ENTRIES_FIRST * ENTRY.WORDS);
  count = 0;
  /** Entries that were ever added: `added - 1` is the number of the newest. */
  added = 0;
  /** The most it may hold now, as RFC 7541, 4.1 counts. */
  bytesMax: number;
  /** What it holds, counted the same way. */
  bytesUsed = 0;
  #lineAt = 0;
  #lineEnd = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** The first word of the entry of an age, which is less than `count`. Hot. */
  entry(age: number): number {
    return ((this.added - 1 - age) * ENTRY.WORDS) & (this.entries.length - 1);
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
    this.#lineAt = 0;
    this.#lineEnd = 0;
  }

  /** Makes room for one more entry, whose line has `lineBytes`. */
  #makeRoom(lineBytes: number): void {
    if (this.count * ENTRY.WORDS === this.entries.length) this.#growEntries();
    if (this.#lineEnd + lineBytes <= this.area.bytes.length) return;
    const lines = this.#lineEnd - this.#lineAt;
    const { bytes } = this.area;
    // Moved together where that leaves room for some time: otherwise each new line would move all the others.
    if (
      lines + lineBytes <= bytes.length - (bytes.length >> 3) ||
      bytes.length >= this.bytesMax + (this.bytesMax >> 3)
    ) {
      bytes.copyWithin(0, this.#lineAt, this.#lineEnd);
    } else {
      const larger = Math.min(Math.max(2 * bytes.length, lines + lineBytes), this.bytesMax + (this.bytesMax >> 3));
      const grown = new Area(new Uint8Array(Math.max(larger, lines + lineBytes)));
      grown.bytes.set(bytes.subarray(this.#lineAt, this.#lineEnd));
      this.area = grown;
    }
    for (let age = 0; age < this.count; age++) this.entries[this.entry(age) + ENTRY.at]! -= this.#lineAt;
    this.#lineEnd = lines;
    this.#lineAt = 0;
  }

  #growEntries(): void {
    const old = this.entries;
    const grown = new Int32Array(2 * old.length);
    for (let age = 0; age < this.count; age++) {
      const from = this.entry(age);
      const to = ((this.added - 1 - age) * ENTRY.WORDS) & (grown.length - 1);
      for (let word = 0; word < ENTRY.WORDS; word++) grown[to + word] = old[from + word]!;
    }
    this.entries = grown;
  }
}
