// HTTP/1 in the role of a server, toward clients: reads requests from a client connection, one after the other, and their
// bodies.
// Each chunk that arrives is held by exactly one place: the head, the pending bytes, or none (released).
// Leaves what becomes of a request to exchange/, and the end of a connection to close.ts.

import { assert } from '../../base/assert.js';
import { clientEnds, fail, requestBody, requestHead, requestRefused } from '../../exchange/events.js';
import { KIND, NO_ADDRESS } from '../../exchange/exchange.js';
import type { ReasonCode } from '../../http/reasons.js';
import { closeClient, linger, releaseParser } from '../close.js';
import { CLIENT, type ClientConnection } from '../connections.js';
import type { CodecContext } from '../context.js';
import { steerClient } from '../flow.js';
import { clientMoves, watch } from '../progress.js';
import { check } from './check.js';
import { readRequestBody } from './read-body.js';
import { hasNoVersion, readHead } from './read-head.js';

/** Bytes of a connection that speaks HTTP/1; their chunk reference passes to this function. */
export function requestData(w: CodecContext, client: ClientConnection, at: number, bytes: number): void {
  const { x, state } = client;
  if (state === CLIENT.LINGER) {
    w.engine.release(at);
  } else if (state === CLIENT.BUSY) {
    if (x.request.done || !x.isAtServer) hold(w, client, at, bytes);
    else readBody(w, client, at, bytes);
  } else if (client.blocked && state === CLIENT.IDLE) {
    hold(w, client, at, bytes);
  } else {
    readRequest(w, client, at, bytes);
  }
}

/** Keeps bytes that cannot be looked at yet, and reads no more until they can. */
function hold(w: CodecContext, client: ClientConnection, at: number, bytes: number): void {
  assert(client.pendingAt === NO_ADDRESS, 'nothing is read while bytes are held');
  client.pendingAt = at;
  client.pendingBytes = bytes;
  steerClient(w, client);
}

/** Reads a request from the bytes, and starts its exchange once the head is complete. */
function readRequest(w: CodecContext, client: ClientConnection, at: number, bytes: number): void {
  const result = readHead(w, client, at, bytes);
  if (result === 'partial') return;
  const { x } = client;
  if (result !== 'complete' && isNoPreface(w, client, at + bytes)) {
    w.count('REQUEST_MALFORMED');
    w.engine.release(client.headAt);
    client.headAt = NO_ADDRESS;
    linger(w, client);
    return;
  }
  beginExchange(w, client);
  if (client.inTheClear || result !== 'complete') {
    requestRefused(w, x, client.inTheClear || result === 'complete' ? 'TLS_EXPECTED' : result);
    return;
  }
  w.counters.requests++;
  client.to(CLIENT.BUSY);
  // From here on its exchange has a deadline, where it waits for anything.
  w.deadlines.clear(client.slot);
  client.keepAlive = x.head!.keepAlive;
  client.isLastRequest = !client.keepAlive;
  const refused = check(w, x);
  if (refused === null) requestHead(w, x);
  else fail(w, x, refused);
}

/**
 * A connection that may speak HTTP/2 has begun with neither its preface nor a request line, so no answer would be understood
 * (RFC 9113, 3.4). The bytes of the head end at `end`.
 */
function isNoPreface(w: CodecContext, client: ClientConnection, end: number): boolean {
  const { headAt, headTimed, listener } = client;
  if (!listener.plan.http2 || listener.plan.tls >= 0 || !headTimed || headAt === NO_ADDRESS) return false;
  return hasNoVersion(w.memory, headAt, end);
}

/** Begins the exchange of the head that was read, as far as its bytes are in hand; it takes over the reference on them. */
function beginExchange(w: CodecContext, client: ClientConnection): void {
  const { headAt, parser, x } = client;
  client.headAt = NO_ADDRESS;
  x.begin(KIND.REQUEST, w.ids.next(), parser === null || headAt === NO_ADDRESS ? null : parser.head, headAt);
}

/** Reads on in the body of the request. The chunk reference passes to this function; what follows the body is pending. */
function readBody(w: CodecContext, client: ClientConnection, at: number, bytes: number): void {
  assert(client.pendingAt === NO_ADDRESS, 'a body is read only while nothing behind it is held');
  const { x } = client;
  const { rest } = w;
  let refused: ReasonCode | null = null;
  if (readRequestBody(w, client, at, bytes)) {
    refused = requestBody(w, x);
  } else {
    // Where the next request begins is not known any more.
    client.keepAlive = false;
    rest.bytes = 0;
    refused = 'REQUEST_MALFORMED';
  }
  if (rest.bytes > 0) {
    client.pendingAt = rest.at;
    client.pendingBytes = rest.bytes;
  } else {
    w.engine.release(at);
  }
  if (refused !== null) {
    fail(w, x, refused);
    return;
  }
  if (x.request.done && x.headAt === NO_ADDRESS) releaseParser(w, client);
  steerClient(w, client);
}

/** The client will send no more. */
export function clientEnded(w: CodecContext, client: ClientConnection): void {
  client.ended = true;
  switch (client.state) {
    case CLIENT.IDLE:
    case CLIENT.HEAD:
      // Not closed at once: the last response may still be on its way out.
      linger(w, client);
      break;
    case CLIENT.LINGER:
      if (client.finished) closeClient(w, client);
      break;
    default:
      clientEnds(w, client.x, client.pendingAt !== NO_ADDRESS);
  }
}

/** The client's connection is dead. */
export function clientFailed(w: CodecContext, client: ClientConnection): void {
  if (client.state === CLIENT.BUSY) fail(w, client.x, 'CLIENT_LEFT');
  else closeClient(w, client);
}

/** Everything the client was sent has left, and our end of the connection with it. */
export function clientFinished(w: CodecContext, client: ClientConnection, mayClose: boolean): void {
  client.finished = true;
  if (client.state !== CLIENT.LINGER) return;
  if (client.ended || mayClose) closeClient(w, client);
  else watch(w, client, w.ticks.linger);
}

/** The deadline of the state has passed. */
export function clientLate(w: CodecContext, client: ClientConnection): void {
  if (clientMoves(w, client)) return;
  switch (client.state) {
    case CLIENT.HEAD:
      beginExchange(w, client);
      requestRefused(w, client.x, 'HEAD_TIMEOUT');
      break;
    case CLIENT.BUSY:
      // It takes nothing of what waits for it.
      fail(w, client.x, 'CLIENT_LEFT');
      break;
    default:
      closeClient(w, client);
  }
}

/**
 * Reads on with what the client has sent already: the rest of a body, or the next request. Called by the dispatcher alone, once
 * an event is handled that may have made that possible (`woken`).
 */
export function resume(w: CodecContext, client: ClientConnection): void {
  const { x } = client;
  if (client.state === CLIENT.BUSY) {
    if (client.pendingAt === NO_ADDRESS || x.request.done || !x.isAtServer) return;
    readBody(w, client, takePending(client), client.pendingBytes);
    return;
  }
  // Not while a response waits to leave: a client that reads nothing must not be answered without end.
  if (client.state === CLIENT.IDLE && client.pendingAt !== NO_ADDRESS && !client.blocked)
    readRequest(w, client, takePending(client), client.pendingBytes);
  if (client.state !== CLIENT.IDLE && client.state !== CLIENT.HEAD) return;
  if (client.ended && client.pendingAt === NO_ADDRESS) linger(w, client);
  else steerClient(w, client);
}

/** The pending bytes, with their chunk reference. */
function takePending(client: ClientConnection): number {
  const at = client.pendingAt;
  client.pendingAt = NO_ADDRESS;
  return at;
}
