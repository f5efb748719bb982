// Rates by key, exact over all workers: the generic cell rate algorithm in one word of shared memory for each key.
// Owns counting. Leaves what a key is to the filter, and places to slots.ts.

import { EMPTY, Slots, tagOf, WAYS } from './slots.js';

/*
 * A key has one number: when its next request is due at the earliest if it had no burst (its theoretical arrival time, tat). A
 * request moves it on by one interval, from now if it has passed; it is refused where that leads further ahead than the burst.
 * So a refused request costs nothing, and no clock fills anything up.
 *
 * The number is counted in ticks, a sixteenth of the interval of its rate, in 32 bits that wrap around. An interval is a whole number of
 * ticks, so rates do not drift. What lies further ahead than the burst allows was left behind half a turn ago, and counts as passed.
 */
export const TICKS_PER_INTERVAL = 16;

/** One key. freeAt: the second (of the clock of all workers) from which on forgetting it changes nothing. All by Atomics. */
const SLOT = { tag: 0, tat: 1, freeAt: 2, WORDS: 4 } as const;

/** Words in front. evicted: keys that were forgotten while they counted. */
const HEADER = { evicted: 0, WORDS: 16 } as const;

/** A rate, in the units of the table. */
export interface Rate {
  /** Milliseconds of one tick. */
  readonly tickMs: number;
  /** Requests that may come at once. */
  readonly burst: number;
}

/** A rate of `count` requests in `periodMs`. */
export const rateOf = (count: number, periodMs: number, burst: number): Rate => ({
  tickMs: periodMs / count / TICKS_PER_INTERVAL,
  burst,
});

/** Bytes that a table for `keysMax` keys takes; rounded up to a power of two, at least one bucket. Untouched ones cost no memory. */
export function rateTableBytes(keysMax: number): number {
  const buckets = bucketCount(keysMax);
  return 4 * (HEADER.WORDS + buckets + buckets * WAYS * SLOT.WORDS);
}

const bucketCount = (keysMax: number): number => 2 ** Math.max(0, Math.ceil(Math.log2(keysMax / WAYS)));

/** The view of one thread. */
export class RateTable {
  readonly #header: Int32Array;
  readonly #words: Int32Array;
  readonly #slots: Slots;

  /** `buffer` has `rateTableBytes(keysMax)` bytes, zeros at first. */
  constructor(buffer: SharedArrayBuffer, keysMax: number) {
    const buckets = bucketCount(keysMax);
    this.#header = new Int32Array(buffer, 0, HEADER.WORDS);
    const locks = new Int32Array(buffer, 4 * HEADER.WORDS, buckets);
    this.#words = new Int32Array(buffer, 4 * (HEADER.WORDS + buckets), buckets * WAYS * SLOT.WORDS);
    this.#slots = new Slots(this.#words, locks, SLOT.WORDS);
  }

  /** Keys forgotten while they still counted, because more came than there is room for. */
  get evicted(): number {
    return Atomics.load(this.#header, HEADER.evicted);
  }

  /**
   * Counts a request of the key with this hash at `nowMs` of the clock that all workers share. Hot: allocates nothing.
   *
   * @returns 0 or more, the ticks by which the key is now ahead of the clock, when the request may pass; else -1 less the ticks until one may.
   */
  take(low: number, high: number, { tickMs, burst }: Rate, nowMs: number): number {
    const words = this.#words;
    const tag = tagOf(high);
    const bucket = this.#slots.bucket(low);
    // Exact up to 2^53, and what is cut off there wraps around like the number itself.
    const now = Math.floor(nowMs / tickMs);
    const most = burst * TICKS_PER_INTERVAL;
    for (;;) {
      const slot = this.#slots.find(bucket, tag);
      if (slot < 0) {
        if (this.#claim(bucket, tag, now + TICKS_PER_INTERVAL, freeAtOf(nowMs, TICKS_PER_INTERVAL, tickMs), nowMs))
          return TICKS_PER_INTERVAL;
        continue;
      }
      const tat = Atomics.load(words, slot + SLOT.tat);
      const ahead = (tat - now) | 0;
      const after = (ahead < 0 || ahead > most ? 0 : ahead) + TICKS_PER_INTERVAL;
      if (after > most) return most - after - 1;
      if (Atomics.compareExchange(words, slot + SLOT.tat, tat, (now + after) | 0) !== tat) continue;
      // Another key took the place in between: it got a count too many, and this one is counted anew.
      if (Atomics.load(words, slot) !== tag) continue;
      Atomics.store(words, slot + SLOT.freeAt, freeAtOf(nowMs, after, tickMs));
      return after;
    }
  }

  /** Takes a request back that was counted and then refused for another cause. */
  giveBack(low: number, high: number): void {
    const slot = this.#slots.find(this.#slots.bucket(low), tagOf(high));
    if (slot >= 0) Atomics.sub(this.#words, slot + SLOT.tat, TICKS_PER_INTERVAL);
  }

  /** Claims a place for a key that has none: an empty one, or that of the key which is free first. False: it has one meanwhile. */
  #claim(bucket: number, tag: number, tat: number, freeAt: number, nowMs: number): boolean {
    const words = this.#words;
    this.#slots.lock(bucket);
    const isNew = this.#slots.find(bucket, tag) < 0;
    if (isNew) {
      let victim = bucket;
      for (let slot = bucket; slot < this.#slots.endOf(bucket); slot += SLOT.WORDS) {
        if (words[slot] === EMPTY) {
          victim = slot;
          break;
        }
        if (words[slot + SLOT.freeAt]! < words[victim + SLOT.freeAt]!) victim = slot;
      }
      if (words[victim] !== EMPTY && words[victim + SLOT.freeAt]! > nowMs / 1000)
        Atomics.add(this.#header, HEADER.evicted, 1);
      Atomics.store(words, victim, EMPTY);
      Atomics.store(words, victim + SLOT.tat, tat | 0);
      Atomics.store(words, victim + SLOT.freeAt, freeAt);
      Atomics.store(words, victim, tag);
    }
    this.#slots.unlock(bucket);
    return isNew;
  }
}

/** The second at which a key that is so many ticks ahead has caught up. */
function freeAtOf(nowMs: number, ticks: number, tickMs: number): number {
  return Math.min(Math.ceil((nowMs + ticks * tickMs) / 1000), 0x7fffffff);
}
