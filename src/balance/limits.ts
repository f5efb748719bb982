// The circuit breaker of a pool: how many requests may be in flight in it, waiting ones included.
// Owns counting them over all workers. Leaves the limits of single servers to ServerState, and waiting to waiting-line.ts.

import type { BalancePoolPlan } from './options.js';
import { POOL, type ServerState, SLICE } from './server-state.js';

/** Counts the requests of one pool in one worker against the pool's limit. Make a new one with each plan. */
export class Breaker {
  readonly #words: Int32Array;
  readonly #inFlightAt: number;
  readonly #ownAt: number;
  readonly #max: number;

  constructor(plan: BalancePoolPlan, state: ServerState) {
    this.#words = state.words;
    this.#inFlightAt = state.poolAt(plan.slot) + POOL.inFlight;
    this.#ownAt = state.sliceAt(state.worker, plan.slot) + SLICE.inFlight;
    this.#max = plan.limits.poolRequestsMax;
  }

  /** The pool has a limit, so its requests are counted. */
  get counts(): boolean {
    return this.#max > 0;
  }

  /** Counts a request in. False, and nothing counted, when the pool has as many as it may: answer 503 at once. Hot. */
  enters(): boolean {
    if (this.#max === 0) return true;
    const words = this.#words;
    if (Atomics.add(words, this.#inFlightAt, 1) >= this.#max) {
      Atomics.sub(words, this.#inFlightAt, 1);
      return false;
    }
    words[this.#ownAt]! += 1;
    return true;
  }

  /** Counts a request in that another plan's breaker of this pool let in, whatever the limit says now. */
  joins(): void {
    if (this.#max === 0) return;
    Atomics.add(this.#words, this.#inFlightAt, 1);
    this.#words[this.#ownAt]! += 1;
  }

  /** Counts a request out: once per true of `enters`, or `joins`, on the same object. Hot. */
  leaves(): void {
    if (this.#max === 0) return;
    Atomics.sub(this.#words, this.#inFlightAt, 1);
    this.#words[this.#ownAt]! -= 1;
  }
}
