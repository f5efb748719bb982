// Scratch memory of one worker: bytes that we write ourselves, in chunks of the slab.

import { assert } from '../base/assert.js';
import type { Engine } from '../engine/engine.js';
import { CHUNK_BYTES } from '../engine/layout.js';
import type { Writer } from '../engine/text.js';

export class Scratch {
  readonly #engine: Engine;
  readonly #writer: Writer;
  #chunk = -1;
  #at = 0;
  #room = 0;

  constructor(engine: Engine, writer: Writer) {
    this.#engine = engine;
    this.#writer = writer;
  }

  /** The chunk it writes into now, with one reference; -1 before it was first used. */
  get chunk(): number {
    return this.#chunk;
  }

  /** As `Context.scratch`. */
  take(bytes: number): number {
    if (this.#room < bytes) {
      const chunk = this.#engine.chunkTake();
      if (chunk < 0) return -1;
      if (this.#chunk >= 0) this.#engine.release(this.#chunk);
      this.#chunk = chunk;
      this.#at = chunk;
      this.#room = CHUNK_BYTES;
    }
    this.#writer.at = this.#at;
    return this.#at;
  }

  /** As `Context.scratchKeep`. */
  keep(): void {
    const used = this.#writer.at - this.#at;
    assert(used <= this.#room, 'what is written to scratch memory stays in its chunk');
    this.#room -= used;
    this.#at = this.#writer.at;
  }
}
