// Whether another attempt follows a failure: nothing of a response seen, and the request either never left or may arrive
// twice. Within the pool first, then in the fallback pool of the rule.
// Owns these decisions, and whether a failure counts against the server. Leaves carrying them out to attempt-events.ts and
// fail.ts.

import { RESULT } from '../balance/outlier.js';
import { NO_RETRY, RETRY_ON, STALE } from '../balance/retry.js';
import { isIdempotent } from '../http/methods.js';
import { REASONS, type ReasonCode } from '../http/reasons.js';
import type { Attempt } from './attempt.js';
import type { Context } from './context.js';
import { type Exchange, NO_ADDRESS } from './exchange.js';
import type { Pool } from './pools.js';

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

/**
 * The pool that a request goes to which fails with `code`: the fallback pool of its rule, once. Null when it has none, when the
 * failure is not the pool's, or when sending the request again is not safe: what a server may have acted on goes on only if
 * its method is idempotent, and only what is still in hand.
 */
export function fallbackFor(w: Context, x: Exchange, code: ReasonCode): Pool | null {
  if (!x.rule?.fallback || x.fellBack) return null;
  const noneTakes = code === 'POOL_UNKNOWN'; // all weights of the rule are 0
  if ((x.pool === null) !== noneTakes || !(noneTakes || isOfPool(code))) return null;
  return x.responseStarted || !inHand(x) ? null : underPlan(w, x.rule.fallback);
}

/** The pool of this name under the plan that holds now; null when there is none. */
function underPlan(w: Context, pool: Pool): Pool | null {
  return pool.retired ? (w.poolNamed(pool.plan.name) ?? null) : pool;
}
