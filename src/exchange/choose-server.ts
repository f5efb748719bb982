// Chooses a server in the pool, and gets a connection to it: one that is pooled, or a new one.

import { isIdempotent } from '../http/methods.js';
import type { ReasonCode } from '../http/reasons.js';
import { endAttempt } from './attempt.js';
import type { Context } from './context.js';
import type { Exchange } from './exchange.js';
import type { Server } from './pools.js';

/** Picks a server and counts the request there. Returns its index, NO_SERVER, or ALL_BUSY when none has room. */
export function chooseServer(x: Exchange): number {
  return x.pool!.begin(x.session, x.key, x.attempted);
}

/** A request that cannot be repeated avoids the pooled connections of a server that closed one in use. */
function isRisky(w: Context, x: Exchange, server: Server): boolean {
  return w.deadlines.now < server.staleReuseUntil && !isIdempotent(x.method);
}

/**
 * Begins an attempt at a server that has counted the request in: with a pooled connection, which is ready at once, or a new
 * one, which has to connect first. Returns null, or why there is none; the attempt is over then.
 */
export function beginAttempt(w: Context, x: Exchange, server: Server): ReasonCode | null {
  const { attempt } = x;
  attempt.begin(x.pool!, server);
  x.attempts++;
  const pooled = x.newConnectionOnly || isRisky(w, x, server) ? null : w.backendStream.take(w, x, server);
  if (pooled !== null) {
    attempt.backend = pooled;
    attempt.reused = true;
    attempt.takenIn = w.batch;
    attempt.connects();
    w.counters.reused++;
    return null;
  }
  attempt.backend = w.backendStream.open(w, attempt, server);
  if (attempt.backend !== null) {
    w.attemptDeadlines.set(attempt.id, w.ticks.connect);
    return null;
  }
  attempt.reason = 'OVERLOADED';
  endAttempt(w, attempt);
  return 'OVERLOADED';
}
