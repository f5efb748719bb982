// Serves the lines of pools: gives freed room to the requests that wait for it.

import { ALL_BUSY } from '../balance/view.js';
import type { Context } from './context.js';
import { fail } from './fail.js';
import { sendTo } from './forward.js';

/**
 * Gives freed room to those who wait, oldest first over all workers; while it is another worker's turn, that one is
 * woken. Called after each batch that freed room, each tick, and when another worker wakes this one.
 */
export function serveLines(w: Context): void {
  w.roomFreed = false;
  for (const pool of w.limitedPools) {
    if (!pool.line.offer()) continue;
    for (let x = pool.line.front(); x !== undefined; x = pool.line.front()) {
      const index = pool.begin(x.session, x.key, x.attempted);
      if (index === ALL_BUSY) break;
      pool.line.shift();
      x.queued = false;
      const refused = index < 0 ? 'NO_SERVER' : sendTo(w, x, w.servers.byIndex[index]!);
      if (refused !== null) fail(w, x, refused);
    }
    // What is left of the room is for those behind, in other workers.
    pool.line.offer();
    if (pool.line.length > 0) pool.arm(w);
  }
}
