// Heads that outgrow a chunk (limits.headBytesMax above 16 KiB): collected piece by piece on the heap, so that slow
// senders cannot fill the slab, and moved into a run of neighbouring chunks once they are complete.
// Owns the collecting and the bound on all that a worker collects. Leaves parsing to read-head.ts and read-response-head.ts.

import { CHUNK_BYTES } from '../../engine/layout.js';
import type { HeadParser } from '../../http/llhttp.js';
import type { CodecContext } from '../context.js';

/** True for a head that is not complete with `bytes` bytes and has to be collected here, since it may outgrow a chunk. */
export function isLong(headBytesMax: number, bytes: number): boolean {
  return headBytesMax > CHUNK_BYTES && bytes >= CHUNK_BYTES / 2;
}

/** What all long heads of a worker may take on the heap together, as a part of the slab. */
const PART_OF_SLAB = 4;

/**
 * The first bytes of one long head. Each piece is parsed where it was received: `placeBefore` gives the parser a base
 * that lies as far in front of the piece as the head has bytes already, so that all offsets in the head stay true. Only
 * `moveToRun` gives it one that can be read.
 */
export class LongHead {
  bytes = 0;
  #text = Buffer.allocUnsafe(2 * CHUNK_BYTES);

  /** Bytes it takes on the heap. */
  get room(): number {
    return this.#text.length;
  }

  /** The head's next piece begins at `at`. */
  placeBefore(parser: HeadParser, at: number): void {
    parser.head.base = at - this.bytes;
  }

  /** Copies the next piece. */
  append(memory: Uint8Array, at: number, end: number): void {
    const bytes = this.bytes + end - at;
    if (bytes > this.#text.length) {
      const larger = Buffer.allocUnsafe(2 * bytes);
      larger.set(this.#text.subarray(0, this.bytes));
      this.#text = larger;
    }
    this.#text.set(memory.subarray(at, end), this.bytes);
    this.bytes = bytes;
  }

  /** Copies all of it to `to`. */
  copyTo(memory: Uint8Array, to: number): void {
    memory.set(this.#text.subarray(0, this.bytes), to);
  }
}

/** All long heads of a worker. */
export class LongHeads {
  /** Bytes they take on the heap. */
  bytes = 0;
  readonly #bytesMax: number;

  constructor(slabBytes: number) {
    this.#bytesMax = Math.floor(slabBytes / PART_OF_SLAB);
  }

  /** Collects a piece, into `long` or a new one; null when all of them together would take too much: `long` is dropped. */
  collect(long: LongHead | null, memory: Uint8Array, at: number, end: number): LongHead | null {
    const collecting = long ?? new LongHead();
    if (long !== null) this.bytes -= long.room;
    collecting.append(memory, at, end);
    if (this.bytes + collecting.room > this.#bytesMax) return null;
    this.bytes += collecting.room;
    return collecting;
  }

  /** Forgets a head. */
  drop(long: LongHead | null): void {
    if (long !== null) this.bytes -= long.room;
  }
}

/**
 * Moves a head that is complete, its last piece at `at` in the slab, into a run of chunks, and lets the parser look at its
 * fields. The caller holds one reference on each chunk of the run (`Engine.runRelease`); the last piece's chunk stays the
 * caller's too. Returns false when the slab has no such run; the head cannot be read then.
 */
export function moveToRun(w: CodecContext, parser: HeadParser, long: LongHead, at: number): boolean {
  const { head } = parser;
  const run = w.engine.runTake(head.bytes);
  if (run < 0) return false;
  long.copyTo(w.memory, run);
  w.memory.copyWithin(run + long.bytes, at, parser.endAt);
  head.base = run;
  parser.resolveFields();
  return true;
}
