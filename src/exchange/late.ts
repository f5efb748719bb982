// What it means for an exchange that its client will send no more, and that its deadline has passed.

import type { Context } from './context.js';
import { type Exchange, KIND, STAGE } from './exchange.js';
import { fail } from './fail.js';
import { waitForServer } from './request-deadlines.js';
import { attemptNext } from './requests.js';

/** The client will send no more; `hasPending`: bytes it sent before have not been looked at yet. */
export function clientEnds(w: Context, x: Exchange, hasPending: boolean): void {
  if (x.kind === KIND.RAW) return; // it is connecting: what was sent still goes across
  if (!x.request.done && !hasPending) fail(w, x, 'CLIENT_LEFT');
  // What the request waits for has a deadline already: room, its next attempt, a filter, or that the client reads.
  else if (x.stage !== STAGE.QUEUED && x.stage !== STAGE.BACKOFF && x.wait === null && !x.client.blocked)
    waitForServer(w, x);
}

/** The time of the whole request is over. */
function isExpired(w: Context, { expires }: Exchange): boolean {
  return expires !== 0 && w.deadlines.now >= expires;
}

/** The deadline of the exchange has passed. */
export function exchangeLate(w: Context, x: Exchange): void {
  if (x.isAtServer && !isExpired(w, x) && w.clientStream.moves(w, x)) return;
  if (isExpired(w, x)) fail(w, x, 'REQUEST_TIMEOUT');
  else if (x.stage === STAGE.QUEUED) fail(w, x, 'QUEUE_TIMEOUT');
  else if (x.stage === STAGE.BACKOFF) attemptNext(w, x, x.attempt.reason);
  else if (x.wait !== null) fail(w, x, 'FILTER_TIMEOUT');
  else fail(w, x, x.client.ended || x.client.blocked ? 'CLIENT_LEFT' : 'BODY_TIMEOUT');
}
