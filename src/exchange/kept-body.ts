// The body of a request that may be sent again: a copy of what has been taken off the wire, in chunks of the slab.
// Owns these chunks. Leaves to exchange/forward.ts whether a body is worth keeping, and to retry.ts whether it is sent again.

import type { Engine } from '../engine/engine.js';
import { CHUNK_BYTES } from '../engine/layout.js';

/**
 * One per exchange, empty for almost all of its life. Bytes are only ever added behind those there are, so a
 * send that is still queued keeps what it lists.
 *
 * A copy, since what is received may stand in many chunks with a few bytes in each: a client that sends single bytes would
 * hold the whole slab.
 */
export class KeptBody {
  /** Bytes kept, without any framing. */
  bytes = 0;
  /** Trailer fields of a chunked body that is complete, as lines that end in CRLF. */
  trailers = '';
  /** All full but the last, each with one reference of ours. */
  readonly chunks: number[] = [];

  /** Adds `bytes` bytes at `at`. False: no chunk is free, and not all of them were added; then `drop` what there is. */
  add(engine: Engine, memory: Uint8Array, at: number, bytes: number): boolean {
    for (let from = at, left = bytes; left > 0; ) {
      const used = this.bytes % CHUNK_BYTES;
      if (used === 0) {
        const chunk = engine.chunkTake();
        if (chunk < 0) return false;
        this.chunks.push(chunk);
      }
      const fits = Math.min(left, CHUNK_BYTES - used);
      const to = this.chunks[this.chunks.length - 1]! + used;
      memory.copyWithin(to, from, from + fits);
      this.bytes += fits;
      from += fits;
      left -= fits;
    }
    return true;
  }

  /** Gives everything back. Safe to call at any time. */
  drop(engine: Engine): void {
    while (this.chunks.length > 0) engine.release(this.chunks.pop()!);
    this.bytes = 0;
    this.trailers = '';
  }
}
