// Whether another attempt follows a failure: nothing of a response seen, and the request either never left or may arrive
// twice. Within the pool first, then in the fallback pool of the rule.
// Owns these decisions. Leaves carrying them out to attempts.ts and fail.ts.

import { RESULT } from '../balance/outlier.js';
import { NO_RETRY, RETRY_ON, STALE } from '../balance/retry.js';
import { isIdempotent } from '../http/methods.js';
import { REASONS, type ReasonCode } from '../http/reasons.js';
import type { Attempt } from './attempt.js';
import type { Context } from './context.js';
import { type Exchange, NO_ADDRESS } from './exchange.js';
import type { Pool } from './pools.js';
import { leavePool } from './waiting.js';

/** The request is still here, whole: its head is held, and so is what was sent of its body. */
function inHand(x: Exchange): boolean {
  return x.headAt !== NO_ADDRESS && x.bodyBytesTotal === x.keptBody.bytes;
}

/** A pooled connection ended before the response began: its server may have closed it before the request came. */
function isStale(attempt: Attempt, code: ReasonCode): boolean {
  return attempt.reused && code === 'SERVER_LEFT';
}

/** The cause of a failure as retry policies know it; 0 for one that is never retried. */
export function causeOf(attempt: Attempt, code: ReasonCode): number {
  const { retry } = REASONS[code];
  if (retry === 'never') return 0;
  if (retry === 'any method') return RETRY_ON.CONNECT;
  if (code === 'RESPONSE_TIMEOUT') return RETRY_ON.TIMEOUT;
  return isStale(attempt, code) ? STALE : RETRY_ON.RESET;
}

/** What the pool says to another attempt: below 0 no, else how many milliseconds to wait first. */
export function retryWaitMs(x: Exchange, cause: number): number {
  if (cause === 0 || x.responseStarted) return NO_RETRY.UNSAFE;
  // So is a handshake for another protocol: until the 101 it is a GET like any other.
  const idempotent = isIdempotent(x.method);
  const written = cause !== RETRY_ON.CONNECT;
  return x.pool!.retries.decide(cause, x.attempt.number - 1, written, inHand(x), idempotent);
}

const LATE: ReadonlySet<ReasonCode> = new Set(['REQUEST_TIMEOUT', 'RESPONSE_TIMEOUT']);

/** Counts the failure of the open attempt against its server, if it is the server's. */
export function blame(x: Exchange, code: ReasonCode): void {
  const { attempt } = x;
  if (!attempt.isOpen || REASONS[code].fault !== 'server' || isStale(attempt, code)) return;
  // Time that ran out while the client did not send, or did not read, is not the server's.
  if (x.client.blocked || (!x.request.done && LATE.has(code))) return;
  attempt.pool!.reports.report(attempt.server!.index, RESULT.FAILURE);
}

/** What no other pool would mend: we have no room, or the time of the whole request is over. */
const OURS: ReadonlySet<ReasonCode> = new Set(['OVERLOADED', 'REQUEST_TIMEOUT']);

/** A failure of the pool: no server, no room, or attempts that came to nothing. */
function isOfPool(code: ReasonCode): boolean {
  const { status } = REASONS[code];
  return status >= 502 && status <= 504 && !OURS.has(code);
}

/** The rule's fallback pool under the plan that holds now; null when there is none. */
function fallbackOf(w: Context, x: Exchange): Pool | null {
  const pool = x.rule?.fallback ?? null;
  return pool?.retired ? (w.poolNamed(pool.plan.name) ?? null) : pool;
}

/**
 * Takes a request that fails with `code` out of its pool, and gives it the fallback pool of its rule, once. False, and nothing
 * done, when it has none, when the failure is not the pool's, or when sending the request again is not safe: what a server
 * may have acted on goes on only if its method is idempotent, and only what is still in hand.
 */
export function fallsBack(w: Context, x: Exchange, code: ReasonCode): boolean {
  const noneTakes = code === 'POOL_UNKNOWN'; // all weights of the rule are 0
  if ((x.pool === null) !== noneTakes || x.fellBack || !(noneTakes || isOfPool(code))) return false;
  if (x.responseStarted || !inHand(x)) return false;
  const pool = fallbackOf(w, x);
  if (pool === null) return false;
  blame(x, code);
  if (x.attempt.isOpen) w.backendStream.close(w, x.attempt);
  leavePool(x);
  w.counters.fallbacks++;
  x.fellBack = true;
  x.attempt.number = 0;
  x.newConnectionOnly = false;
  x.attempted.clear();
  x.pool = pool;
  return true;
}
