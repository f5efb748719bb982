// The end of a client connection, and of what it holds: lingering, closing, and becoming ready for its next request.

import { assert } from '../base/assert.js';
import { endExchange } from '../exchange/end.js';
import { type Exchange, NO_ADDRESS } from '../exchange/exchange.js';
import { ticksOf } from '../exchange/request-deadlines.js';
import { closeBackend } from './backends.js';
import { backendOf, CLIENT, type ClientConnection, clientOf } from './connections.js';
import type { CodecContext } from './context.js';
import { steerClient } from './flow.js';
import { watch } from './progress.js';

/** Drops what there is of a head, or of what else has to be complete before it can be looked at. */
function dropPartial(w: CodecContext, client: ClientConnection): void {
  client.parked = null;
  w.longHeads.drop(client.longHead);
  client.longHead = null;
}

/** Gives back the request's parser. */
export function releaseParser(w: CodecContext, client: ClientConnection): void {
  if (client.parser === null) return;
  w.llhttp.releaseRequest(client.parser);
  client.parser = null;
}

/** Drops what the client sent ahead. */
function dropPending(w: CodecContext, client: ClientConnection): void {
  if (client.pendingAt === NO_ADDRESS) return;
  w.engine.release(client.pendingAt);
  client.pendingAt = NO_ADDRESS;
}

/** Closes the idle connections that are pinned to a client: no other client may use them. */
function closePinned(w: CodecContext, client: ClientConnection): void {
  while (client.pinned.length > 0) closeBackend(w, client.pinned[0]!);
}

/**
 * Between two messages a client connection holds the pending bytes and nothing else: they begin with the first byte of the
 * next request. h1/LIFECYCLE.md, section 6, says for every early end of an exchange how that comes about.
 */
function checkBetween({ x, parked, parser }: ClientConnection): void {
  assert(x.request.done, 'a request is read to its end before the next begins');
  assert(!x.attempt.isOpen, 'an exchange that is over has no attempt');
  assert(
    x.headAt === NO_ADDRESS && x.keptBody.chunks.length === 0,
    'an exchange that is over keeps nothing of its request',
  );
  assert(parked === null && parser === null, 'an exchange that is over reads nothing');
  assert(!x.queued && x.wait === null, 'an exchange that is over waits for nothing');
}

/** The response is complete: the connection is ready for the next request, or is shut down. */
export function finish(w: CodecContext, x: Exchange): void {
  const client = clientOf(x);
  const { pendingAt } = client;
  if (!client.keepAlive || !x.request.done || w.draining || (client.ended && pendingAt === NO_ADDRESS)) {
    // A client that said so sends nothing more which a close could cut off. Its close_notify would be such.
    const closes = client.isLastRequest && x.request.done && pendingAt === NO_ADDRESS && client.tls === null;
    linger(w, client, closes);
    return;
  }
  const idleTicks = ticksOf(w, x).responseIdle;
  endExchange(w, x);
  checkBetween(client);
  client.to(CLIENT.IDLE);
  client.headTimed = false;
  // The last response may still be on its way: until it has left the client is not idle.
  if (client.blocked) watch(w, client, idleTicks);
  else w.deadlines.set(client.slot, w.ticks.idle);
  if (pendingAt !== NO_ADDRESS) w.woken.push(client);
  else if (client.paused) steerClient(w, client);
}

/**
 * Ends our direction, and reads on for a while: closing with unread bytes would reset the connection, and the reset can
 * overtake the response. The wait for the response to leave is bounded by responseIdle, that for the client's end by LINGER_MS.
 * `closes`: the client sends nothing more, so that it need not be waited for, unless something of it is unread.
 */
export function linger(w: CodecContext, client: ClientConnection, closes = false): void {
  const { responseIdle } = ticksOf(w, client.x);
  endExchange(w, client.x);
  closePinned(w, client);
  releaseParser(w, client);
  dropPending(w, client);
  dropPartial(w, client);
  client.to(CLIENT.LINGER);
  w.engine.shutdown(client.conn, closes);
  watch(w, client, responseIdle);
  steerClient(w, client);
}

/** Closes a client connection in any state, with all it holds; `cut` makes the client see that it was cut. */
export function closeClient(w: CodecContext, client: ClientConnection, cut = false): void {
  const { x } = client;
  if (x.attempt.isOpen) closeBackend(w, backendOf(x.attempt));
  closePinned(w, client);
  dropPartial(w, client);
  client.hello = null;
  dropPending(w, client);
  endExchange(w, x);
  releaseParser(w, client);
  if (cut) w.engine.resetConn(client.conn);
  else w.engine.closeConn(client.conn);
  w.clientFree(client);
}
