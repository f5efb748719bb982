// One of several by a key, each as often as its weight says: weighted rendezvous hashing.
// Owns the arithmetic. Leaves to the worker what the key is.

import { hashText, mix } from './keys.js';

const RANGE = 0x1_0000_0000;

/**
 * The same key leads to the same name as long as the weights stay. When a weight changes, keys move to the names whose share
 * grew and from those whose share shrank, as many as must and no others: each name has a score of its own for a key, which
 * the weight stretches (the exponential of rate `weight` that comes first). Order and number of the names do not matter.
 */
export class WeightedChoice {
  readonly #seeds: Int32Array;
  readonly #weights: Float64Array;

  /** Names are those of pools; weight 0 gets no key. */
  constructor(names: readonly string[], weights: readonly number[]) {
    this.#seeds = Int32Array.from(names, hashText);
    this.#weights = Float64Array.from(weights);
  }

  /** Which of the names the key leads to; -1 when all weights are 0. Costs a logarithm for each name; allocates nothing. */
  pick(key: number): number {
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#weights.length; i++) {
      const weight = this.#weights[i]!;
      if (weight === 0) continue;
      const even = ((mix(mix(key) ^ this.#seeds[i]!) >>> 0) + 0.5) / RANGE;
      const arrives = -Math.log(even) / weight;
      if (arrives >= least) continue;
      least = arrives;
      best = i;
    }
    return best;
  }
}
