// Round robin by weight, smoothly: with weights 5, 1, 1 the order is a a b a c a a, not a a a a a b c.
// Owns the turn of one worker. Leaves who is open to view.ts.

import type { Balancer } from './balancer.js';
import { type PoolView, Tried } from './view.js';

/** How many places in the round the seeds tell apart. */
const HEAD_STARTS = 61;
const NONE_TRIED = new Tried();

/**
 * Every pick gives each open server its weight in credit, takes the one with the most and charges it the sum of all.
 * With equal weights that is a plain rotation, which is what runs then.
 */
export class RoundRobin implements Balancer {
  readonly #view: PoolView;
  readonly #seed: number;
  /** By member, so that credit survives others coming and going. */
  readonly #credit: Int32Array;
  #next = 0;
  #started = false;

  constructor(view: PoolView, seed: number) {
    this.#view = view;
    this.#seed = seed >>> 0;
    this.#credit = new Int32Array(view.servers.length);
  }

  pick(_key: number, tried: Tried): number {
    const view = this.#view;
    if (view.follow() && !this.#started) this.#start();
    const position = view.equalWeights ? this.#rotate(tried) : this.#smooth(tried);
    return position < 0 ? view.otherwise(tried) : view.servers[position]!;
  }

  #rotate(tried: Tried): number {
    const view = this.#view;
    const { count } = view;
    let position = this.#next;
    for (let looked = 0; looked < count; looked++) {
      if (position >= count) position = 0;
      if (view.hasRoom(position) && (tried.count === 0 || !tried.has(view.servers[position]!))) {
        this.#next = position + 1;
        return position;
      }
      position++;
    }
    return -1;
  }

  #smooth(tried: Tried): number {
    const view = this.#view;
    const credit = this.#credit;
    const { count, members, weights } = view;
    let best = -1;
    let bestCredit = 0;
    let total = 0;
    for (let position = 0; position < count; position++) {
      if (!view.hasRoom(position) || (tried.count !== 0 && tried.has(view.servers[position]!))) continue;
      const member = members[position]!;
      const weight = weights[position]!;
      const now = credit[member]! + weight;
      credit[member] = now;
      total += weight;
      if (best < 0 || now > bestCredit) {
        best = position;
        bestCredit = now;
      }
    }
    if (best >= 0) credit[members[best]!] = bestCredit - total;
    return best;
  }

  /** Starts each worker at another place of the round, so that they do not all begin with the first server. */
  #start(): void {
    this.#started = true;
    this.#next = this.#seed % Math.max(1, this.#view.count);
    for (let picks = this.#seed % HEAD_STARTS; picks > 0; picks--) this.#smooth(NONE_TRIED);
  }
}
