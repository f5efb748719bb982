// A clock that stands still until a test turns it.

import { setImmediate } from 'node:timers/promises';
import type { Timers } from '../../../src/health/timers.js';

export class FakeTimers implements Timers {
  #now = 0;
  #pending: { at: number; then: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, then: () => void): () => void {
    const timer = { at: this.#now + ms, then };
    this.#pending.push(timer);
    return () => {
      this.#pending = this.#pending.filter((other) => other !== timer);
    };
  }

  /** How many calls are still to come. */
  get pending(): number {
    return this.#pending.length;
  }

  /** When the next call is due, from now; Infinity when none is. */
  get nextIn(): number {
    return Math.min(...this.#pending.map(({ at }) => at)) - this.#now;
  }

  /** Turns the clock, makes the calls that fall due in order, and lets promises settle after each. */
  async turn(ms: number): Promise<void> {
    const until = this.#now + ms;
    await setImmediate();
    for (;;) {
      const due = this.#pending.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#pending = this.#pending.filter((other) => other !== due);
      this.#now = due.at;
      due.then();
      await setImmediate();
    }
    this.#now = until;
  }
}
