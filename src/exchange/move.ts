// What a new plan means for requests under way: who still waits for a server goes on under the new plan.
// Owns moving requests from the pools of the plan before to those of the new one. Leaves making pools to worker.ts.

import { NO_SESSION } from '../balance/session.js';
import { reroute, serve } from '../codec/h1/server.js';
import type { Context } from './context.js';
import { type Exchange, KIND } from './exchange.js';
import type { Pool } from './pools.js';

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
export function followPools(w: Context, x: Exchange): void {
  const { pool } = x;
  if (pool === null || !pool.retired) return;
  if (x.responseStarted) return;
  const waits = !x.isAtServer;
  const next = w.poolNamed(pool.plan.name);
  if (next !== undefined) move(x, pool, next);
  else if (waits && x.backend === null && x.kind === KIND.REQUEST) {
    reroute(w, x);
    serve(w, x.client);
  }
}

function move(x: Exchange, from: Pool, to: Pool): void {
  x.pool = to;
  if (x.entered) {
    from.breaker.leaves();
    to.breaker.joins();
  }
  x.tried.keep(to.members);
  if (!to.members.has(x.session)) x.session = NO_SESSION;
}
