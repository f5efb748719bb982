// How late the loop of a thread is: by how much the tick that should come every TICK_MS comes late.
// Owns the measuring. Leaves reporting it to others.

import { TICK_MS } from '../../base/tick.js';

/** The worst delay is remembered for one to two of these: longer than most scrape intervals. */
const WINDOW_TICKS = 300;

export class LoopDelay {
  #last: number;
  #ticks = 0;
  #worstNow = 0;
  #worstBefore = 0;

  /** `now` in milliseconds. */
  constructor(now: number) {
    this.#last = now;
  }

  /** A tick has come. */
  tick(now: number): void {
    this.#worstNow = Math.max(this.#worstNow, now - this.#last - TICK_MS);
    this.#last = now;
    if (++this.#ticks % WINDOW_TICKS !== 0) return;
    this.#worstBefore = this.#worstNow;
    this.#worstNow = 0;
  }

  /** The longest delay of the last 30 to 60 seconds, in seconds. */
  get worstSeconds(): number {
    return Math.max(this.#worstNow, this.#worstBefore) / 1000;
  }
}
