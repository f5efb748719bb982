// Every wait of a worker has a deadline: a tick number by connection slot, swept coarsely.
// No timer object per request; setting a deadline is one store.

import { TICK_MS } from '../base/tick.js';

export class Deadlines {
  /** Ticks by slot; 0 is none. */
  readonly #ticks: Int32Array;
  /** Highest slot that ever had a deadline: the sweep ends there. */
  #top = -1;
  now = 1;

  constructor(slotCount: number) {
    this.#ticks = new Int32Array(slotCount);
  }

  /** Ticks for a time in milliseconds, rounded up; 0 stays 0, which is no deadline. */
  static ticks(ms: number): number {
    return ms === 0 ? 0 : Math.ceil(ms / TICK_MS) + 1;
  }

  /**
   * Sets the slot's only deadline `ticks` from now, but not behind `expires`, a tick of the clock; 0 is none in both.
   * Hot.
   */
  set(slot: number, ticks: number, expires = 0): void {
    const at = ticks === 0 ? expires : this.now + ticks;
    this.#ticks[slot] = expires !== 0 && expires < at ? expires : at;
    if (slot > this.#top) this.#top = slot;
  }

  /** A deadline runs for the slot. */
  runs(slot: number): boolean {
    return this.#ticks[slot] !== 0;
  }

  clear(slot: number): void {
    this.#ticks[slot] = 0;
  }

  /** Moves the clock to `now` ticks and calls `expired` for each slot whose deadline has passed, after clearing it. */
  sweep(now: number, expired: (slot: number) => void): void {
    this.now = now;
    const ticks = this.#ticks;
    for (let slot = 0; slot <= this.#top; slot++) {
      const at = ticks[slot]!;
      if (at === 0 || at > now) continue;
      ticks[slot] = 0;
      expired(slot);
    }
  }
}
