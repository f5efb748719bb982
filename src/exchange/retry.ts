// Another try, when that is safe: nothing of a response seen, and the request either never left or may arrive twice. Within
// the pool first, then in the fallback pool of the rule.

import { RESULT } from '../balance/outlier.js';
import { NO_RETRY, RETRY_ON, STALE } from '../balance/retry.js';
import { NO_SESSION } from '../balance/session.js';
import type { BackendConnection } from '../codec/connections.js';
import { steerClient } from '../codec/flow.js';
import { closeBackend } from '../codec/h1/reuse.js';
import { isIdempotent } from '../http/methods.js';
import { REASONS, type ReasonCode } from '../http/reasons.js';
import { sessionOf } from './affinity.js';
import type { Context } from './context.js';
import { Deadlines } from './deadlines.js';
import { type Exchange, NO_ADDRESS, STAGE } from './exchange.js';
import { forward } from './forward.js';
import { fail } from './local-reply.js';
import type { Pool } from './pools.js';
import { enterPool, leavePool } from './waiting.js';

/** The request is still here, whole: its head is held, and so is what was sent of its body. */
function inHand(x: Exchange): boolean {
  return x.headAt !== NO_ADDRESS && x.bodyBytesTotal === x.keptBody.bytes;
}

/** A kept connection ended before the answer began: its server may have closed it before the request came. */
function isStale(backend: BackendConnection, code: ReasonCode): boolean {
  return backend.reused && code === 'SERVER_LEFT';
}

/** The cause as retry policies know it. */
function causeOf(backend: BackendConnection, code: ReasonCode): number {
  if (REASONS[code].retry === 'any method') return RETRY_ON.CONNECT;
  if (code === 'RESPONSE_TIMEOUT') return RETRY_ON.TIMEOUT;
  return isStale(backend, code) ? STALE : RETRY_ON.RESET;
}

/** How long requests that cannot be repeated avoid the pooled connections of a server that closed one in use. */
const STALE_REUSE_TICKS = Deadlines.ticks(10_000);

/** What the pool says to another try: below 0 no, else how many milliseconds to wait first. */
function decide(x: Exchange, cause: number): number {
  if (x.responseStarted) return NO_RETRY.UNSAFE;
  // So is a handshake for another protocol: until the 101 it is a GET like any other.
  const idempotent = isIdempotent(x.method);
  const written = cause !== RETRY_ON.CONNECT;
  return x.pool!.retries.decide(cause, x.tries - 1, written, inHand(x), idempotent);
}

const LATE: ReadonlySet<ReasonCode> = new Set(['REQUEST_TIMEOUT', 'RESPONSE_TIMEOUT']);

/** Counts the failure against the server, if it is the server's. */
export function blame(x: Exchange, code: ReasonCode): void {
  const { backend, pool } = x;
  if (backend === null || pool === null || REASONS[code].fault !== 'server' || isStale(backend, code)) return;
  // Time that ran out while the client did not send, or did not read, is not the server's.
  if (x.client.blocked || (!x.request.done && LATE.has(code))) return;
  pool.reports.report(backend.server!.index, RESULT.FAILURE);
}

/**
 * The backend connection failed before a response began. Tries another server, or the same one over a new connection
 * when it was a kept one that had gone stale; answers with `code` when that is not safe or not possible.
 */
export function retryOrFail(w: Context, x: Exchange, code: ReasonCode): void {
  const backend = x.backend!;
  const { server } = backend;
  const cause = REASONS[code].retry === 'never' ? 0 : causeOf(backend, code);
  if (cause === STALE) server!.staleReuseUntil = w.deadlines.now + STALE_REUSE_TICKS;
  const waitMs = cause === 0 ? NO_RETRY.UNSAFE : decide(x, cause);
  if (waitMs < 0) {
    fail(w, x, code);
    return;
  }
  blame(x, code);
  tryAgain(w, x, cause, code, waitMs);
}

/**
 * The server answered with a status that the pool holds back: false when the answer has to go on all the same. The
 * answer is dropped with its connection.
 */
export function retryStatus(w: Context, x: Exchange): boolean {
  // An answer is better than none: it is only given up when somebody else is there to give another.
  x.tried.add(x.backend!.server!.index);
  if (!x.pool!.hasOther(x.tried)) return false;
  const waitMs = decide(x, RETRY_ON.STATUS);
  if (waitMs < 0) return false;
  tryAgain(w, x, RETRY_ON.STATUS, 'NO_SERVER', waitMs);
  return true;
}

/**
 * A 408 that ends a kept connection: its server gave up waiting for a request before it saw this one, which may be repeated
 * (RFC 9110, 15.5.9). Sends it again over a new connection where that is safe; false when the answer has to go on.
 */
export function retryUnseen(w: Context, x: Exchange): boolean {
  if (decide(x, STALE) < 0) return false;
  tryAgain(w, x, STALE, 'SERVER_LEFT', 0);
  return true;
}

/** Makes the request ready for another server, and sends it now or after a wait. */
function tryAgain(w: Context, x: Exchange, cause: number, code: ReasonCode, waitMs: number): void {
  const backend = x.backend!;
  const { server } = backend;
  closeBackend(w, backend);
  w.counters.retries++;
  if (cause === STALE) {
    x.fresh = true;
    x.tries--;
  } else {
    x.tried.add(server!.index);
  }
  if (waitMs === 0) {
    forward(w, x, code);
    return;
  }
  x.to(STAGE.BACKOFF);
  x.resume = code;
  w.deadlines.set(x.client.slot, Deadlines.ticks(waitMs), x.expires);
  steerClient(w, x.client);
}

/** The wait before another try is over. */
export function resume(w: Context, x: Exchange): void {
  const code = x.resume;
  x.resume = null;
  forward(w, x, code);
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
 * Sends a request that fails with `code` to the fallback pool of its rule, once. False, and nothing done, when it has none,
 * when the failure is not the pool's, or when sending the request again is not safe: what a server may have acted on goes on
 * only if its method is idempotent, and only what is still in hand.
 */
export function fallsBack(w: Context, x: Exchange, code: ReasonCode): boolean {
  if (x.pool === null || x.fellBack || !isOfPool(code)) return false;
  if (x.responseStarted || !inHand(x)) return false;
  const pool = fallbackOf(w, x);
  if (pool === null) return false;
  blame(x, code);
  if (x.backend !== null) closeBackend(w, x.backend);
  leavePool(x);
  w.counters.fallbacks++;
  x.fellBack = true;
  x.tries = 0;
  x.fresh = false;
  x.resume = null;
  x.tried.clear();
  x.pool = pool;
  if (!enterPool(x)) {
    fail(w, x, 'POOL_FULL');
    return true;
  }
  pool.retries.requestBegins();
  x.session = pool.sessions === null ? NO_SESSION : sessionOf(w, pool, x.client.parser!.head);
  x.key = x.fallbackKey;
  forward(w, x, null);
  return true;
}
