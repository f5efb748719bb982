// The end of an exchange: what was held is given back, and the client connection waits for its next request or goes.

import { assert } from '../../base/assert.js';
import type { Context } from '../../exchange/context.js';
import { type Exchange, NO_ADDRESS, STAGE } from '../../exchange/exchange.js';
import { leavePool } from '../../exchange/waiting.js';
import { ticksOf } from '../../exchange/waits.js';
import { BODY } from '../../http/framing.js';
import { CLIENT, type ClientConnection } from '../connections.js';
import { steerClient } from '../flow.js';
import { watch } from '../progress.js';
import { closePinned } from './reuse.js';

/** Gives back what was kept of the request for another try. The parser stays while it has a body to parse. */
export function releaseRequest(w: Context, x: Exchange): void {
  if (x.headAt !== NO_ADDRESS) {
    // A head that outgrew its chunk lies in several.
    w.engine.runRelease(x.headAt, Math.max(1, x.client.parser?.head.bytes ?? 0));
    x.headAt = NO_ADDRESS;
    x.head = null;
  }
  x.releaseTarget(w.engine);
  x.keeping = false;
  x.keptBody.drop(w.engine);
  if (x.client.parser !== null && (x.request.done || x.request.kind !== BODY.chunked)) releaseParser(w, x.client);
}

/** Drops what there is of a head, or of what else has to be complete before it can be looked at. */
export function dropPartial(w: Context, client: ClientConnection): void {
  client.parked = null;
  w.longHeads.drop(client.longHead);
  client.longHead = null;
}

/** Gives back the request's parser. */
export function releaseParser(w: Context, client: ClientConnection): void {
  if (client.parser === null) return;
  w.llhttp.releaseRequest(client.parser);
  client.parser = null;
}

/** Drops what the client sent ahead. */
export function dropPending(w: Context, client: ClientConnection): void {
  if (client.pendingAt === NO_ADDRESS) return;
  w.engine.release(client.pendingAt);
  client.pendingAt = NO_ADDRESS;
}

/**
 * Between two messages a client connection holds the pending bytes and nothing else: they begin with the first byte of the
 * next request. LIFECYCLE.md, section 9, says for every early end of an exchange how that comes about.
 */
function checkBetween(client: ClientConnection): void {
  assert(client.x.request.done, 'a request is read to its end before the next begins');
  assert(client.x.backend === null, 'an exchange that is over has no backend connection');
  assert(
    client.x.headAt === NO_ADDRESS && client.x.keptBody.chunks.length === 0,
    'an exchange that is over keeps nothing of its request',
  );
  assert(client.parked === null && client.parser === null, 'an exchange that is over reads nothing');
  assert(client.x.mirrors.length === 0, 'copies have the whole request when it is over');
  assert(
    !client.x.queued && client.x.resume === null && client.x.wait === null,
    'an exchange that is over waits for nothing',
  );
}

/**
 * Ends an exchange: the observers see it, and all that it holds and is counted in is given back. The one place where an
 * exchange ends, however it does; nothing happens when none is under way.
 */
export function endExchange(w: Context, x: Exchange): void {
  if (x.stage === STAGE.FREE) return;
  x.to(STAGE.DONE);
  for (let i = 0; i < w.observers.length; i++) w.observers[i]!.exchangeEnded(x);
  if (x.wait !== null) {
    x.wait.end(true);
    x.wait = null;
  }
  releaseRequest(w, x);
  leavePool(x);
  x.rule = null;
  x.pool = null;
  x.to(STAGE.FREE);
}

/** The response is complete: the connection is ready for the next request, or is shut down. */
export function exchangeDone(w: Context, x: Exchange): void {
  const over =
    !x.client.keepAlive || !x.request.done || w.draining || (x.client.ended && x.client.pendingAt === NO_ADDRESS);
  if (over) {
    linger(w, x.client);
    return;
  }
  const idleTicks = ticksOf(w, x).responseIdle;
  endExchange(w, x);
  checkBetween(x.client);
  x.client.to(CLIENT.IDLE);
  x.client.headTimed = false;
  // The last answer may still be on its way: until it has left the client is not idle.
  if (x.client.blocked) watch(w, x.client, idleTicks);
  else w.deadlines.set(x.client.slot, w.ticks.idle);
  if (x.client.paused && x.client.pendingAt === NO_ADDRESS) steerClient(w, x.client);
}

/**
 * Ends our direction, and reads on for a while: closing with unread bytes would reset the connection, and the reset can
 * overtake the answer. The wait for the answer to leave is bounded by responseIdle, that for the client's end by LINGER_MS.
 */
export function linger(w: Context, client: ClientConnection): void {
  const { responseIdle } = ticksOf(w, client.x);
  endExchange(w, client.x);
  if (client.pinned.length > 0) closePinned(w, client);
  releaseParser(w, client);
  dropPending(w, client);
  dropPartial(w, client);
  client.to(CLIENT.LINGER);
  w.engine.shutdown(client.conn);
  watch(w, client, responseIdle);
  steerClient(w, client);
}
