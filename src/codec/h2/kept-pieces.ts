// The bytes of a frame, or of a block of fields, that did not come whole: on the heap while no chunk holds them, since slow peers must
// not fill the slab. Bounded for the worker, however many connections begin a block and do not end it.

import { Area } from './hpack/copy.js';

const BYTES_FIRST = 512;

export const NO_BYTES = new Area(new Uint8Array(0));

/** Bytes of all that is kept in this worker, and the most that they may be. */
export const keptMemory = { used: 0, most: Number.MAX_SAFE_INTEGER };

export class KeptPieces {
  area: Area = NO_BYTES;
  /** Bytes that are kept. */
  length = 0;

  /** Keeps `bytes` more bytes, of what comes to `most` at most. False: the worker has no room for it. */
  add(memory: Area, at: number, bytes: number, most: number): boolean {
    const needed = this.length + bytes;
    const had = this.area.bytes.length;
    if (needed > had) {
      const room = Math.max(needed, Math.min(most, Math.max(BYTES_FIRST, 2 * had)));
      if (keptMemory.used + room - had > keptMemory.most) return false;
      keptMemory.used += room - had;
      const grown = new Area(new Uint8Array(room));
      grown.bytes.set(this.area.bytes.subarray(0, this.length));
      this.area = grown;
    }
    this.area.bytes.set(memory.bytes.subarray(at, at + bytes), this.length);
    this.length = needed;
    return true;
  }

  /** Forgets all of it. */
  drop(): void {
    keptMemory.used -= this.area.bytes.length;
    this.area = NO_BYTES;
    this.length = 0;
  }
}
