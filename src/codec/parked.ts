// The bytes of something that is not complete, kept on the heap while no chunk holds them, so that slow clients cannot
// fill the slab. Owns the copy. Leaves reading on, and asking the engine for room in front of what comes next, to the caller.

/** Grows by doubling: what comes in many pieces is copied a few times, not once for each piece. */
export class Parked {
  #room: Buffer;
  /** Bytes that are kept. */
  length = 0;

  /** Keeps the `bytes` bytes of `memory` at `at`. */
  constructor(memory: Uint8Array, at: number, bytes: number) {
    this.#room = Buffer.allocUnsafe(bytes);
    this.add(memory, at, bytes);
  }

  /** Keeps more, which came behind the others. */
  add(memory: Uint8Array, at: number, bytes: number): void {
    const length = this.length + bytes;
    if (length > this.#room.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, 2 * this.#room.length));
      grown.set(this.bytes);
      this.#room = grown;
    }
    this.#room.set(memory.subarray(at, at + bytes), this.length);
    this.length = length;
  }

  /** All that is kept, not copied. */
  get bytes(): Buffer {
    return this.#room.subarray(0, this.length);
  }

  /** Puts all in front of what lies at `at` in `memory`, where the caller has room for it, and returns where it begins. */
  putBefore(memory: Uint8Array, at: number): number {
    memory.set(this.bytes, at - this.length);
    return at - this.length;
  }
}
