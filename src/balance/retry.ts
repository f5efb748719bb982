// Whether a failed attempt may be retried, and when: pure decisions, and the pool's retry budget in shared memory.
// Owns the rules and the budget's words. Leaves making the attempt, and keeping what was sent, to exchange/.

import type { BalancePoolPlan, RetryOptions } from './options.js';
import { POOL, type ServerState, SLICE } from './server-state.js';

/** What a pool retries, as bits of RetryOptions.on. The names are those of the config. */
export const RETRY_ON = {
  /** The connection could not be made: refused, unreachable, timed out. Nothing was sent. */
  CONNECT: 1,
  /** The connection ended after the request was sent, or while, and before a byte of the response came. */
  RESET: 2,
  /** The response head did not come in time. */
  TIMEOUT: 4,
  /** The response has one of RetryOptions.statuses. */
  STATUS: 8,
} as const;

/** Default: 2 retries when no answer came. A status is an answer, and perhaps a wish to be left alone. */
export const RETRY_DEFAULTS: RetryOptions = {
  retriesMax: 2,
  on: RETRY_ON.CONNECT | RETRY_ON.RESET | RETRY_ON.TIMEOUT,
  statuses: [502, 503, 504],
  perTryTimeoutMs: 0,
  backoffMs: 25,
  backoffMaxMs: 250,
  budgetRatio: 0.2,
  budgetPerSecond: 10,
};

/** Tokens are fixed point: one retry costs this many. */
export const RETRY_ONE = 1024;

/** Why a try failed: one RETRY_ON bit, or this. A reused connection was closed by the server as the request went out. */
export const STALE = 16;

/** Why a try is not made again. Negative, so that they never look like a wait. */
export const NO_RETRY = {
  /** Part of the request is gone, or the server may have acted on it and the method is not idempotent. */
  UNSAFE: -1,
  /** The pool does not retry this cause or status. */
  NOT_ASKED: -2,
  /** retriesMax is used up. */
  TRIES_SPENT: -3,
  /** The pool's budget is used up: retrying more would make things worse. */
  BUDGET_SPENT: -4,
} as const;

/** Decides on retries for one pool in one worker. Make a new one with each plan. */
export class Retries {
  readonly #options: RetryOptions;
  readonly #words: Int32Array;
  readonly #tokensAt: number;
  readonly #requestsAt: number;
  /** By status: 1 when retried. */
  readonly #statuses = new Uint8Array(600);

  constructor(plan: BalancePoolPlan, state: ServerState) {
    this.#options = plan.retry;
    this.#words = state.words;
    this.#tokensAt = state.poolAt(plan.slot) + POOL.retryTokens;
    this.#requestsAt = state.sliceAt(state.worker, plan.slot) + SLICE.requests;
    for (const status of plan.retry.statuses) this.#statuses[status] = 1;
  }

  /** Counts a request (not a try) of this pool: it pays into the budget. Hot: one plain word of this worker's own. */
  requestBegins(): void {
    this.#words[this.#requestsAt] = (this.#words[this.#requestsAt]! + 1) | 0;
  }

  /** Whether an answer of `status` is to be held back and retried if `decide` allows. Hot: one load. */
  asks(status: number): boolean {
    return (this.#options.on & RETRY_ON.STATUS) !== 0 && this.#statuses[status] === 1;
  }

  /**
   * What to do after a failed try: a NO_RETRY reason (below 0), 0 to try again at once, or how many milliseconds to
   * wait first. Charges the budget when it says yes. Only ask while no byte of a response went to the client.
   *
   * cause       a RETRY_ON bit, or STALE
   * retries     retries made so far for this request, those for STALE not counted
   * written     a byte of the request may have reached a server's socket
   * replayable  the whole request can be sent again: no body, or all of it in hand
   * idempotent  the method is idempotent (RFC 9110, 9.2.2)
   */
  decide(cause: number, retries: number, written: boolean, replayable: boolean, idempotent: boolean): number {
    if (!replayable || (written && !idempotent)) return NO_RETRY.UNSAFE;
    // A server may close an idle connection at any time: that is not a failure, so the retry needs no permission and no
    // budget. The next attempt opens a new connection, so this cannot loop.
    if (cause === STALE) return 0;
    const options = this.#options;
    if ((options.on & cause) === 0) return NO_RETRY.NOT_ASKED;
    if (retries >= options.retriesMax) return NO_RETRY.TRIES_SPENT;
    if (Atomics.sub(this.#words, this.#tokensAt, RETRY_ONE) < RETRY_ONE) {
      Atomics.add(this.#words, this.#tokensAt, RETRY_ONE);
      return NO_RETRY.BUDGET_SPENT;
    }
    if (retries === 0 || options.backoffMs === 0) return 0;
    const most = Math.min(options.backoffMs * 2 ** (retries - 1), options.backoffMaxMs);
    return Math.ceil(most * (0.5 + Math.random() / 2));
  }
}
