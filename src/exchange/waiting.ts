// What a pool's limits do to a request: it is refused, or waits in the pool's line until a server has room.
// Owns joining, leaving and serving the line. Leaves its order, over all workers, to balance/waiting-line.ts.

import { ALL_BUSY } from '../balance/view.js';
import { wakeUps } from '../balance/waiting-line.js';
import { steerClient } from '../codec/flow.js';
import { serve } from '../codec/h1/server.js';
import type { Context } from './context.js';
import { type Exchange, STAGE } from './exchange.js';
import { sendTo } from './forward.js';
import { fail } from './local-reply.js';
import type { Pool } from './pools.js';

/** Longest sleep of a wake-up by another worker, in milliseconds: ticks look at the line besides. */
const WAKE_UP_WITHIN_MS = 60_000;

/** Counts the request in, if its pool has a circuit breaker. False: the pool has as many as it may. */
export function enterPool(x: Exchange): boolean {
  x.entered = x.pool!.breaker.enters();
  return x.entered;
}

/** Takes the request out of all that its pool counts, and all that it waits for there. Safe to call at any time. */
export function leavePool(x: Exchange): void {
  if (x.entered) x.pool!.breaker.leaves();
  x.entered = false;
  if (x.queued) x.pool!.line.remove(x);
  x.queued = false;
  x.resume = null;
}

/** Puts the request at the end of the line, or refuses it when the line is full. */
export function waitForRoom(w: Context, x: Exchange): void {
  const pool = x.pool!;
  if (!pool.line.join(x)) {
    fail(w, x, 'QUEUE_FULL');
    return;
  }
  x.to(STAGE.QUEUED);
  x.queued = true;
  w.deadlines.set(x.client.slot, pool.queueTicks, x.expires);
  steerClient(w, x.client);
  pool.arm(w);
}

/**
 * Gives freed room to those who wait, oldest first over all workers; while it is another worker's turn, that one is
 * woken. Called after each batch that freed room, each tick, and when another worker wakes this one.
 */
export function serveLines(w: Context): void {
  w.roomFreed = false;
  for (const pool of w.limitedPools) {
    if (!pool.line.offer()) continue;
    for (let x = pool.line.front(); x !== undefined; x = pool.line.front()) {
      const index = pool.begin(x.session, x.key, x.tried);
      if (index === ALL_BUSY) break;
      pool.line.shift();
      x.queued = false;
      if (index < 0) fail(w, x, 'NO_SERVER');
      else sendTo(w, x, w.servers.byIndex[index]!);
      serve(w, x.client);
    }
    // What is left of the room is for those behind, in other workers.
    pool.line.offer();
    if (pool.line.length > 0) pool.arm(w);
  }
}

/** Makes `line` wake this worker when another one has room for it. It outlives the plan, as the line does. */
export function armFor({ line, state, plan: { slot } }: Pick<Pool, 'line' | 'state' | 'plan'>): (w: Context) => void {
  let arm: (() => void) | null = null;
  return (w) => {
    arm ??= wakeUps(slot, state, WAKE_UP_WITHIN_MS, () => {
      if (line.length === 0 || w.closed) return;
      serveLines(w);
      w.engine.run();
    });
    arm();
  };
}
