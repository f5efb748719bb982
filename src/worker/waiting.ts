// What a pool's limits do to a request: it is refused, or waits in the pool's line until a server has room.
// Owns joining, leaving and serving the line. Leaves its order, over all workers, to balance/waiting-line.ts.

import { ALL_BUSY } from '../balance/view.js';
import { wakeUps } from '../balance/waiting-line.js';
import { fail } from './answer.js';
import { serve } from './client.js';
import type { ClientConnection } from './connections.js';
import { steerClient } from './flow.js';
import { sendTo } from './forward.js';
import type { Pool } from './pools.js';
import type { Worker } from './worker.js';

/** Longest sleep of a wake-up by another worker, in milliseconds: ticks look at the line besides. */
const WAKE_UP_WITHIN_MS = 60_000;

/** Counts the request in, if its pool has a circuit breaker. False: the pool has as many as it may. */
export function enterPool(client: ClientConnection): boolean {
  client.entered = client.pool!.breaker.enters();
  return client.entered;
}

/** Takes the request out of all that its pool counts, and all that it waits for there. Safe to call at any time. */
export function leavePool(client: ClientConnection): void {
  if (client.entered) client.pool!.breaker.leaves();
  client.entered = false;
  if (client.queued) client.pool!.line.remove(client);
  client.queued = false;
  client.resume = null;
}

/** Puts the request at the end of the line, or refuses it when the line is full. */
export function waitForRoom(w: Worker, client: ClientConnection): void {
  const pool = client.pool!;
  if (!pool.line.join(client)) {
    fail(w, client, 'QUEUE_FULL');
    return;
  }
  client.queued = true;
  w.deadlines.set(client.slot, pool.queueTicks, client.expires);
  steerClient(w, client);
  pool.arm(w);
}

/**
 * Gives freed room to those who wait, oldest first over all workers; while it is another worker's turn, that one is
 * woken. Called after each batch that freed room, each tick, and when another worker wakes this one.
 */
export function serveLines(w: Worker): void {
  w.roomFreed = false;
  for (const pool of w.limitedPools) {
    if (!pool.line.offer()) continue;
    for (let client = pool.line.front(); client !== undefined; client = pool.line.front()) {
      const index = pool.begin(client.session, client.key, client.tried);
      if (index === ALL_BUSY) break;
      pool.line.shift();
      client.queued = false;
      if (index < 0) fail(w, client, 'NO_SERVER');
      else sendTo(w, client, w.servers.byIndex[index]!);
      serve(w, client);
    }
    // What is left of the room is for those behind, in other workers.
    pool.line.offer();
    if (pool.line.length > 0) pool.arm(w);
  }
}

/** Makes `line` wake this worker when another one has room for it. It outlives the plan, as the line does. */
export function armFor({ line, state, plan: { slot } }: Pick<Pool, 'line' | 'state' | 'plan'>): (w: Worker) => void {
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
