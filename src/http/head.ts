// A message head as spans over the bytes it arrived in: nothing is decoded, nothing is copied.
// Owns the layout of those spans. Leaves filling them to llhttp.ts, and judging them to check.ts and framing.ts.

import { equalsCaseless, FIELD_IDS } from './fields.js';

/** Fields any head has room for from the start. One with more gets more room when it comes (`Head.grow`). */
export const FIELDS_USUAL = 128;
/** The most that `limits.fieldsMax` may allow. */
export const FIELDS_MAX = 1000;

/** One header field, as Int32 words. `nameAt` and `valueAt` count from the first byte of the head. */
export const FIELD = { nameAt: 0, nameBytes: 1, valueAt: 2, valueBytes: 3, id: 4, WORDS: 5 } as const;

/**
 * One request or response head. Reused: a pool hands them out, `clear` makes one fresh.
 *
 * All `…At` are offsets from `base`, so a head may move in memory (a split head is parked and brought back)
 * by changing `base` alone. `base` itself is an address in `bytes`, the parser's whole memory.
 */
export class Head {
  /** Address of the head's first byte in the parser's memory. */
  base = 0;
  /** llhttp's number of the method (requests). */
  method = 0;
  /** Status code (responses). */
  status = 0;
  /** Minor HTTP version: 0 or 1. The major version is always 1. */
  minor = 1;
  /** The request target as it was sent: origin, absolute or asterisk form. */
  targetAt = 0;
  targetBytes = 0;
  fieldCount = 0;
  /** Length of the whole head, the empty line included. 0 until it is complete. */
  bytes = 0;
  /** llhttp saw a `Connection: upgrade` with an `Upgrade` field, or CONNECT. */
  upgrade = false;
  /** The connection may be used again after this message, by version and `Connection` (RFC 9112, 9.3). */
  keepAlive = false;
  /** The fields, FIELD.WORDS each. Another array once more than `room` came: read it anew for each head. */
  fields = new Int32Array(FIELDS_USUAL * FIELD.WORDS);
  /** Ids of fields that are there, and of those that are there more than once: bit `1 << id`. */
  ids = 0;
  repeated = 0;
  /** By id, the first word of the last field that has it; only good where `ids` says so. */
  readonly places = new Int32Array(FIELD_IDS);

  /** Forgets the previous message. Span words are left as they are: `fieldCount` says how many are valid. */
  clear(): void {
    this.method = 0;
    this.status = 0;
    this.minor = 1;
    this.targetAt = 0;
    this.targetBytes = 0;
    this.forgetFields();
    this.bytes = 0;
    this.upgrade = false;
    this.keepAlive = false;
  }

  /** Forgets the fields: their bytes are gone. */
  forgetFields(): void {
    this.fieldCount = 0;
    this.ids = 0;
    this.repeated = 0;
  }

  /** Fields there is room for. */
  get room(): number {
    return this.fields.length / FIELD.WORDS;
  }

  /** Makes room for twice as many fields; those that are there stay. */
  grow(): void {
    const larger = new Int32Array(2 * this.fields.length);
    larger.set(this.fields);
    this.fields = larger;
  }

  /** True when a field with this id is there. */
  has(id: number): boolean {
    return (this.ids & (1 << id)) !== 0;
  }

  // A field is named by its first word in `fields`, as `next` returns it.

  /** The first field with this id that is not before `from`, or -1. The one after it: `next(id, field + FIELD.WORDS)`. Hot. */
  next(id: number, from = 0): number {
    const { fields } = this;
    const end = this.fieldsEnd;
    let field = from;
    while (field < end && fields[field + FIELD.id] !== id) field += FIELD.WORDS;
    return field < end ? field : -1;
  }

  /**
   * The first field that is not before `from` and has this name, or -1: in lower case, all of `names` or the `nameBytes` of it
   * at `nameAt`. `bytes` are those the head lies in. For names that configurations choose; known ones have ids. Hot.
   */
  nextNamed(bytes: Uint8Array, from: number, names: Uint8Array, nameAt = 0, nameBytes = names.length): number {
    const end = this.fieldsEnd;
    let field = from;
    while (field < end && !this.#isNamed(bytes, field, names, nameAt, nameBytes)) field += FIELD.WORDS;
    return field < end ? field : -1;
  }

  /** The last field before `before` that has this name, or -1. The last of all: from `fieldsEnd` on. */
  previousNamed(bytes: Uint8Array, before: number, name: Uint8Array): number {
    let field = before - FIELD.WORDS;
    while (field >= 0 && !this.#isNamed(bytes, field, name, 0, name.length)) field -= FIELD.WORDS;
    return field < 0 ? -1 : field;
  }

  /** Where a field behind the last one would be. */
  get fieldsEnd(): number {
    return this.fieldCount * FIELD.WORDS;
  }

  /** The last field with this id, which must be there. */
  last(id: number): number {
    return this.places[id]!;
  }

  /** Address of the field's name. */
  nameAt(field: number): number {
    return this.base + this.fields[field + FIELD.nameAt]!;
  }

  nameBytes(field: number): number {
    return this.fields[field + FIELD.nameBytes]!;
  }

  /** Address of the field's value, without blanks around it. */
  valueAt(field: number): number {
    return this.base + this.fields[field + FIELD.valueAt]!;
  }

  valueBytes(field: number): number {
    return this.fields[field + FIELD.valueBytes]!;
  }

  #isNamed(bytes: Uint8Array, field: number, names: Uint8Array, nameAt: number, nameBytes: number): boolean {
    return equalsCaseless(bytes, this.nameAt(field), this.nameBytes(field), names, nameAt, nameBytes);
  }
}
