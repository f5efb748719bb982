// The end of an exchange: all that it holds and is counted in is given back.

import type { Context } from './context.js';
import { type Exchange, STAGE } from './exchange.js';
import { dropCopies } from './mirror.js';
import { leavePool } from './pool-limits.js';

/** Gives back what was kept of the request for another attempt. */
export function releaseRequest(w: Context, x: Exchange): void {
  x.keeping = false;
  x.releaseTarget(w.engine);
  x.keptBody.drop(w.engine);
  w.clientStream.releaseHead(w, x);
}

/**
 * Ends an exchange: the observers see it, and all that it holds and is counted in is given back. The one place where an
 * exchange ends, however it does; nothing happens when none is under way. Its attempt has ended before.
 */
export function endExchange(w: Context, x: Exchange): void {
  if (x.stage === STAGE.FREE) return;
  x.wait?.end(true);
  x.wait = null;
  x.to(STAGE.DONE);
  w.exchangeDeadlines.clear(x.id);
  for (let i = 0; i < w.observers.length; i++) w.observers[i]!.exchangeEnded(x);
  if (x.copies.length > 0) dropCopies(w, x);
  releaseRequest(w, x);
  leavePool(x);
  x.rule = null;
  x.pool = null;
  x.to(STAGE.FREE);
}
