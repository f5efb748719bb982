// What happens on a client connection: its state machine, drawn in connections.ts, one function per kind of event.
// Each chunk that arrives is held by exactly one place: the head, the pending bytes, or nobody (released).

import { assert } from '../../base/assert.js';
import { keyOf, sessionOf } from '../../exchange/affinity.js';
import type { Context } from '../../exchange/context.js';
import { Deadlines } from '../../exchange/deadlines.js';
import { type Exchange, KIND, NO_ADDRESS, STAGE } from '../../exchange/exchange.js';
import { VERDICT, type Verdict } from '../../exchange/filter.js';
import type { FilterWait } from '../../exchange/filter-wait.js';
import { forward, sendBody } from '../../exchange/forward.js';
import { fail } from '../../exchange/local-reply.js';
import { mirrorsDrop } from '../../exchange/mirror.js';
import { resume } from '../../exchange/retry.js';
import { enterPool, leavePool } from '../../exchange/waiting.js';
import { bodyTooSlow, requestSent, ticksOf, waitForServer } from '../../exchange/waits.js';
import type { Head } from '../../http/head.js';
import type { Rule } from '../../worker/rules.js';
import { CLIENT, type ClientConnection } from '../connections.js';
import { steerClient } from '../flow.js';
import { clientMoves, watch } from '../progress.js';
import { admit, admitAgain, askFilters } from './admit.js';
import { dropPartial, dropPending, endExchange, linger, releaseParser } from './finish.js';
import { readHead } from './read-head.js';
import { closeBackend, closePinned } from './reuse.js';

/** Bytes from the client; their chunk reference passes to this function. */
export function clientData(w: Context, client: ClientConnection, at: number, bytes: number): void {
  switch (client.state) {
    case CLIENT.IDLE:
    case CLIENT.HEAD:
      if (client.blocked && client.state === CLIENT.IDLE) {
        hold(w, client, at, bytes);
        break;
      }
      readRequest(w, client, at, bytes);
      serve(w, client);
      break;
    case CLIENT.BUSY:
      if (client.x.request.done || !client.x.isAtServer) {
        hold(w, client, at, bytes);
      } else {
        const backend = client.x.backend!;
        sendBody(w, client.x, backend, at, bytes);
        bodyMoved(w, client);
        serve(w, client);
      }
      break;
    default:
      w.engine.release(at);
  }
}

/** Keeps bytes that cannot be looked at yet, and reads no more until they can. */
function hold(w: Context, client: ClientConnection, at: number, bytes: number): void {
  assert(client.pendingAt === NO_ADDRESS, 'nothing is read while bytes are held');
  client.pendingAt = at;
  client.pendingBytes = bytes;
  steerClient(w, client);
}

/** Sets the deadlines after a piece of the request body, and gives back the parser after the last. */
function bodyMoved(w: Context, client: ClientConnection): void {
  const { backend } = client.x;
  if (!client.x.isAtServer || backend === null) return;
  if (!client.x.request.done) {
    if (backend.blocked) return;
    if (w.deadlines.now >= client.bodyRateAt && bodyTooSlow(w, client.x)) {
      fail(w, client.x, 'BODY_TIMEOUT');
      return;
    }
    w.deadlines.set(client.slot, ticksOf(w, client.x).requestBody, client.x.expires);
    return;
  }
  if (client.x.headAt === NO_ADDRESS) releaseParser(w, client);
  if (!client.x.responseStarted || !client.blocked) requestSent(w, client.x, backend);
  steerClient(w, client);
}

/** Reads a request from the bytes, and starts its exchange once the head is complete. */
function readRequest(w: Context, client: ClientConnection, at: number, bytes: number): void {
  const result = readHead(w, client, at, bytes);
  if (result === 'partial') return;
  const refused = client.inTheClear ? 'TLS_EXPECTED' : result;
  if (refused !== 'complete') {
    client.x.begin(KIND.REQUEST, w.ids.next(), headInHand(client));
    fail(w, client.x, refused);
    return;
  }
  startExchange(w, client.x);
}

/** The head that is being read, or was; null when its bytes are not in hand. */
function headInHand({ parser, x }: ClientConnection): Head | null {
  return parser === null || x.headAt === NO_ADDRESS ? null : parser.head;
}

function startExchange(w: Context, x: Exchange): void {
  w.counters.requests++;
  x.begin(KIND.REQUEST, w.ids.next(), headInHand(x.client));
  x.client.to(CLIENT.BUSY);
  x.client.keepAlive = x.head!.keepAlive;
  goOn(w, x, admit(w, x), true);
}

/**
 * Routes a request whose pool is gone as if it came now. Its head is in hand, and nothing of an answer was sent. Only where
 * it goes is asked anew: how much of its body has been read stays as it is, and what was kept of it goes out again.
 */
export function reroute(w: Context, x: Exchange): void {
  x.to(STAGE.FILTERING);
  leavePool(x);
  x.pool = null;
  x.resume = null;
  x.fellBack = false;
  x.tried.clear();
  x.releaseTarget(w.engine);
  goOn(w, x, admitAgain(w, x), false);
}

/** Does what the verdict says. `begins`: the time of the whole request begins now. */
function goOn(w: Context, x: Exchange, verdict: Verdict, begins: boolean): void {
  if (verdict === VERDICT.ANSWERED) return;
  if (begins) {
    const late = x.rule!.ticks.request;
    x.expires = late === 0 ? 0 : w.deadlines.now + late;
  }
  if (verdict === VERDICT.WAIT) holdUp(w, x, x.wait!);
  else toPool(w, x, x.rule!);
}

/** A filter holds the request up. What comes from the client meanwhile is kept, as for one that waits for a server. */
function holdUp(w: Context, x: Exchange, wait: FilterWait): void {
  w.deadlines.set(x.client.slot, Deadlines.ticks(wait.ms), x.expires);
  steerClient(w, x.client);
}

/** Goes on with a request that a filter held up, as the filter said. The rule is that of the plan under which it came. */
export function resumeFilters(w: Context, x: Exchange, wait: FilterWait): void {
  if (w.closed) return;
  assert(x.wait === wait && x.stage === STAGE.FILTERING, 'a wait ends with its exchange');
  const { said } = wait;
  wait.end(false);
  x.wait = null;
  if (said === null) goOn(w, x, askFilters(w, x, wait.next), false);
  else if (typeof said === 'string') fail(w, x, said);
  else w.filterTools.reply(x, said);
  serve(w, x.client);
  w.engine.run();
}

/** Sends the request to a pool of the rule. */
function toPool(w: Context, x: Exchange, rule: Rule): void {
  if (rule.fallback !== null) x.fallbackKey = keyOf(w, x, rule.fallback);
  x.pool = rule.choose(w, x);
  if (x.pool?.retired) {
    // A filter held the request up over a reload: it goes on under the new plan, with the pool of the same name if there is one.
    x.pool = w.poolNamed(x.pool.plan.name) ?? null;
    if (x.pool === null) {
      reroute(w, x);
      return;
    }
  }
  if (x.pool === null) fail(w, x, 'POOL_UNKNOWN');
  else if (!enterPool(x)) fail(w, x, 'POOL_FULL');
  else {
    x.pool.retries.requestBegins();
    x.session = sessionOf(w, x.pool, x.head!);
    x.key = keyOf(w, x, x.pool);
    forward(w, x, null);
  }
}

/** Goes on with what the client sent ahead, as far as exchanges are over at once. */
export function serve(w: Context, client: ClientConnection): void {
  // Not while an answer waits to leave: a client that reads nothing must not be answered without end.
  while (client.state === CLIENT.IDLE && client.pendingAt !== NO_ADDRESS && !client.blocked) {
    const at = client.pendingAt;
    client.pendingAt = NO_ADDRESS;
    readRequest(w, client, at, client.pendingBytes);
  }
  if (client.state !== CLIENT.IDLE && client.state !== CLIENT.HEAD) return;
  if (client.ended && client.pendingAt === NO_ADDRESS) linger(w, client);
  else steerClient(w, client);
}

/** The client will send no more. */
export function clientEnded(w: Context, client: ClientConnection): void {
  client.ended = true;
  switch (client.state) {
    case CLIENT.IDLE:
    case CLIENT.HEAD:
      // Not closed at once: the last answer may still be on its way out.
      linger(w, client);
      break;
    case CLIENT.LINGER:
      if (client.finished) closeClient(w, client);
      break;
    default:
      if (!client.x.request.done && client.pendingAt === NO_ADDRESS) fail(w, client.x, 'CLIENT_LEFT');
      // What the request waits for has a deadline already: room, its next try, a filter, or that the client reads.
      else if (!client.x.queued && client.x.resume === null && client.x.wait === null && !client.blocked)
        waitForServer(w, client.x);
  }
}

/** The client's connection is dead. */
export function clientFailed(w: Context, client: ClientConnection): void {
  if (client.state === CLIENT.BUSY) fail(w, client.x, 'CLIENT_LEFT');
  else closeClient(w, client);
}

/** Everything the client was sent has left, and our end of the connection with it. */
export function clientFinished(w: Context, client: ClientConnection): void {
  client.finished = true;
  if (client.state !== CLIENT.LINGER) return;
  if (client.ended) closeClient(w, client);
  else watch(w, client, w.ticks.linger);
}

/** The deadline of the state has passed. */
export function clientLate(w: Context, client: ClientConnection): void {
  if (clientMoves(w, client)) return;
  switch (client.state) {
    case CLIENT.HEAD:
      client.x.begin(KIND.REQUEST, w.ids.next(), headInHand(client));
      fail(w, client.x, 'HEAD_TIMEOUT');
      break;
    case CLIENT.BUSY:
      if (client.x.expires !== 0 && w.deadlines.now >= client.x.expires) {
        fail(w, client.x, 'REQUEST_TIMEOUT');
        serve(w, client);
      } else if (client.x.queued) {
        fail(w, client.x, 'QUEUE_TIMEOUT');
        serve(w, client);
      } else if (client.x.resume !== null) {
        resume(w, client.x);
        serve(w, client);
      } else if (client.x.wait !== null) {
        fail(w, client.x, 'FILTER_TIMEOUT');
        serve(w, client);
      } else fail(w, client.x, client.ended || client.blocked ? 'CLIENT_LEFT' : 'BODY_TIMEOUT');
      break;
    default:
      closeClient(w, client);
  }
}

/** Closes a client connection in any state, with all it holds; `reset` makes the client see that it was cut. */
export function closeClient(w: Context, client: ClientConnection, reset = false): void {
  if (client.x.backend !== null) closeBackend(w, client.x.backend);
  if (client.x.mirrors.length > 0) mirrorsDrop(w, client.x);
  if (client.pinned.length > 0) closePinned(w, client);
  dropPartial(w, client);
  client.hello = null;
  dropPending(w, client);
  endExchange(w, client.x);
  releaseParser(w, client);
  if (reset) w.engine.resetConn(client.conn);
  else w.engine.closeConn(client.conn);
  w.clientFree(client);
}
