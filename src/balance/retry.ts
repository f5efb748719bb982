// Whether a failed try may be made again, and when: pure decisions, and the pool's retry budget in shared memory.
// Owns the rules and the budget's words. Leaves making the try, and remembering what was sent, to the worker.

import type { RetryOptions } from './options.js';

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

/** Default: 2 retries for failed connects and resets; a status or a timeout is an answer of a kind, and may mean overload. */
export const RETRY_DEFAULTS: RetryOptions = {
  retriesMax: 2,
  on: RETRY_ON.CONNECT | RETRY_ON.RESET,
  statuses: [502, 503, 504],
  perTryTimeoutMs: 0,
  backoffMs: 25,
  backoffMaxMs: 250,
  budgetRatio: 0.2,
  budgetPerSecond: 10,
};

/** Tokens are fixed point: one retry costs this many. */
export const RETRY_ONE = 1024;
