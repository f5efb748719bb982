// What a new plan means for requests under way: who still waits for a server goes on under the new plan.
// Owns moving requests from the pools of the plan before to those of the new one. Leaves making pools to worker.ts.

import { NO_SESSION } from '../balance/session.js';
import { reroute, serve } from './client.js';
import { CLIENT, type ClientConnection } from './connections.js';
import type { Pool } from './pools.js';
import type { Worker } from './worker.js';

/*
 * Indexes of servers and pools mean something in one plan only: a slot of the shared state is given to another server
 * once no worker has the old plan. So nothing may be picked from a pool of an old plan (it is retired), and every
 * request that may still pick is moved:
 *
 *   response begun, or a tunnel ─► stays: it only counts itself out of the pool it began in
 *   its pool is in the new plan ─► moved, with its place in the line
 *   its pool is gone ─┬─ waiting for a server, or for its next try ─► routed anew, as if it came now
 *                     └─ at a server ─► stays; routed anew if it has to be tried again
 */

/** Moves every request that may still need a server. Call it once the worker has the pools and rules of the new plan. */
export function followPools(w: Worker, client: ClientConnection): void {
  const { pool } = client;
  if (pool === null || !pool.retired) return;
  const waits = client.state === CLIENT.WAITING;
  if (!waits && (client.state !== CLIENT.EXCHANGE || client.responseStarted)) return;
  const next = w.poolNamed(pool.plan.name);
  if (next !== undefined) move(client, pool, next);
  else if (waits && client.backend === null && client.rule !== null) {
    reroute(w, client);
    serve(w, client);
  }
}

function move(client: ClientConnection, from: Pool, to: Pool): void {
  client.pool = to;
  if (client.entered) {
    from.breaker.leaves();
    to.breaker.joins();
  }
  client.tried.keep(to.members);
  if (!to.members.has(client.session)) client.session = NO_SESSION;
}
