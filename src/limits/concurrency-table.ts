// Requests under way by key, exact over all workers.
// Owns counting them, and taking back what a worker held that died. Leaves what a key is to the filter.

import { EMPTY, Slots, tagOf, WAYS } from './slots.js';

/** Keys that may have requests under way at once. */
const KEYS_MAX = 131_072;
const BUCKETS = KEYS_MAX / WAYS;

/** One key. count: requests under way, by Atomics; CLAIMED while the place changes hands. */
const SLOT = { tag: 0, count: 1, WORDS: 2 } as const;
const CLAIMED = -1;

/** What `enter` says of a request that may not. */
export const FULL = -1;
export const NO_ROOM = -2;

/** Bytes of the table and of what each worker holds. Untouched ones cost no memory. */
export const concurrencyTableBytes = (workers: number): number =>
  4 * (BUCKETS + KEYS_MAX * SLOT.WORDS + workers * KEYS_MAX);

/** The view of one thread. */
export class ConcurrencyTable {
  readonly #words: Int32Array;
  readonly #slots: Slots;
  readonly #buffer: SharedArrayBuffer;
  /** What this worker holds of each place: it alone writes there, the primary once it has died. */
  readonly #held: Int32Array;

  /** `buffer` has `concurrencyTableBytes(workers)` bytes, zeros at first. */
  constructor(buffer: SharedArrayBuffer, worker: number) {
    this.#buffer = buffer;
    const locks = new Int32Array(buffer, 0, BUCKETS);
    this.#words = new Int32Array(buffer, 4 * BUCKETS, KEYS_MAX * SLOT.WORDS);
    this.#slots = new Slots(this.#words, locks, SLOT.WORDS);
    this.#held = this.#heldBy(worker);
  }

  #heldBy(worker: number): Int32Array {
    return new Int32Array(this.#buffer, 4 * (BUCKETS + KEYS_MAX * (SLOT.WORDS + worker)), KEYS_MAX);
  }

  /**
   * Counts a request of the key with this hash in, if fewer than `max` are under way. Returns its place, which `leave` takes; else
   * FULL, or NO_ROOM when too many keys have requests under way. Hot: allocates nothing.
   */
  enter(low: number, high: number, max: number): number {
    const words = this.#words;
    const tag = tagOf(high);
    const bucket = this.#slots.bucket(low);
    for (;;) {
      const slot = this.#slots.find(bucket, tag);
      if (slot < 0) {
        const claimed = this.#claim(bucket, tag);
        if (claimed === NO_ROOM) return NO_ROOM;
        if (claimed >= 0) return this.#hold(claimed);
        continue;
      }
      const count = Atomics.load(words, slot + SLOT.count);
      if (count >= max) return FULL;
      // The place is about to be another key's: this one gets a new place.
      if (count === CLAIMED) continue;
      if (Atomics.compareExchange(words, slot + SLOT.count, count, count + 1) !== count) continue;
      if (Atomics.load(words, slot) === tag) return this.#hold(slot);
      Atomics.sub(words, slot + SLOT.count, 1);
    }
  }

  /** A request that `enter` gave this place has ended. */
  leave(slot: number): void {
    this.#held[slot / SLOT.WORDS]!--;
    Atomics.sub(this.#words, slot + SLOT.count, 1);
  }

  /** Takes back what a worker held that is no more. */
  forgetWorker(worker: number): void {
    const held = this.#heldBy(worker);
    for (let index = 0; index < KEYS_MAX; index++) {
      if (held[index] === 0) continue;
      Atomics.sub(this.#words, index * SLOT.WORDS + SLOT.count, held[index]!);
      held[index] = 0;
    }
  }

  #hold(slot: number): number {
    this.#held[slot / SLOT.WORDS]!++;
    return slot;
  }

  /** Claims a place without requests, and counts one in. Returns it, NO_ROOM, or FULL when the key has one meanwhile. */
  #claim(bucket: number, tag: number): number {
    this.#slots.lock(bucket);
    const result = this.#slots.find(bucket, tag) < 0 ? this.#claimFree(bucket, tag) : FULL;
    this.#slots.unlock(bucket);
    return result;
  }

  #claimFree(bucket: number, tag: number): number {
    const words = this.#words;
    for (let slot = bucket; slot < this.#slots.endOf(bucket); slot += SLOT.WORDS) {
      // A request of the key that had it may come in at this moment.
      if (Atomics.compareExchange(words, slot + SLOT.count, 0, CLAIMED) !== 0) continue;
      Atomics.store(words, slot, EMPTY);
      Atomics.store(words, slot + SLOT.count, 1);
      Atomics.store(words, slot, tag);
      return slot;
    }
    return NO_ROOM;
  }
}
