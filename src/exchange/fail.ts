// What becomes of an exchange that cannot go on: the fallback pool of its rule, else a response of our own, or a cut.

import { NO_SESSION } from '../balance/session.js';
import type { ReasonCode } from '../http/reasons.js';
import { sessionOf } from './affinity.js';
import type { Context } from './context.js';
import { type Exchange, KIND } from './exchange.js';
import { forward } from './forward.js';
import { localReply } from './local-reply.js';
import { enterPool, leavePool } from './pool-limits.js';
import type { Pool } from './pools.js';
import { blame, fallbackFor } from './retry.js';

/**
 * Ends the exchange with a reason: answers when no response has begun, else cuts the connection so that half a response is
 * not taken for a whole one. Its attempt, if one is open, ends. Where the rule's fallback pool can answer, the exchange goes on
 * there instead.
 */
export function fail(w: Context, x: Exchange, code: ReasonCode): void {
  const pool = fallbackFor(w, x, code);
  const reason = pool === null ? code : toFallback(w, x, pool, code);
  if (reason !== null) endWith(w, x, reason);
}

/**
 * Takes a request that fails with `code` out of its pool, and sends it to the fallback pool. Its attempt, if one is open, ends.
 * Returns why it cannot be sent, or null.
 */
function toFallback(w: Context, x: Exchange, pool: Pool, code: ReasonCode): ReasonCode | null {
  closeAttempt(w, x, code);
  leavePool(x);
  w.counters.fallbacks++;
  x.fellBack = true;
  x.attempt.number = 0;
  x.newConnectionOnly = false;
  x.attempted.clear();
  x.pool = pool;
  if (!enterPool(x)) return 'POOL_FULL';
  pool.retries.requestBegins();
  x.session = pool.sessions === null ? NO_SESSION : sessionOf(w, pool, x.head!);
  x.key = x.fallbackKey;
  return forward(w, x, null);
}

function endWith(w: Context, x: Exchange, code: ReasonCode): void {
  x.reason = code;
  closeAttempt(w, x, code);
  if (x.responseStarted || code === 'CLIENT_LEFT' || x.kind === KIND.RAW) w.clientStream.close(w, x, true);
  else localReply(w, x, code, false);
}

/** Ends the attempt that failed, if one is open. */
function closeAttempt(w: Context, x: Exchange, code: ReasonCode): void {
  blame(x, code);
  if (!x.attempt.isOpen) return;
  x.attempt.reason = code;
  w.backendStream.close(w, x.attempt);
}
