// Passive detection: workers report how each attempt went, and eject a server that fails repeatedly.
// Owns counting and ejecting, allocation-free. Leaves the length of an ejection, and its end, to pool-maintenance.ts in the primary.

import type { BalancePoolPlan } from './options.js';
import { GATE, POOL, SERVER, type ServerState } from './server-state.js';

/** How a try went, as far as the server is concerned. */
export const RESULT = {
  /** An answer below 500. */
  SUCCESS: 0,
  /** An answer of 500 or more. */
  ERROR: 1,
  /** No answer: the connect failed, the connection broke, time ran out, or it was not HTTP. */
  FAILURE: 2,
} as const;

/** The RESULT of an answer with this status. */
export function resultOfStatus(status: number): number {
  return status >= 500 ? RESULT.ERROR : RESULT.SUCCESS;
}

/*
 * One server. Every worker counts into the same words; whichever brings a count to its threshold tries to eject:
 *
 *   COUNTING ── success ───────────────────► COUNTING, from 0
 *      │ ▲
 *      │ └── a closed gate, or the pool has no place left for another ejected server: stays, the next failure asks again
 *      │
 *      └── threshold reached ─► a place in POOL.ejected taken by compare-and-swap ─► gate bit set by Atomics.or
 *                                        ▲                                            │            │
 *                                        └──── gives the place back ◄── was set ──────┘      was not set
 *                                              (another worker won)                                │
 *       COUNTING ◄── success, when no other server was left ──── EJECTED
 *          PROBATION ◄── primary: bit cleared, place given back ◄───── EJECTED ◄──────────────┘
 *             │                   when time is over, or active checks have passed
 *             │    └── success ──► COUNTING, from 0
 *             └── one failure ──► as if at the threshold
 *
 * The place is taken before the bit is set: two servers failing at once can never both take the last place.
 */

/** Takes the reports of one worker for one pool. Make a new one with each plan. */
export class OutlierReports {
  readonly #state: ServerState;
  readonly #words: Int32Array;
  readonly #failuresMax: number;
  readonly #errorsMax: number;

  constructor(plan: BalancePoolPlan, state: ServerState) {
    this.#state = state;
    this.#words = state.words;
    this.#failuresMax = plan.outlier?.failures ?? 0;
    this.#errorsMax = plan.outlier?.errors ?? 0;
  }

  /**
   * Reports one attempt at `server` with its RESULT; true when this report ejected the server. A reused connection that the
   * server had closed meanwhile is no failure: do not report it. Hot: three loads after a success.
   */
  report(server: number, result: number): boolean {
    const words = this.#words;
    const at = this.#state.serverAt(server);
    if (result === RESULT.SUCCESS) {
      if (words[at + SERVER.failuresInRow] !== 0) Atomics.store(words, at + SERVER.failuresInRow, 0);
      if (words[at + SERVER.errorsInRow] !== 0) Atomics.store(words, at + SERVER.errorsInRow, 0);
      if ((words[at + SERVER.gate]! & GATE.EJECTED) !== 0) this.#admit(server, at);
      return false;
    }
    Atomics.add(words, at + SERVER.failuresTotal, 1);
    if (result === RESULT.ERROR) {
      if (words[at + SERVER.failuresInRow] !== 0) Atomics.store(words, at + SERVER.failuresInRow, 0);
      const inRow = Atomics.add(words, at + SERVER.errorsInRow, 1) + 1;
      return this.#errorsMax !== 0 && inRow >= this.#errorsMax && this.#eject(server, at);
    }
    const inRow = Atomics.add(words, at + SERVER.failuresInRow, 1) + 1;
    return this.#failuresMax !== 0 && inRow >= this.#failuresMax && this.#eject(server, at);
  }

  /** A server that was asked for want of another has answered: its ejection is over. */
  #admit(server: number, at: number): void {
    if (!this.#state.openGate(server, GATE.EJECTED)) return;
    Atomics.store(this.#words, at + SERVER.ejectedStamped, 0);
    Atomics.sub(this.#words, this.#poolOf(at) + POOL.ejected, 1);
  }

  #eject(server: number, at: number): boolean {
    const words = this.#words;
    if ((Atomics.load(words, at + SERVER.gate) & ~GATE.UNCHECKED) !== 0) return false;
    const poolAt = this.#poolOf(at);
    if (!this.#takePlace(poolAt)) return false;
    if (!this.#state.closeGate(server, GATE.EJECTED)) {
      Atomics.sub(words, poolAt + POOL.ejected, 1);
      return false;
    }
    Atomics.add(words, at + SERVER.ejectionsTotal, 1);
    return true;
  }

  /**
   * The pool that counts the server, which is not that of these reports when the request has moved to another one of the same
   * name: places are taken and given back where the primary gives back those of servers that leave.
   */
  #poolOf(at: number): number {
    return this.#state.poolAt(this.#words[at + SERVER.pool]!);
  }

  #takePlace(poolAt: number): boolean {
    const words = this.#words;
    const ejectedAt = poolAt + POOL.ejected;
    for (;;) {
      const ejected = Atomics.load(words, ejectedAt);
      if (ejected >= words[poolAt + POOL.ejectedMax]!) return false;
      if (Atomics.compareExchange(words, ejectedAt, ejected, ejected + 1) === ejected) return true;
    }
  }
}
