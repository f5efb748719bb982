// Round robin by weight, smoothly: with weights 5, 1, 1 the order is a a b a c a a, not a a a a a b c.
// Owns the turn of one worker. Leaves who is open to view.ts.

import type { Balancer } from './balancer.js';
import { Attempted, type PoolView } from './view.js';

/** How many places in the round the seeds tell apart. */
const HEAD_STARTS = 61;
const NONE_ATTEMPTED = new Attempted();
/** Open servers of unequal weight up to which every one is looked at per pick. */
const LOOKED_AT_MAX = 32;
/** The golden ratio's share of 2^32: steps of it fall evenly over a circle however many are taken. */
const GOLDEN = 0x9e3779b9;

/**
 * Every pick gives each open server its weight in credit, takes the one with the most and charges it the sum of all.
 * With equal weights that is a plain rotation, which is what runs then. Large pools of unequal weights are laid on a
 * circle, each server an arc as long as its weight, and walked in steps of the golden ratio: as smooth, and looking at
 * a few servers rather than at a thousand.
 */
export class RoundRobin implements Balancer {
  readonly #view: PoolView;
  readonly #seed: number;
  /** By member, so that credit survives others coming and going. */
  readonly #credit: Int32Array;
  /** By position: where its arc ends on the circle. */
  readonly #arcEnds: Int32Array;
  /** Word 0: where on the circle the walk stands, as a share of 2^32. In an array, for a field would be boxed. */
  readonly #stand = new Int32Array(1);
  #next = 0;
  #started = false;

  constructor(view: PoolView, seed: number, before: RoundRobin | null = null) {
    this.#view = view;
    this.#seed = seed >>> 0;
    this.#credit = new Int32Array(view.servers.length);
    this.#arcEnds = new Int32Array(view.servers.length);
    this.#stand[0] = Math.imul(this.#seed, 0x85ebca6b);
    if (before === null) return;
    this.#started = before.#started;
    this.#next = before.#next;
    this.#stand[0] = before.#stand[0]!;
    view.takeOver(before.#view, before.#credit, this.#credit);
  }

  pick(_key: number, attempted: Attempted): number {
    const view = this.#view;
    if (view.refresh()) this.#start();
    let position: number;
    if (view.equalWeights) position = this.#rotate(this.#next, attempted);
    else if (view.count <= LOOKED_AT_MAX) position = this.#smooth(attempted);
    else position = this.#walk(attempted);
    return position < 0 ? view.otherwise(attempted) : view.servers[position]!;
  }

  /** The first server from `position` on that can take the request. */
  #rotate(position: number, attempted: Attempted): number {
    const view = this.#view;
    const { count } = view;
    for (let looked = 0; looked < count; looked++) {
      if (position >= count) position = 0;
      if (view.hasRoom(position) && (attempted.count === 0 || !attempted.has(view.servers[position]!))) {
        this.#next = position + 1;
        return position;
      }
      position++;
    }
    return -1;
  }

  #smooth(attempted: Attempted): number {
    const view = this.#view;
    const credit = this.#credit;
    const { count, members, weights } = view;
    let best = -1;
    let bestCredit = 0;
    let total = 0;
    for (let position = 0; position < count; position++) {
      if (!view.hasRoom(position) || (attempted.count !== 0 && attempted.has(view.servers[position]!))) continue;
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

  #walk(attempted: Attempted): number {
    const ends = this.#arcEnds;
    const stand = (this.#stand[0]! + GOLDEN) | 0;
    this.#stand[0] = stand;
    const target = ((stand >>> 0) / 0x100000000) * this.#view.weightTotal;
    let low = 0;
    let high = this.#view.count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends[middle]! > target) high = middle;
      else low = middle + 1;
    }
    return this.#rotate(low, attempted);
  }

  /** Lays the arcs anew; the first time, sets each worker to another place of the round, or all begin with one server. */
  #start(): void {
    for (let position = 0, end = 0; position < this.#view.count; position++) {
      end += this.#view.weights[position]!;
      this.#arcEnds[position] = end;
    }
    if (this.#started) return;
    this.#started = true;
    this.#next = this.#seed % Math.max(1, this.#view.count);
    for (let picks = this.#seed % HEAD_STARTS; picks > 0; picks--) this.#smooth(NONE_ATTEMPTED);
  }
}
