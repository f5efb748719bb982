// Shares a rule's requests out over its backendRefs by weight, in exact proportions.
// Owns the order in which the backends take turns. Leaves choosing a server inside a pool to src/balance.

import type { BackendRefPlan } from './plan.js';

/**
 * The turns of one rule's backends, in one worker: smooth weighted round-robin.
 *
 * Over any run of `sum of weights` picks from the start, each backend gets exactly its weight, and its turns are spread
 * evenly: 3 and 1 give a a b a, not a a a b. Each worker keeps its own turns, started at a different place by `seed`,
 * so that workers do not all try the small share at the same moment.
 *
 * Hot: pick() allocates nothing; its cost is the number of backendRefs.
 */
export class Split {
  readonly #pools: Int32Array;
  readonly #weights: Int32Array;
  /** How much each backend is owed; the sum is always 0. */
  readonly #owed: Float64Array;
  readonly #total: number;

  /** `seed` is any whole number from 0 on, such as the worker's index. */
  constructor(backendRefs: readonly BackendRefPlan[], seed = 0) {
    this.#pools = Int32Array.from(backendRefs, ({ pool }) => pool);
    this.#weights = Int32Array.from(backendRefs, ({ weight }) => weight);
    this.#owed = new Float64Array(backendRefs.length);
    this.#total = this.#weights.reduce((sum, weight) => sum + weight, 0);
    const turns = this.#total === 0 ? 0 : seed % Math.min(this.#total, 1000);
    for (let turn = 0; turn < turns; turn++) this.pick();
  }

  /** The index of the pool whose turn it is; -1 when all weights are 0, or there is no backend (answer 500). */
  pick(): number {
    const weights = this.#weights;
    if (this.#total === 0) return -1;
    if (weights.length === 1) return this.#pools[0]!;
    const owed = this.#owed;
    let most = -1;
    for (let i = 0; i < weights.length; i++) {
      owed[i] = owed[i]! + weights[i]!;
      if (most === -1 || owed[i]! > owed[most]!) most = i;
    }
    owed[most] = owed[most]! - this.#total;
    return this.#pools[most]!;
  }
}
