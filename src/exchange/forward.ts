// Sends a request on: a server is chosen, a connection taken, the head and what there is of the body sent.

import { ALL_BUSY } from '../balance/view.js';
import { assert } from '../base/assert.js';
import { BACKEND, type BackendConnection } from '../codec/connections.js';
import { steerClient } from '../codec/flow.js';
import { releaseRequest } from '../codec/h1/finish.js';
import { lastPiece, RELAYED, relayRequest, rest } from '../codec/h1/relay.js';
import { resendBody } from '../codec/h1/resend-body.js';
import { sendRequestHead } from '../codec/h1/send-head.js';
import { reroute } from '../codec/h1/server.js';
import { BODY } from '../http/framing.js';
import { isIdempotent } from '../http/methods.js';
import type { ReasonCode } from '../http/reasons.js';
import { chooseServer, takeConnection } from './choose-server.js';
import type { Context } from './context.js';
import { type Exchange, NO_ADDRESS, STAGE } from './exchange.js';
import { fail } from './local-reply.js';
import { beginCopies, mirrorBody } from './mirror.js';
import { showPiece } from './phases.js';
import type { Server } from './pools.js';
import { waitForRoom } from './waiting.js';
import { requestSent, waitForBody, waitForServer } from './waits.js';

/**
 * Finds a server for the request and sends it there, now or when the connection is ready. `failed` is why the last try
 * failed: it is the answer when no other server is left.
 */
export function forward(w: Context, x: Exchange, failed: ReasonCode | null): void {
  const pool = x.pool!;
  if (pool.retired) {
    reroute(w, x);
    return;
  }
  // A new request does not overtake those that wait.
  const index = pool.limited && failed === null && pool.line.busy() ? ALL_BUSY : chooseServer(x);
  if (index === ALL_BUSY) waitForRoom(w, x);
  else if (index < 0) fail(w, x, failed ?? 'NO_SERVER');
  else sendTo(w, x, w.servers.byIndex[index]!);
}

/** Sends the request to a server that has counted it in, now or when the connection is ready. */
export function sendTo(w: Context, x: Exchange, server: Server): void {
  const reason = takeConnection(w, x, server);
  if (reason !== null) {
    fail(w, x, reason);
    return;
  }
  x.tries++;
  x.server = server;
  const backend = x.backend!;
  if (backend.state === BACKEND.CONNECTING) {
    x.to(STAGE.CONNECTING);
    waitForServer(w, x);
    steerClient(w, x.client);
  } else {
    sendRequest(w, x, backend);
  }
}

/** The connection is ready: the request goes out, and stays in hand as long as it may be sent again. */
export function sendRequest(w: Context, x: Exchange, backend: BackendConnection): void {
  const { request } = x;
  x.to(STAGE.SENDING);
  if (backend.state === BACKEND.CONNECTING) backend.to(BACKEND.HEAD);
  const edit = x.rule!.phases.editAttempt(x, w.headEdit);
  const again = x.sent;
  x.sent = true;
  const bodyHere = x.keptBody.bytes > 0 || (!request.done && x.client.pendingAt !== NO_ADDRESS);
  if (!sendRequestHead(w, x, backend, edit, bodyHere)) {
    w.copiesDue.length = 0;
    fail(w, x, 'OVERLOADED');
    return;
  }
  if (w.copiesDue.length > 0) beginCopies(w, x, edit, bodyHere);
  if (!again) {
    x.keeping = mayKeep(w, x);
    if (request.kind === BODY.chunked && !request.done) x.client.parser!.chunked.begin(false);
  } else if (!resendBody(w, x, backend)) {
    fail(w, x, 'OVERLOADED');
    return;
  }
  if (!request.done && x.client.pendingAt !== NO_ADDRESS) {
    const at = x.client.pendingAt;
    x.client.pendingAt = NO_ADDRESS;
    sendBody(w, x, backend, at, x.client.pendingBytes);
  }
  if (x.backend !== backend) return; // the body was not what its framing said
  if (!x.keeping) releaseRequest(w, x);
  if (request.done) requestSent(w, x, backend);
  else waitForBody(w, x, backend);
  steerClient(w, x.client);
}

/**
 * The request may be sent a second time, should its server fail before it answers: its method allows it, and its body is
 * none, or is small. A slab that is filling up takes that right away.
 */
function mayKeep(w: Context, x: Exchange): boolean {
  const { request } = x;
  if (!isIdempotent(x.method)) return false;
  if (request.kind === BODY.none) return !w.slabIsTight();
  return isSmall(w, x, request.kind === BODY.counted ? request.left : 0);
}

/** Whether a body of at least `bytes` bytes is kept for another try; counted once for each request when it is not. */
function isSmall(w: Context, x: Exchange, bytes: number): boolean {
  if (bytes > x.rule!.retryBodyBytesMax) w.counters.countNotKept('tooLong');
  else if (w.slabIsTight()) w.counters.countNotKept('noRoom');
  else return true;
  return false;
}

/** Keeps the piece of the body that went out last, or gives up another try when there is no room for it. */
function keepPiece(w: Context, x: Exchange): void {
  const { keptBody } = x;
  keptBody.trailers = lastPiece.trailers;
  const fits = isSmall(w, x, x.bodyBytesTotal);
  if (fits && keptBody.add(w.engine, w.memory, lastPiece.at, lastPiece.bytes)) return;
  if (fits) w.counters.countNotKept('noRoom');
  releaseRequest(w, x);
}

/** Passes bytes of the request body on; the chunk reference passes to this function. What follows the body is pending. */
export function sendBody(w: Context, x: Exchange, backend: BackendConnection, at: number, bytes: number): void {
  assert(x.client.pendingAt === NO_ADDRESS, 'a body is read only while nothing behind it is held');
  const result = relayRequest(w, x, backend, at, bytes);
  const relayed = result === RELAYED.more || result === RELAYED.done;
  if (relayed && x.mirrors.length > 0) mirrorBody(w, x);
  if (relayed && x.keeping) keepPiece(w, x);
  const { requestBody } = x.rule!.phases;
  let refused: ReasonCode | null = null;
  if (relayed && requestBody.length > 0) {
    lastPiece.end = x.request.done;
    refused = showPiece(requestBody, x, lastPiece);
  }
  if (result === RELAYED.done && rest.bytes > 0) {
    x.client.pendingAt = rest.at;
    x.client.pendingBytes = rest.bytes;
  } else {
    w.engine.release(at);
    // What stood behind the place where the reading stopped is dropped: no further request may be read from here.
    if (!relayed) x.client.keepAlive = false;
  }
  if (refused !== null) fail(w, x, refused);
  else if (result === RELAYED.tooLarge) fail(w, x, 'BODY_TOO_LARGE');
  else if (result === RELAYED.invalid) fail(w, x, 'REQUEST_MALFORMED');
  else if (result === RELAYED.noRoom) fail(w, x, 'OVERLOADED');
}
