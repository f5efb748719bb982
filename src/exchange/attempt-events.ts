// What happens to an attempt: its connection is established, it fails, or another one has to follow.
// Owns carrying out what retry.ts decides. Leaves sending to forward.ts.

import { RESULT } from '../balance/outlier.js';
import { RETRY_ON, STALE } from '../balance/retry.js';
import type { ReasonCode } from '../http/reasons.js';
import type { Context } from './context.js';
import { Deadlines } from './deadlines.js';
import { type Exchange, KIND, STAGE } from './exchange.js';
import { fail } from './fail.js';
import { connectRaw, sendRequest } from './forward.js';
import type { Pool } from './pools.js';
import { attemptNext } from './requests.js';
import { blame, causeOf, retryWaitMs } from './retry.js';

/** How long requests that cannot be repeated avoid the pooled connections of a server that closed one in use. */
const STALE_REUSE_TICKS = Deadlines.ticks(10_000);

/** The connection of the attempt is established: the request that waited for it goes out. */
export function connected(w: Context, x: Exchange): void {
  x.attempt.connects();
  const refused = sendRequest(w, x);
  if (refused !== null) fail(w, x, refused);
}

/** Begins the exchange of a connection that is passed on unread, to a server of `pool`. */
export function rawBegins(w: Context, x: Exchange, pool: Pool, key: number): void {
  x.pool = pool;
  x.newConnectionOnly = true;
  x.key = key;
  nextRaw(w, x, null);
}

function nextRaw(w: Context, x: Exchange, failed: ReasonCode | null): void {
  const refused = connectRaw(w, x, failed);
  if (refused === null) return;
  x.reason = refused;
  w.clientStream.close(w, x, false);
}

/** The server of a connection that is passed on unread has accepted: no more is ever known of that. */
export function rawConnected(x: Exchange): void {
  const { pool, server } = x.attempt;
  x.attempt.connects();
  pool!.reports.report(server!.index, RESULT.SUCCESS);
}

/**
 * The attempt failed before a response began. Attempts another server, or the same one over a new connection when it was a
 * pooled one that had gone stale; answers with `code` when that is not safe or not possible.
 */
export function attemptFailed(w: Context, x: Exchange, code: ReasonCode): void {
  if (x.kind === KIND.RAW) {
    rawFailed(w, x, code);
    return;
  }
  const { attempt } = x;
  const cause = causeOf(attempt, code);
  if (cause === STALE) attempt.server!.staleReuseUntil = w.deadlines.now + STALE_REUSE_TICKS;
  const waitMs = retryWaitMs(x, cause);
  if (waitMs < 0) {
    fail(w, x, code);
    return;
  }
  blame(x, code);
  nextAttempt(w, x, cause, code, waitMs);
}

/** A connection that is passed on unread goes to the next server, with as many attempts as a request. */
function rawFailed(w: Context, x: Exchange, code: ReasonCode): void {
  const { attempt, pool } = x;
  blame(x, code);
  x.attempted.add(attempt.server!.index);
  attempt.reason = code;
  w.backendStream.close(w, attempt);
  if (attempt.number <= pool!.plan.retry.retriesMax) nextRaw(w, x, code);
  else fail(w, x, code);
}

/**
 * The server answered with a status that the pool holds back: false when the response has to go on all the same. Else it is
 * dropped with its connection.
 */
export function retryStatus(w: Context, x: Exchange): boolean {
  // A response is better than none: it is only given up when another server is there to give one.
  x.attempted.add(x.attempt.server!.index);
  if (!x.pool!.hasOther(x.attempted)) return false;
  const waitMs = retryWaitMs(x, RETRY_ON.STATUS);
  if (waitMs < 0) return false;
  nextAttempt(w, x, RETRY_ON.STATUS, 'NO_SERVER', waitMs);
  return true;
}

/**
 * A 408 that ends a pooled connection: its server gave up waiting for a request before it saw this one, which may be repeated
 * (RFC 9110, 15.5.9). Sends it again over a new connection where that is safe; false when the response has to go on.
 */
export function retryUnseen(w: Context, x: Exchange): boolean {
  if (retryWaitMs(x, STALE) < 0) return false;
  nextAttempt(w, x, STALE, 'SERVER_LEFT', 0);
  return true;
}

/** Ends the attempt, and makes the next one now or after a wait. */
function nextAttempt(w: Context, x: Exchange, cause: number, code: ReasonCode, waitMs: number): void {
  const { attempt } = x;
  // A status that is held back is no failure of the attempt: its status tells.
  if (cause !== RETRY_ON.STATUS) attempt.reason = code;
  w.backendStream.close(w, attempt);
  attempt.reason = code;
  w.counters.retries++;
  if (cause === STALE) {
    x.newConnectionOnly = true;
    attempt.number--;
  } else {
    x.attempted.add(attempt.server!.index);
  }
  if (waitMs === 0) {
    attemptNext(w, x, code);
    return;
  }
  x.to(STAGE.BACKOFF);
  w.exchangeDeadlines.set(x.id, Deadlines.ticks(waitMs), x.expires);
  w.clientStream.steer(w, x);
}
