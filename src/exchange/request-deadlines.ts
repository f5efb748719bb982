// Which deadlines hold for a request: those of its rule, else those of all.
// Owns when the time of an attempt begins. Leaves what it means that a deadline has passed to late.ts.

import { TICK_MS } from '../base/tick.js';
import type { Context } from './context.js';
import { type Exchange, STAGE } from './exchange.js';
import type { Ticks } from './ticks.js';

/** The deadlines of the client's request: of its rule, which it keeps over a reload; without one, of all. Hot. */
export function ticksOf(w: Context, x: Exchange): Ticks {
  return x.rule === null ? w.ticks : x.rule.ticks;
}

/**
 * The whole request has gone to the server: the time of the attempt begins, and unless the response has begun already, the
 * server has until responseHead. What the client took to upload is not the server's time.
 */
export function requestSent(w: Context, x: Exchange): void {
  if (x.stage === STAGE.SENDING) x.to(STAGE.WAITING);
  const { attempt } = x;
  const ticks = ticksOf(w, x);
  const attemptTicks = x.responseStarted || ticks.attempt >= 0 ? ticks.attempt : x.pool!.attemptTicks;
  attempt.expires = attemptTicks <= 0 ? 0 : w.deadlines.now + attemptTicks;
  waitForServer(w, x);
  w.attemptDeadlines.set(attempt.id, x.responseStarted ? ticks.responseIdle : ticks.responseHead, attempt.expires);
}

/** The server is waited for, and the client only as long as one that ended its side may be: it could have left. Hot. */
export function waitForServer(w: Context, x: Exchange): void {
  w.exchangeDeadlines.set(x.id, x.client.ended ? w.ticks.halfClosed : 0, x.expires);
}

/** The client is still uploading: it is waited for. */
export function waitForBody(w: Context, x: Exchange): void {
  w.exchangeDeadlines.set(x.id, ticksOf(w, x).requestBody, x.expires);
  w.attemptDeadlines.clear(x.attempt.id);
  measureBody(w, x);
}

/** Begins to measure how fast the client sends its body. Its time counts only while the server takes what comes. */
export function measureBody(w: Context, x: Exchange): void {
  const measured = w.limits.clientBytesPerSecondMin > 0 && w.ticks.clientRate > 0;
  x.bodyRateAt = measured ? w.deadlines.now + w.ticks.clientRate : Number.MAX_SAFE_INTEGER;
  x.bodyRateBytes = x.bodyBytesTotal + x.framingBytesTotal;
}

/** True when the body came slower than it may, over the time that is over now. Otherwise the next time begins. */
export function bodyTooSlow(w: Context, x: Exchange): boolean {
  const bytes = x.bodyBytesTotal + x.framingBytesTotal - x.bodyRateBytes;
  const ticks = w.deadlines.now - x.bodyRateAt + w.ticks.clientRate;
  if (bytes < (w.limits.clientBytesPerSecondMin * ticks * TICK_MS) / 1000) {
    w.counters.clientsTooSlow++;
    return true;
  }
  measureBody(w, x);
  return false;
}
