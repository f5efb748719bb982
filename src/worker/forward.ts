// Sends a request on: a server is chosen, a connection taken, the head and what there is of the body sent.

import { ALL_BUSY } from '../balance/view.js';
import { assert } from '../base/assert.js';
import { BODY } from '../http/framing.js';
import { isIdempotent } from '../http/methods.js';
import type { ReasonCode } from '../http/reasons.js';
import { fail } from './answer.js';
import { chooseServer, takeConnection } from './choose-server.js';
import { reroute } from './client.js';
import { BACKEND, type BackendConnection, CLIENT, type ClientConnection, NOWHERE } from './connections.js';
import { mirrorBody } from './filters/mirror.js';
import { releaseRequest } from './finish.js';
import { steerClient } from './flow.js';
import { resendBody } from './kept-body.js';
import type { Server } from './pools.js';
import { lastPiece, RELAYED, relayRequest, rest } from './relay.js';
import { sendRequestHead } from './send-head.js';
import { waitForRoom } from './waiting.js';
import { requestSent, waitForBody, waitForServer } from './waits.js';
import type { Worker } from './worker.js';

/**
 * Finds a server for the request and sends it there, now or when the connection is ready. `failed` is why the last try
 * failed: it is the answer when no other server is left.
 */
export function forward(w: Worker, client: ClientConnection, failed: ReasonCode | null): void {
  const pool = client.pool!;
  if (pool.retired) {
    reroute(w, client);
    return;
  }
  // A new request does not overtake those that wait.
  const index = pool.limited && failed === null && pool.line.busy() ? ALL_BUSY : chooseServer(client);
  if (index === ALL_BUSY) waitForRoom(w, client);
  else if (index < 0) fail(w, client, failed ?? 'NO_SERVER');
  else sendTo(w, client, w.servers.byIndex[index]!);
}

/** Sends the request to a server that has counted it in, now or when the connection is ready. */
export function sendTo(w: Worker, client: ClientConnection, server: Server): void {
  const reason = takeConnection(w, client, server);
  if (reason !== null) {
    fail(w, client, reason);
    return;
  }
  client.tries++;
  const backend = client.backend!;
  if (backend.state === BACKEND.CONNECTING) {
    waitForServer(w, client);
    steerClient(w, client);
  } else {
    sendRequest(w, client, backend);
  }
}

/** The connection is ready: the request goes out, and stays in hand as long as it may be sent again. */
export function sendRequest(w: Worker, client: ClientConnection, backend: BackendConnection): void {
  const { request } = client;
  client.to(CLIENT.EXCHANGE);
  if (backend.state === BACKEND.CONNECTING) backend.to(BACKEND.HEAD);
  const again = client.sent;
  client.sent = true;
  const bodyHere = client.keptBody.bytes > 0 || (!request.done && client.pendingAt !== NOWHERE);
  if (!sendRequestHead(w, client, backend, bodyHere)) {
    fail(w, client, 'OVERLOADED');
    return;
  }
  const rule = client.rule!;
  if (!client.mirrored && !client.upgrade) {
    client.mirrored = true;
    for (const mirror of rule.mirrors) mirror.begin(w, client, bodyHere);
  }
  if (!again) {
    client.keeping = mayKeep(w, client);
    if (request.kind === BODY.chunked && !request.done) client.parser!.chunked.begin(false);
  } else if (!resendBody(w, client, backend)) {
    fail(w, client, 'OVERLOADED');
    return;
  }
  if (!request.done && client.pendingAt !== NOWHERE) {
    const at = client.pendingAt;
    client.pendingAt = NOWHERE;
    sendBody(w, client, backend, at, client.pendingBytes);
  }
  if (client.backend !== backend) return; // the body was not what its framing said
  if (!client.keeping) releaseRequest(w, client);
  if (request.done) requestSent(w, client, backend);
  else waitForBody(w, client, backend);
  steerClient(w, client);
}

/**
 * The request may be sent a second time, should its server fail before it answers: its method allows it, and its body is
 * none, or is small. A slab that is filling up takes that right away.
 */
function mayKeep(w: Worker, client: ClientConnection): boolean {
  const { request } = client;
  if (!isIdempotent(client.method)) return false;
  if (request.kind === BODY.none) return !w.slabIsTight();
  return isSmall(w, client, request.kind === BODY.counted ? request.left : 0);
}

/** Whether a body of at least `bytes` bytes is kept for another try; counted once for each request when it is not. */
function isSmall(w: Worker, client: ClientConnection, bytes: number): boolean {
  if (bytes > client.rule!.retryBodyBytesMax) w.counters.countNotKept('tooLong');
  else if (w.slabIsTight()) w.counters.countNotKept('noRoom');
  else return true;
  return false;
}

/** Keeps the piece of the body that went out last, or gives up another try when there is no room for it. */
function keepPiece(w: Worker, client: ClientConnection): void {
  const { keptBody } = client;
  keptBody.trailers = lastPiece.trailers;
  const fits = isSmall(w, client, client.bodyBytesTotal);
  if (fits && keptBody.add(w.engine, w.memory, lastPiece.at, lastPiece.bytes)) return;
  if (fits) w.counters.countNotKept('noRoom');
  releaseRequest(w, client);
}

/** Passes bytes of the request body on; the chunk reference passes to this function. What follows the body is pending. */
export function sendBody(
  w: Worker,
  client: ClientConnection,
  backend: BackendConnection,
  at: number,
  bytes: number,
): void {
  assert(client.pendingAt === NOWHERE, 'a body is read only while nothing behind it is held');
  const result = relayRequest(w, client, backend, at, bytes);
  const relayed = result === RELAYED.more || result === RELAYED.done;
  if (relayed && client.mirrors.length > 0) mirrorBody(w, client);
  if (relayed && client.keeping) keepPiece(w, client);
  if (result === RELAYED.done && rest.bytes > 0) {
    client.pendingAt = rest.at;
    client.pendingBytes = rest.bytes;
  } else {
    w.engine.release(at);
    // What stood behind the place where the reading stopped is dropped: no further request may be read from here.
    if (!relayed) client.keepAlive = false;
  }
  if (result === RELAYED.tooLarge) fail(w, client, 'BODY_TOO_LARGE');
  else if (result === RELAYED.invalid) fail(w, client, 'REQUEST_MALFORMED');
  else if (result === RELAYED.noRoom) fail(w, client, 'OVERLOADED');
}
