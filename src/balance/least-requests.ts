// Least requests by weight: the server furthest below its share of the requests in flight, counted over all workers.
// Owns the comparison and its ties. Leaves counting to ServerState.requestBegins and requestEnds.

import type { Balancer } from './balancer.js';
import { SERVER } from './server-state.js';
import type { Attempted, PoolView } from './view.js';

/** Servers looked at per pick. In larger pools each pick looks at the next that many: a window that walks round. */
const LOOKED_AT_MAX = 32;

/**
 * With equal weights: the fewest in flight, ties in turn. With unequal ones: a server's due is its weight's share of all
 * requests in flight, and the one furthest below its due is taken. Comparing inFlight / weight instead would spread a
 * few requests evenly whatever the weights, and (inFlight + 1) / weight would leave light servers idle; so what remains
 * equal is settled by credit as in round-robin, worth one request at most: no slow server is ever owed a queue.
 */
export class LeastRequests implements Balancer {
  readonly #view: PoolView;
  /** By member, in requests: -1 to 1. */
  readonly #credit: Float64Array;
  /** By place in the window: requests in flight, or -1 for a server that is full or was attempted. */
  readonly #loads = new Int32Array(LOOKED_AT_MAX);
  #next: number;

  constructor(view: PoolView, seed: number, before: LeastRequests | null = null) {
    this.#view = view;
    this.#credit = new Float64Array(view.servers.length);
    this.#next = before === null ? (seed >>> 0) % 0x10000 : before.#next;
    if (before !== null) view.takeOver(before.#view, before.#credit, this.#credit);
  }

  pick(_key: number, attempted: Attempted): number {
    const view = this.#view;
    view.refresh();
    const { count } = view;
    if (count === 0) return view.otherwise(attempted);
    if (this.#next >= count) this.#next %= count;
    // A window of a large pool in which all are full or attempted must not hide the rest.
    for (let looked = 0; looked < count; looked += LOOKED_AT_MAX) {
      const start = (this.#next + looked) % count;
      const window = Math.min(LOOKED_AT_MAX, count - looked);
      const position = view.equalWeights
        ? this.#fewest(start, window, attempted)
        : this.#furthest(start, window, attempted);
      if (position < 0) continue;
      // Starting behind the last one chosen makes ties go round.
      this.#next = position + 1;
      return view.servers[position]!;
    }
    return view.otherwise(attempted);
  }

  #fewest(start: number, window: number, attempted: Attempted): number {
    const { words, ats, servers, count } = this.#view;
    let best = -1;
    let fewest = 0;
    let position = start;
    for (let i = 0; i < window; i++) {
      const at = ats[position]!;
      const inFlight = Atomics.load(words, at + SERVER.inFlight);
      const max = words[at + SERVER.inFlightMax]!;
      if (
        (best < 0 || inFlight < fewest) &&
        (max === 0 || inFlight < max) &&
        (attempted.count === 0 || !attempted.has(servers[position]!))
      ) {
        best = position;
        fewest = inFlight;
      }
      if (++position === count) position = 0;
    }
    return best;
  }

  #furthest(start: number, window: number, attempted: Attempted): number {
    const { words, ats, servers, members, weights, count } = this.#view;
    const loads = this.#loads;
    const credit = this.#credit;
    let weightTotal = 0;
    let inFlightTotal = 0;
    let position = start;
    for (let i = 0; i < window; i++) {
      const at = ats[position]!;
      const inFlight = Atomics.load(words, at + SERVER.inFlight);
      const max = words[at + SERVER.inFlightMax]!;
      if ((max === 0 || inFlight < max) && (attempted.count === 0 || !attempted.has(servers[position]!))) {
        loads[i] = inFlight;
        inFlightTotal += inFlight;
        weightTotal += weights[position]!;
      } else {
        loads[i] = -1;
      }
      if (++position === count) position = 0;
    }
    let best = -1;
    let bestScore = 0;
    position = start;
    for (let i = 0; i < window; i++) {
      const load = loads[i]!;
      if (load >= 0) {
        const share = weights[position]! / weightTotal;
        const member = members[position]!;
        const earned = Math.min(1, credit[member]! + share);
        credit[member] = earned;
        const score = inFlightTotal * share - load + earned;
        if (best < 0 || score > bestScore) {
          best = position;
          bestScore = score;
        }
      }
      if (++position === count) position = 0;
    }
    if (best >= 0) credit[members[best]!] = Math.max(-1, credit[members[best]!]! - 1);
    return best;
  }
}
