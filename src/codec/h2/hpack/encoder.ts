// Writes header blocks (RFC 7541, 6): fields that messages of a connection repeat are named by their place in a table.
// Owns what goes into the table and what never does. Leaves which fields a message has to its writer, and the frames of a block.
//
// Strings are not put into the Huffman code: it costs more than it saves us, and decoders have to take both.

import { Area, copy, equals, equalsLower } from './copy.js';
import { DynamicTable } from './dynamic-table.js';
import { ENTRY } from './entries.js';
import { STATIC_COUNT, STATIC_FIELDS } from './static-table.js';
import { type Block, giveBlock, NO_BLOCK, takeBlock } from './table-memory.js';

const BYTES_FIRST = 4096;
/** The most of a table that we use, whatever the peer allows. */
const TABLE_BYTES_MAX = 4096;
/** The most that an integer takes. */
const INTEGER_BYTES_MAX = 6;

const INDEXED = 0x80;
const INCREMENTAL = 0x40;
const SIZE_UPDATE = 0x20;
const NEVER_INDEXED = 0x10;
const PLAIN = 0;

/** Names that a connection remembers at once: for each its hash, that of its last value, and the number of its entry. */
const SLOTS = 32;
const SLOT = { name: 0, value: 1, entry: 2, WORDS: 3 } as const;
const NO_ENTRY = -1;
/** Names whose hashes point to one slot take the next ones. */
const PROBES = 4;
/** Places in a message that are remembered. */
const PLACES = 32;
const REMEMBERED_WORDS = SLOTS * SLOT.WORDS + PLACES;

/** What the peer's decoder has of us, and what we know of the fields of its messages. One per connection. */
export class EncoderTable {
  readonly table = new DynamicTable(TABLE_BYTES_MAX);
  /** What is remembered of names and places, from the first block on: idle connections do without. */
  memory: Block = NO_BLOCK;
  /** Its memory has been given back: it remembers nothing any more. */
  released = false;
  /** The least that was allowed since the last block, and what is allowed now; -1 when nothing has changed. */
  least = -1;
  allowed = TABLE_BYTES_MAX;

  /** Bytes of memory that it has. */
  get memoryBytes(): number {
    return this.table.memoryBytes + this.memory.bytes;
  }

  /** Gives back the memory that it has. */
  release(): void {
    this.table.release();
    giveBlock(this.memory);
    this.memory = NO_BLOCK;
    this.released = true;
  }

  /** The peer's SETTINGS allow a table of `bytesMax` bytes: the next block says what we make of it (RFC 7541, 4.2). */
  allow(bytesMax: number): void {
    const bytes = Math.min(bytesMax, TABLE_BYTES_MAX);
    if (bytes === this.allowed && this.least < 0) return;
    this.least = this.least < 0 ? Math.min(bytes, this.allowed) : Math.min(bytes, this.least);
    this.allowed = bytes;
  }
}

/** Names of fields whose values must not be guessed by watching sizes (RFC 7541, 7.1.3): no table gets them, of no hop. */
const SENSITIVE: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie']);

/** By the low bits of a name's hash: its index in the static table; then the next index whose name has the same bits. */
const STATIC_SLOTS = 256;
const firstStatic = new Uint8Array(STATIC_SLOTS);
const nextStatic = new Uint8Array(STATIC_COUNT + 1);
const staticNames: readonly Uint8Array[] = [new Uint8Array(0), ...STATIC_FIELDS.map(([name]) => Buffer.from(name))];
const isSensitive = Uint8Array.from([0, ...STATIC_FIELDS.map(([name]) => (SENSITIVE.has(name) ? 1 : 0))]);

/** Letters hash alike in either case. Sampled: names that share their length and both ends are compared later. Hot. */
function hashOfName(bytes: Uint8Array, at: number, length: number): number {
  const half = at + (length >> 1);
  const first = bytes[at]! | 0x20 | ((bytes[half]! | 0x20) << 8);
  const last = bytes[at + length - 1]! | 0x20 | (length << 8);
  return Math.imul(first | (last << 16), 0x9e3779b1) | 1;
}

/** Sampled too: equal values are compared byte by byte before they count as such. Hot. */
function hashOfValue({ bytes, view }: Area, at: number, length: number): number {
  if (length < 4) return length === 0 ? 0 : (bytes[at]! << 16) | (bytes[at + length - 1]! << 8) | length;
  const half = at + ((length - 4) >> 1);
  const ends = Math.imul(view.getInt32(at), 0x85ebca6b) ^ view.getInt32(at + length - 4);
  return Math.imul(ends, 0xc2b2ae35) ^ view.getInt32(half) ^ length;
}

const slotOf = (hash: number): number => (hash >>> 18) & (SLOTS - 1);

for (let index = STATIC_COUNT; index > 0; index--) {
  // The first of equal names is found first.
  const slot = (hashOfName(staticNames[index]!, 0, staticNames[index]!.length) >>> 8) & (STATIC_SLOTS - 1);
  nextStatic[index] = firstStatic[slot]!;
  firstStatic[slot] = index;
}

/** `:status` in the static table by status, and of a status that is not there. */
const STATUS_NAME = 8;
const statusIndex: Readonly<Record<number, number>> = { 200: 8, 204: 9, 206: 10, 304: 11, 400: 12, 404: 13, 500: 14 };

/** One per worker, filled again for each block: `area` from 0 to `length`. Allocates nothing once it has grown. */
export class HpackEncoder {
  area = new Area(new Uint8Array(BYTES_FIRST));
  length = 0;
  #table = new DynamicTable(0);
  /** Where the slots are, and by its place in the message the number of the entry that the field there had last, and 1; 0 for none. */
  #words: Int32Array = new Int32Array(REMEMBERED_WORDS);
  #slotsAt = 0;
  #placesAt = 0;
  /** For what is written on a connection that is over. */
  readonly #nothing = new Int32Array(REMEMBERED_WORDS);
  /** The place of the next field. */
  #place = 0;
  /** Where lines of text become bytes. */
  #text = new Area(new Uint8Array(BYTES_FIRST));

  /** Begins a block for the peer whose table it is. The block must be sent, or the connection is of no use any more. */
  begin(owner: EncoderTable): void {
    this.length = 0;
    this.#table = owner.table;
    this.#place = 0;
    this.#remember(owner);
    if (owner.least < 0) return;
    if (owner.least < owner.allowed) this.#integer(SIZE_UPDATE, 0x1f, owner.least);
    owner.table.resize(owner.least);
    this.#integer(SIZE_UPDATE, 0x1f, owner.allowed);
    owner.table.resize(owner.allowed);
    owner.least = -1;
  }

  #remember(owner: EncoderTable): void {
    if (owner.memory === NO_BLOCK && !owner.released) {
      owner.memory = takeBlock(REMEMBERED_WORDS * 4);
      const { piece, at } = owner.memory;
      piece.words.fill(0, at / 4, at / 4 + REMEMBERED_WORDS);
    }
    const { piece, at } = owner.memory;
    this.#words = owner.released ? this.#nothing : piece.words;
    this.#slotsAt = owner.released ? 0 : at / 4;
    this.#placesAt = this.#slotsAt + SLOTS * SLOT.WORDS;
  }

  /** The status of a response. */
  status(status: number): void {
    const index = statusIndex[status];
    const { bytes } = this.area;
    if (index !== undefined) {
      bytes[this.length++] = INDEXED | index;
      return;
    }
    bytes[this.length++] = STATUS_NAME;
    bytes[this.length++] = 3;
    bytes[this.length++] = 0x30 + Math.floor(status / 100);
    bytes[this.length++] = 0x30 + (Math.floor(status / 10) % 10);
    bytes[this.length++] = 0x30 + (status % 10);
  }

  /** A field that the static table has whole, by its index. */
  indexed(index: number): void {
    this.#integer(INDEXED, 0x7f, index);
  }

  /**
   * A field whose name and value lie in `from`. The name, which becomes lower case, must be a token, or that of a pseudo-field. A
   * value that the last message had too goes into the table, and one that a name had first. Hot.
   */
  field(from: Area, nameAt: number, nameBytes: number, valueAt: number, valueBytes: number): void {
    this.#room(nameBytes + valueBytes + 1 + 3 * INTEGER_BYTES_MAX);
    const place = this.#placesAt + (this.#place < PLACES ? this.#place++ : 0);
    // Messages mostly have the same fields in the same order.
    const expected = this.#words[place]! - 1;
    if (expected >= 0 && this.#isEntry(expected, from, nameAt, nameBytes, valueAt, valueBytes)) this.#name(expected);
    else this.#words[place] = 1 + this.#other(from, nameAt, nameBytes, valueAt, valueBytes);
  }

  /** Names an entry of the table as a whole. */
  #name(entry: number): void {
    this.#integer(INDEXED, 0x7f, STATIC_COUNT + this.#table.added - entry);
  }

  /** A field that is not the one expected. Returns the number of its entry, or NO_ENTRY. */
  #other(from: Area, nameAt: number, nameBytes: number, valueAt: number, valueBytes: number): number {
    const table = this.#table;
    const hash = hashOfName(from.bytes, nameAt, nameBytes);
    const index = staticIndex(hash, from.bytes, nameAt, nameBytes);
    if (isSensitive[index] === 1) {
      this.#literal(NEVER_INDEXED, 0x0f, index, from, nameAt, nameBytes, valueAt, valueBytes);
      return NO_ENTRY;
    }
    const slots = this.#words;
    const slot = this.#slotFor(hash);
    const value = hashOfValue(from, valueAt, valueBytes);
    let adds = slots[slot + SLOT.name] === 0;
    let named = index;
    if (slots[slot + SLOT.name] === hash) {
      const entry = slots[slot + SLOT.entry]!;
      if (entry !== NO_ENTRY && this.#isEntry(entry, from, nameAt, nameBytes, valueAt, valueBytes)) {
        this.#name(entry);
        return entry;
      }
      if (named === 0 && entry !== NO_ENTRY && this.#isNamed(entry, from, nameAt, nameBytes)) {
        named = STATIC_COUNT + table.added - entry;
      }
      adds = slots[slot + SLOT.value] === value;
    } else {
      slots[slot + SLOT.name] = hash;
      slots[slot + SLOT.entry] = NO_ENTRY;
    }
    slots[slot + SLOT.value] = value;
    if (!adds) {
      this.#literal(PLAIN, 0x0f, named, from, nameAt, nameBytes, valueAt, valueBytes);
      return NO_ENTRY;
    }
    const nameInBlock = this.#literal(INCREMENTAL, 0x3f, named, from, nameAt, nameBytes, valueAt, valueBytes);
    // Where the block does not spell the name, its lower case is put behind the block for as long as it takes to copy.
    const lower = nameInBlock >= 0 ? nameInBlock : this.length;
    if (nameInBlock < 0) this.#lowerCase(from.bytes, nameAt, nameBytes, lower);
    const added = table.addParts(this.area, lower, nameBytes, from, valueAt, valueBytes);
    slots[slot + SLOT.entry] = added ? table.added - 1 : NO_ENTRY;
    return slots[slot + SLOT.entry]!;
  }

  /** Whole lines of text `name: value`, each ending in CRLF, in Latin-1. */
  lines(text: string): void {
    if (text.length === 0) return;
    if (text.length > this.#text.bytes.length) this.#text = new Area(new Uint8Array(2 * text.length));
    const { bytes } = this.#text;
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    let at = 0;
    while (at < text.length) {
      let colon = at;
      while (bytes[colon] !== COLON || colon === at) colon++;
      let valueAt = colon + 1;
      while (bytes[valueAt] === SPACE) valueAt++;
      let end = valueAt;
      while (bytes[end] !== CR) end++;
      this.field(this.#text, at, colon - at, valueAt, end - valueAt);
      at = end + 2;
    }
  }

  /** Where the name with that hash is remembered: its own place, a free one, or that of another name, which it takes. */
  #slotFor(hash: number): number {
    const slots = this.#words;
    for (let i = 0; i < PROBES; i++) {
      const slot = this.#slotsAt + ((slotOf(hash) + i) & (SLOTS - 1)) * SLOT.WORDS;
      const name = slots[slot + SLOT.name];
      if (name === hash || name === 0) return slot;
    }
    return this.#slotsAt + slotOf(hash) * SLOT.WORDS;
  }

  /** The entry with that number is still there, and is this field. Hot. */
  #isEntry(
    number: number,
    from: Area,
    nameAt: number,
    nameBytes: number,
    valueAt: number,
    valueBytes: number,
  ): boolean {
    const table = this.#table;
    const age = table.added - 1 - number;
    if (age >= table.count) return false;
    const { entries, area } = table;
    const entry = table.entry(age);
    if (entries[entry + ENTRY.valueBytes] !== valueBytes || entries[entry + ENTRY.nameBytes] !== nameBytes)
      return false;
    const line = entries[entry + ENTRY.at]!;
    return (
      equals(area, line + nameBytes + 2, from, valueAt, valueBytes) && equalsLower(area, line, from, nameAt, nameBytes)
    );
  }

  /** The same of its name alone. */
  #isNamed(number: number, from: Area, at: number, length: number): boolean {
    const table = this.#table;
    const age = table.added - 1 - number;
    if (age >= table.count) return false;
    const entry = table.entry(age);
    const name = table.entries[entry + ENTRY.at]!;
    return table.entries[entry + ENTRY.nameBytes] === length && equalsLower(table.area, name, from, at, length);
  }

  /** Writes a literal whose name has the index, or 0. Returns where the block has the name, or -1. */
  #literal(
    kind: number,
    mask: number,
    index: number,
    from: Area,
    nameAt: number,
    nameBytes: number,
    valueAt: number,
    valueBytes: number,
  ): number {
    this.#integer(kind, mask, index);
    let name = -1;
    if (index === 0) {
      this.#integer(PLAIN, 0x7f, nameBytes);
      name = this.length;
      this.#lowerCase(from.bytes, nameAt, nameBytes, name);
      this.length += nameBytes;
    }
    this.#integer(PLAIN, 0x7f, valueBytes);
    copy(from, valueAt, valueBytes, this.area, this.length);
    this.length += valueBytes;
    return name;
  }

  #lowerCase(from: Uint8Array, at: number, length: number, to: number): void {
    const { bytes } = this.area;
    for (let i = 0; i < length; i++) {
      const byte = from[at + i]!;
      bytes[to + i] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    }
  }

  /** An integer behind the bits of `kind` (RFC 7541, 5.1). */
  #integer(kind: number, mask: number, value: number): void {
    const { bytes } = this.area;
    if (value < mask) {
      bytes[this.length++] = kind | value;
      return;
    }
    bytes[this.length++] = kind | mask;
    let rest = value - mask;
    for (; rest >= 128; rest >>>= 7) bytes[this.length++] = (rest & 127) | 128;
    bytes[this.length++] = rest;
  }

  /** Makes room for `more` bytes behind the block, and for a name besides. */
  #room(more: number): void {
    const needed = this.length + 2 * more;
    if (needed <= this.area.bytes.length) return;
    const grown = new Area(new Uint8Array(2 * needed));
    grown.bytes.set(this.area.bytes.subarray(0, this.length));
    this.area = grown;
  }
}

const COLON = 0x3a;
const SPACE = 0x20;
const CR = 0x0d;

/** The index of a name in the static table, or 0. Hot. */
function staticIndex(hash: number, bytes: Uint8Array, at: number, length: number): number {
  let index = firstStatic[(hash >>> 8) & (STATIC_SLOTS - 1)]!;
  for (; index !== 0; index = nextStatic[index]!) {
    const name = staticNames[index]!;
    if (name.length !== length) continue;
    let i = 0;
    while (i < length && (bytes[at + i]! | 0x20) === name[i]) i++;
    if (i === length) return index;
  }
  return 0;
}
