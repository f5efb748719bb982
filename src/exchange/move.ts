// What a new snapshot means for requests under way: those that may still need a server go on in the new pools.
// Owns moving requests from the pools before to those of the new snapshot. Leaves making pools to the worker.

import { NO_SESSION } from '../balance/session.js';
import type { Context } from './context.js';
import { type Exchange, KIND } from './exchange.js';
import { fail } from './fail.js';
import type { Pool } from './pools.js';
import { reroute } from './requests.js';

/*
 * Indexes of servers and pools mean something in one snapshot only: a slot of the shared state is given to another server
 * once every worker has applied a later one. So nothing may be picked from a pool that is retired, and requests are moved:
 *
 *   its pool has a successor ─► moved, with its place in the line. Also when the response has begun, or in a tunnel: then only
 *                               its counts move, and no stream keeps a retired pool
 *   its pool is gone ─┬─ waiting for a server, or for its next attempt ─► routed anew, as if it came now
 *                     └─ at a server ─► stays; routed anew if it needs another attempt
 */

/** Moves a request out of a pool that is retired. Call it once the worker has the pools and rules of the new snapshot. */
export function moveToNewPool(w: Context, x: Exchange): void {
  const { pool } = x;
  if (pool === null || !pool.retired) return;
  const next = w.poolNamed(pool.plan.name);
  if (next !== undefined) move(x, pool, next);
  else if (!x.responseStarted && !x.isAtServer && !x.attempt.isOpen && x.kind === KIND.REQUEST) {
    const refused = reroute(w, x);
    if (refused !== null) fail(w, x, refused);
  }
}

function move(x: Exchange, from: Pool, to: Pool): void {
  x.pool = to;
  if (x.attempt.isOpen) x.attempt.pool = to;
  if (x.entered) {
    from.breaker.leaves();
    to.breaker.joins();
  }
  x.attempted.keep(to.members);
  if (!to.members.has(x.session)) x.session = NO_SESSION;
}
