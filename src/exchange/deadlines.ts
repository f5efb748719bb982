// Every wait of a worker has a deadline: a tick number by the id of what waits, swept coarsely.
// No timer object per request; setting a deadline is one store.

import { TICK_MS } from '../base/tick.js';

/** The deadlines of one kind of thing: connections by slot, exchanges and attempts by their numbers. Ids are dense: all are swept. */
export class Deadlines {
  /** Ticks by id; 0 is none. */
  readonly #ticks: Int32Array;
  /** Highest id that ever had a deadline: the sweep ends there. */
  #top = -1;
  now = 1;

  constructor(idsMax: number) {
    this.#ticks = new Int32Array(idsMax);
  }

  /** Ticks for a time in milliseconds, rounded up; 0 stays 0, which is no deadline. */
  static ticks(ms: number): number {
    return ms === 0 ? 0 : Math.ceil(ms / TICK_MS) + 1;
  }

  /**
   * Sets the only deadline of an id `ticks` from now, but not behind `expires`, a tick of the clock; 0 is none in both.
   * Hot.
   */
  set(id: number, ticks: number, expires = 0): void {
    const at = ticks === 0 ? expires : this.now + ticks;
    this.#ticks[id] = expires !== 0 && expires < at ? expires : at;
    if (id > this.#top) this.#top = id;
  }

  /** A deadline runs for the id. */
  runs(id: number): boolean {
    return this.#ticks[id] !== 0;
  }

  clear(id: number): void {
    this.#ticks[id] = 0;
  }

  /** Moves the clock to `now` ticks and calls `expired` for each id whose deadline has passed, after clearing it. */
  sweep(now: number, expired: (id: number) => void): void {
    this.now = now;
    const ticks = this.#ticks;
    for (let id = 0; id <= this.#top; id++) {
      const at = ticks[id]!;
      if (at === 0 || at > now) continue;
      ticks[id] = 0;
      expired(id);
    }
  }
}
