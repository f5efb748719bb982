// What the HTTP/2 connections of one worker share: readers and writers that are filled again for each block, and lists of one turn.

import type { Engine } from '../../engine/engine.js';
import { CHUNK_BYTES } from '../../engine/layout.js';
import { BlockReader } from './blocks.js';
import type { Http2Connection } from './connection.js';
import { Area } from './hpack/copy.js';
import { DynamicTable } from './hpack/dynamic-table.js';
import { HpackEncoder } from './hpack/encoder.js';
import { keptMemory } from './kept-pieces.js';
import type { Http2Stream } from './stream.js';

/** What a client may send on all streams of a connection together, before any of it is taken. */
const CONNECTION_WINDOW = 1_048_576;
/** Room for a head that outgrows a chunk. With the fields of one block over it, it is too large. */
const OVERFLOW_BYTES = 6 * CHUNK_BYTES;

const PART_OF_SLAB = 4;

/** One per worker. */
export class Http2Shared {
  /** The memory of the worker. */
  readonly area: Area;
  readonly blocks: BlockReader;
  readonly encoder = new HpackEncoder();
  /** Where a head goes that does not fit the room it was given, until it is known how long it is; at -1 before there was one. */
  readonly overflow = { at: -1, bytes: 0 };
  readonly connectionWindow = CONNECTION_WINDOW;
  /** All connections of HTTP/2. */
  readonly connections = new Set<Http2Connection>();
  /** Connections that something was done with in this turn, and streams whose held bodies may go on. */
  readonly touched: Http2Connection[] = [];
  readonly woken: Http2Stream[] = [];
  /** Chunks held by bodies that wait: for clients to take them, and to go to servers. */
  waitingChunks = 0;
  heldChunks = 0;
  readonly #engine: Engine;

  constructor(memory: Uint8Array, engine: Engine) {
    this.#engine = engine;
    this.area = new Area(memory);
    this.blocks = new BlockReader(memory, new DynamicTable(0), this.overflow);
  }

  /**
   * Takes the room for long heads from the slab, once and for all: with the first connection of HTTP/2. What comes in pieces is kept
   * beside the slab, and may be a quarter of it.
   */
  makeRoom(slabBytes: number): void {
    if (this.overflow.at >= 0) return;
    keptMemory.most = Math.floor(slabBytes / PART_OF_SLAB);
    const at = this.#engine.runTake(OVERFLOW_BYTES);
    if (at < 0) return;
    this.overflow.at = at;
    this.overflow.bytes = OVERFLOW_BYTES;
  }

  /** Chunks that no connection holds. */
  get chunksKeptCount(): number {
    return this.overflow.bytes / CHUNK_BYTES;
  }

  /** The same, one by one. */
  get chunksKept(): number[] {
    const { at, bytes } = this.overflow;
    return at < 0 ? [] : Array.from({ length: bytes / CHUNK_BYTES }, (_, i) => at + i * CHUNK_BYTES);
  }
}
