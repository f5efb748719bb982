// What a pool's limits do to a request: it is refused, or waits in the pool's line until a server has room.
// Owns joining and leaving. Leaves serving the line to lines.ts, and its order, over all workers, to balance/waiting-line.ts.

import { wakeUps } from '../balance/waiting-line.js';
import type { ReasonCode } from '../http/reasons.js';
import type { Context } from './context.js';
import { type Exchange, STAGE } from './exchange.js';
import type { Pool } from './pools.js';

/** Longest sleep of a wake-up by another worker, in milliseconds: ticks look at the line besides. */
const WAKE_UP_WITHIN_MS = 60_000;

/** Counts the request in, if its pool has a circuit breaker. False: the pool has as many as it may. */
export function enterPool(x: Exchange): boolean {
  x.entered = x.pool!.breaker.enters();
  return x.entered;
}

/** Takes the request out of all that its pool counts, and out of its line. Safe to call at any time. */
export function leavePool(x: Exchange): void {
  if (x.entered) x.pool!.breaker.leaves();
  x.entered = false;
  if (x.queued) x.pool!.line.remove(x);
  x.queued = false;
}

/** Puts the request at the end of the line. Returns why not, when the line is full, or null. */
export function waitForRoom(w: Context, x: Exchange): ReasonCode | null {
  const pool = x.pool!;
  if (!pool.line.join(x)) return 'QUEUE_FULL';
  x.to(STAGE.QUEUED);
  x.queued = true;
  w.exchangeDeadlines.set(x.id, pool.queueTicks, x.expires);
  w.clientStream.steer(w, x);
  pool.arm(w);
  return null;
}

/** Makes `line` wake this worker when another one has room for it. It outlives the plan, as the line does. */
export function armFor({ line, state, plan: { slot } }: Pick<Pool, 'line' | 'state' | 'plan'>): (w: Context) => void {
  let arm: (() => void) | null = null;
  return (w) => {
    arm ??= wakeUps(slot, state, WAKE_UP_WITHIN_MS, () => {
      if (line.length > 0 && !w.closed) w.serveLines();
    });
    arm();
  };
}
