// Back-pressure: a side that cannot take more stops the reading of the other; and how much is received at a time.
// Owns the decision whether to read. Each rule is a state, not an event, so it can be asked at any time.

import { CHUNK_BYTES } from '../engine/layout.js';
import { clientBlocked, responseGoesOn } from '../exchange/events.js';
import { type Exchange, NO_ADDRESS } from '../exchange/exchange.js';
import { measureBody, requestSent, ticksOf } from '../exchange/request-deadlines.js';
import { BACKEND, type BackendConnection, CLIENT, type ClientConnection, clientOf } from './connections.js';
import type { CodecContext } from './context.js';
import { watch, watchTunnel } from './progress.js';

/** From so many bytes on a body is worth a word to the engine. */
export const BULK_BYTES = 2 * CHUNK_BYTES;

/** The most chunks that the engine takes as a number. */
const CHUNKS_MAX = 2 ** 31 - 1;

/**
 * Lets the engine receive several chunks of a body at a time, of which `bytes` bytes are still to come. Rounded down, so
 * that what follows a body never comes in an event after the one with its end.
 */
export function readBulk(w: CodecContext, conn: number, bytes: number): void {
  w.engine.readMany(conn, Math.min(Math.floor(bytes / CHUNK_BYTES), CHUNKS_MAX));
}

/**
 * Lets the engine receive the next response of a connection that is kept as many chunks at a time as its last one took: one
 * is mostly as long as the one before.
 */
export function expectAlike(w: CodecContext, backend: BackendConnection): void {
  const { conn, responseBytes } = backend;
  const isBulk = responseBytes >= BULK_BYTES;
  if (isBulk || backend.bulk) w.engine.readMany(conn, isBulk ? Math.ceil(responseBytes / CHUNK_BYTES) : 0);
  backend.bulk = isBulk;
  backend.responseBytes = 0;
}

function clientMayRead({ pendingAt, state, x }: ClientConnection): boolean {
  if (pendingAt !== NO_ADDRESS) return state === CLIENT.LINGER;
  const { backend } = x.attempt;
  switch (state) {
    case CLIENT.BUSY:
      return x.request.done || (x.isAtServer && backend !== null && !backend.blocked);
    case CLIENT.TUNNEL:
      return backend !== null && !backend.blocked;
    default:
      return true;
  }
}

/** Starts or stops reading from the client, as its state asks for. */
export function steerClient(w: CodecContext, client: ClientConnection): void {
  const paused = !clientMayRead(client);
  if (paused === client.paused || client.ended) return;
  client.paused = paused;
  if (paused) w.engine.readStop(client.conn);
  else w.engine.readStart(client.conn, client.parked === null ? 0 : client.parked.length);
}

/** Starts or stops reading from the server: it waits while the client takes nothing. */
function steerBackend(w: CodecContext, backend: BackendConnection): void {
  const paused = backend.exchange?.client.blocked === true;
  if (paused === backend.paused || backend.ended) return;
  backend.paused = paused;
  if (paused) w.engine.readStop(backend.conn);
  else w.engine.readStart(backend.conn, backend.parked === null ? 0 : backend.parked.length);
}

/** The client's socket takes no more, or takes bytes again. */
export function clientFlow(w: CodecContext, client: ClientConnection, blocked: boolean): void {
  client.blocked = blocked;
  const { x } = client;
  // Nothing waits for it any more.
  if (!blocked && client.state === CLIENT.BUSY) w.deadlines.clear(client.slot);
  if (clientBlocked(w, x) && blocked) watch(w, client, ticksOf(w, x).responseIdle);
  if (client.state === CLIENT.IDLE && !client.handshaking) {
    if (blocked) watch(w, client, w.ticks.responseIdle);
    else w.deadlines.set(client.slot, w.ticks.idle);
    if (!blocked && client.pendingAt !== NO_ADDRESS) w.woken.push(client);
  } else if (client.state === CLIENT.TUNNEL) tunnelFlow(w, client, client, blocked);
  steerServer(w, x);
}

/** Starts or stops reading from the server of an exchange whose client takes no more, or takes bytes again. */
export function steerServer(w: CodecContext, x: Exchange): void {
  const backend = x.attempt.backend as BackendConnection | null;
  if (backend !== null) steerBackend(w, backend);
}

/** One side of a tunnel takes no more, or takes bytes again; the deadline of both is the client's. */
function tunnelFlow(
  w: CodecContext,
  client: ClientConnection,
  side: ClientConnection | BackendConnection,
  blocked: boolean,
): void {
  const { tunnelIdle } = ticksOf(w, client.x);
  if (blocked) watchTunnel(w, client, side, tunnelIdle);
  else w.deadlines.set(client.slot, tunnelIdle);
}

/** The server's socket takes no more, or takes bytes again. */
export function backendFlow(w: CodecContext, backend: BackendConnection, blocked: boolean): void {
  backend.blocked = blocked;
  const x = backend.exchange;
  if (x === null) return;
  if (!blocked) w.deadlines.clear(backend.slot);
  if (backend.state === BACKEND.TUNNEL) tunnelFlow(w, clientOf(x), backend, blocked);
  else if (!x.request.done) {
    const { requestBody } = ticksOf(w, x);
    w.exchangeDeadlines.set(x.id, blocked ? 0 : requestBody, x.expires);
    w.attemptDeadlines.set(x.attempt.id, 0, x.attempt.expires);
    if (blocked) watch(w, backend, requestBody);
    measureBody(w, x);
  } else if (!blocked) {
    // Only now the server has it all.
    if (backend.state === BACKEND.HEAD) requestSent(w, x);
    // What it sends of its response was not waited for as long as it took bytes.
    else if (backend.state === BACKEND.BODY) responseGoesOn(w, x);
  }
  w.clientStream.steer(w, x);
}
