// Places in shared memory for what is known of a key: found, claimed and given up by all workers at once.
// Owns which key has which place. Leaves what stands there to rate-table.ts and concurrency-table.ts.

/** Places that one key can have: those of its bucket. */
export const WAYS = 8;
/** An empty place. No key has this tag. */
export const EMPTY = 0;

/** How often a worker looks whether another one is done with a bucket. That takes it some hundred nanoseconds. */
const SPINS_MAX = 100_000;

/** Buckets and their locks, over one shared array. A place is named by the index of its first word; its tag is that word. */
export class Slots {
  readonly #words: Int32Array;
  readonly #locks: Int32Array;
  readonly #slotWords: number;
  readonly #mask: number;

  /** `locks` has a word for each bucket, their number a power of two; `words` has WAYS places of `slotWords` words for each. */
  constructor(words: Int32Array, locks: Int32Array, slotWords: number) {
    this.#words = words;
    this.#locks = locks;
    this.#slotWords = slotWords;
    this.#mask = locks.length - 1;
  }

  /** The first place of the bucket of a key; its last one is `lastOf` that. */
  bucket(low: number): number {
    return (low & this.#mask) * WAYS * this.#slotWords;
  }

  /** The place behind the last one of a bucket. */
  endOf(bucket: number): number {
    return bucket + WAYS * this.#slotWords;
  }

  /** The place of the key with this tag in its bucket, or -1. Hot. */
  find(bucket: number, tag: number): number {
    const end = this.endOf(bucket);
    for (let slot = bucket; slot < end; slot += this.#slotWords)
      if (Atomics.load(this.#words, slot) === tag) return slot;
    return -1;
  }

  /**
   * Keeps other workers from claiming places of a bucket. One that died in between holds it no longer than it takes to give up
   * waiting: then two workers may claim a place for the same key, which costs one count.
   */
  lock(bucket: number): void {
    const index = bucket / (WAYS * this.#slotWords);
    for (let spins = 0; spins < SPINS_MAX; spins++) if (Atomics.compareExchange(this.#locks, index, 0, 1) === 0) return;
  }

  unlock(bucket: number): void {
    Atomics.store(this.#locks, bucket / (WAYS * this.#slotWords), 0);
  }
}

/** The tag of a key: never that of an empty place. */
export const tagOf = (high: number): number => (high === EMPTY ? 1 : high);
