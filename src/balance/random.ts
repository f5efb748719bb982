// Two servers at random, by weight, and of those the one with fewer requests in flight for its weight.
// Owns the dice. Leaves who is open to view.ts.

import type { Balancer } from './balancer.js';
import { SERVER } from './server-state.js';
import type { Attempted, PoolView } from './view.js';

/** Rolls in search of a server with room that was not attempted before looking at all of them in order. */
const ROLLS_MAX = 8;

/**
 * Drawing by weight keeps an idle pool's spread at its weights; comparing two keeps a busy one level. The draw takes
 * one load whatever the number of servers (Vose's alias table, built again when the open servers change).
 */
export class RandomOfTwo implements Balancer {
  readonly #view: PoolView;
  /** xorshift32: word 0 is its state. An Int32Array, because a number field would be boxed once it leaves small integers. */
  readonly #dice = new Int32Array(1);
  /** By position: the share of this column, of 2^16, that is its own; the rest is its alias's. */
  readonly #own: Int32Array;
  readonly #alias: Int32Array;
  readonly #scaled: Float64Array;
  readonly #small: Int32Array;
  readonly #large: Int32Array;

  constructor(view: PoolView, seed: number, before: RandomOfTwo | null = null) {
    const size = view.servers.length;
    this.#view = view;
    this.#dice[0] = before === null ? Math.imul(seed + 1, 0x9e3779b1) || 1 : before.#dice[0]!;
    this.#own = new Int32Array(size);
    this.#alias = new Int32Array(size);
    this.#scaled = new Float64Array(size);
    this.#small = new Int32Array(size);
    this.#large = new Int32Array(size);
  }

  pick(_key: number, attempted: Attempted): number {
    const view = this.#view;
    if (view.refresh()) this.#build();
    const { count, words, ats, weights } = view;
    if (count === 0) return view.otherwise(attempted);
    const first = this.#draw(attempted);
    if (first < 0) return view.otherwise(attempted);
    const second = this.#draw(attempted);
    if (second === first) return view.servers[first]!;
    const firstLoad = Atomics.load(words, ats[first]! + SERVER.inFlight) * weights[second]!;
    const secondLoad = Atomics.load(words, ats[second]! + SERVER.inFlight) * weights[first]!;
    return view.servers[secondLoad < firstLoad ? second : first]!;
  }

  /** A position by weight, not attempted and with room; -1 when there is none. */
  #draw(attempted: Attempted): number {
    const view = this.#view;
    const { count } = view;
    let position = 0;
    for (let roll = 0; roll < ROLLS_MAX; roll++) {
      const dice = this.#roll();
      position = Math.imul(dice >>> 16, count) >>> 16;
      if ((dice & 0xffff) >= this.#own[position]!) position = this.#alias[position]!;
      if (view.hasRoom(position) && (attempted.count === 0 || !attempted.has(view.servers[position]!))) return position;
    }
    for (let looked = 0; looked < count; looked++) {
      if (++position >= count) position = 0;
      if (view.hasRoom(position) && (attempted.count === 0 || !attempted.has(view.servers[position]!))) return position;
    }
    return -1;
  }

  #roll(): number {
    let x = this.#dice[0]!;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#dice[0] = x;
    return Math.imul(x, 0x9e3779b1);
  }

  #build(): void {
    const { count, weights, weightTotal } = this.#view;
    let smalls = 0;
    let larges = 0;
    for (let position = 0; position < count; position++) {
      const scaled = (weights[position]! * count) / weightTotal;
      this.#scaled[position] = scaled;
      if (scaled < 1) this.#small[smalls++] = position;
      else this.#large[larges++] = position;
    }
    while (smalls > 0 && larges > 0) {
      const small = this.#small[--smalls]!;
      const large = this.#large[--larges]!;
      this.#own[small] = Math.round(this.#scaled[small]! * 0x10000);
      this.#alias[small] = large;
      const left = this.#scaled[large]! + this.#scaled[small]! - 1;
      this.#scaled[large] = left;
      if (left < 1) this.#small[smalls++] = large;
      else this.#large[larges++] = large;
    }
    while (larges > 0) this.#own[this.#large[--larges]!] = 0x10000;
    while (smalls > 0) this.#own[this.#small[--smalls]!] = 0x10000;
  }
}
