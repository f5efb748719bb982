// Text in the slab: constants that stay for the worker's life, and lines written behind a head.

import type { Engine } from './engine.js';
import { CHUNK_BYTES } from './layout.js';

/** A constant in the slab, fit to be listed as a span for ever. */
export interface Pinned {
  readonly at: number;
  readonly bytes: number;
}

/** Where texts of one lifetime go. */
interface Area {
  readonly known: Map<string, Pinned>;
  readonly chunks: number[];
  at: number;
  room: number;
}

const area = (): Area => ({ known: new Map(), chunks: [], at: 0, room: 0 });

/**
 * Keeps texts in chunks: constants as long as the worker lives, those that come from a plan (addresses of servers, lines
 * of listeners, names of sessions) until the next plan.
 */
export class PinnedTexts {
  readonly #engine: Engine;
  readonly #memory: Uint8Array;
  readonly #constants = area();
  #ofPlan = area();

  constructor(engine: Engine, memory: Uint8Array) {
    this.#engine = engine;
    this.#memory = memory;
  }

  /** How many chunks are held now. Allocates nothing. */
  get heldCount(): number {
    return this.#constants.chunks.length + this.#ofPlan.chunks.length;
  }

  /** The chunks held now, with one reference each. */
  get held(): number[] {
    return [...this.#constants.chunks, ...this.#ofPlan.chunks];
  }

  /** The place of a constant, for a slab that is not in use yet. Throws RangeError when it has no room. */
  pin(text: string): Pinned {
    const pinned = this.#constants.known.get(text) ?? this.#put(this.#constants, text);
    if (pinned === null) throw new RangeError(`no room in the slab for a constant of ${text.length} bytes`);
    return pinned;
  }

  /**
   * The place of `text` (Latin-1), good until `renew`; pinned when it is new. Null when it is longer than a chunk or the
   * slab is full.
   */
  pinIfRoom(text: string): Pinned | null {
    const known = this.#constants.known.get(text) ?? this.#ofPlan.known.get(text);
    return known ?? this.#put(this.#ofPlan, text);
  }

  /** Gives back what was pinned for a plan. What is being sent of it stays until it has left. */
  renew(): void {
    for (const chunk of this.#ofPlan.chunks) this.#engine.release(chunk);
    this.#ofPlan = area();
  }

  #put(to: Area, text: string): Pinned | null {
    const bytes = Buffer.from(text, 'latin1');
    if (bytes.length > to.room) {
      const chunk = bytes.length > CHUNK_BYTES ? -1 : this.#engine.chunkTake();
      if (chunk < 0) return null;
      to.chunks.push(chunk);
      to.at = chunk;
      to.room = CHUNK_BYTES;
    }
    this.#memory.set(bytes, to.at);
    const pinned = { at: to.at, bytes: bytes.length };
    to.at += bytes.length;
    to.room -= bytes.length;
    to.known.set(text, pinned);
    return pinned;
  }
}

/** A text that is written again and again: cut into words, so that it takes a quarter of the stores. */
export class Constant {
  readonly words: Int32Array;
  readonly tail: Uint8Array;

  /** `text` is Latin-1. */
  constructor(text: string) {
    const bytes = Buffer.from(text, 'latin1');
    this.words = Int32Array.from({ length: bytes.length >> 2 }, (_, i) => bytes.readInt32LE(i * 4));
    this.tail = bytes.subarray(bytes.length & ~3);
  }
}

const HEX = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
/** Two digits for every byte, as they lie in memory. */
const HEX_PAIRS = Uint16Array.from({ length: 256 }, (_, byte) => HEX[byte >> 4]! | (HEX[byte & 15]! << 8));

/** Writes bytes one after the other. The place must have room: nothing is checked here. */
export class Writer {
  at = 0;
  readonly #memory: Uint8Array;
  /** The same memory. Words may begin anywhere. */
  readonly #view: DataView;

  constructor(memory: Uint8Array) {
    this.#memory = memory;
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  }

  /** Appends a constant. */
  put({ words, tail }: Constant): void {
    let at = this.at;
    for (let i = 0; i < words.length; i++, at += 4) this.#view.setInt32(at, words[i]!, true);
    for (let i = 0; i < tail.length; i++, at++) this.#memory[at] = tail[i]!;
    this.at = at;
  }

  /** Appends an unsigned 32-bit number as eight hexadecimal digits in lower case. */
  hex8(value: number): void {
    const { at } = this;
    this.#view.setUint16(at, HEX_PAIRS[value >>> 24]!, true);
    this.#view.setUint16(at + 2, HEX_PAIRS[(value >>> 16) & 255]!, true);
    this.#view.setUint16(at + 4, HEX_PAIRS[(value >>> 8) & 255]!, true);
    this.#view.setUint16(at + 6, HEX_PAIRS[value & 255]!, true);
    this.at = at + 8;
  }

  /** Appends Latin-1 text. Allocates nothing; one store per character. */
  text(text: string): void {
    const memory = this.#memory;
    for (let i = 0; i < text.length; i++) memory[this.at++] = text.charCodeAt(i);
  }

  /** Appends `length` bytes from elsewhere in the memory. */
  copy(from: number, length: number): void {
    this.#memory.copyWithin(this.at, from, from + length);
    this.at += length;
  }

  /** Appends one byte. */
  byte(value: number): void {
    this.#memory[this.at++] = value;
  }

  /** Appends a number from 0 to 255 in decimal. */
  octet(value: number): void {
    const memory = this.#memory;
    if (value >= 100) memory[this.at++] = 0x30 + ((value * 41) >> 12);
    if (value >= 10) memory[this.at++] = 0x30 + (((value * 205) >> 11) % 10);
    memory[this.at++] = 0x30 + (value % 10);
  }

  /** Appends an unsigned 32-bit number in lower-case hexadecimal, with no digit more than it needs. */
  hex(value: number): void {
    let shift = 28;
    while (shift > 0 && value >>> shift === 0) shift -= 4;
    for (; shift >= 0; shift -= 4) this.#memory[this.at++] = HEX[(value >>> shift) & 15]!;
  }
}
