// The end of an exchange: all that it holds and is counted in is given back.

import { nowUs } from '../base/clock.js';
import type { Context } from './context.js';
import { type Exchange, STAGE, TIME } from './exchange.js';
import { dropCopies } from './mirror.js';
import { leaveRule } from './phases.js';
import { leavePool } from './pool-limits.js';

/** Gives back what was kept of the request for another attempt. */
export function releaseRequest(w: Context, x: Exchange): void {
  x.keeping = false;
  if (x.head !== null) {
    const { headReleased } = w.observers;
    for (let i = 0; i < headReleased.length; i++) headReleased[i]!.headReleased(x);
  }
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
  x.times[TIME.ended] = nowUs();
  w.exchangeDeadlines.clear(x.id);
  if (x.copies.length > 0) dropCopies(w, x);
  releaseRequest(w, x);
  const { exchangeEnded } = w.observers;
  for (let i = 0; i < exchangeEnded.length; i++) exchangeEnded[i]!.exchangeEnded(x);
  leavePool(x);
  leaveRule(x);
  x.pool = null;
  x.times[TIME.begun] = 0;
  x.to(STAGE.FREE);
}
