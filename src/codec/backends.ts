// Backend connections of one worker: an idle one is taken, a new one opened, and what comes of either after its exchange.
// Owns pooling them. Leaves the choice of server to exchange/, and what goes over them to their codec.

import type { Attempt } from '../exchange/attempt.js';
import { endAttempt } from '../exchange/attempt.js';
import { type Exchange, KIND } from '../exchange/exchange.js';
import { endCopy } from '../exchange/mirror.js';
import type { Server } from '../exchange/pools.js';
import { BACKEND, type BackendConnection, carrierOf } from './connections.js';
import type { CodecContext } from './context.js';
import { NO_HEADER, pinToClient, proxyClientOf, releaseOwner, takePinned, writeProxyHeader } from './raw/proxy-out.js';

/**
 * Takes an idle connection to the server for the exchange: of those that any may use, the one used last, which is the likeliest
 * to be alive. One that began with a PROXY header is taken by its own client alone. Null: there is none.
 */
export function takeIdle(w: CodecContext, x: Exchange, server: Server): BackendConnection | null {
  const idle =
    server.proxyProtocol === null ? (server.idleTake() as BackendConnection | null) : takePinned(w, x, server);
  if (idle === null) return null;
  idle.to(BACKEND.HEAD);
  // It is not idle any more; what it waits for now is the attempt's.
  w.deadlines.clear(idle.slot);
  idle.requests++;
  idle.attempt = x.attempt;
  idle.exchange = x;
  return idle;
}

/**
 * Opens a connection to the server for the attempt, on behalf of its client, which a PROXY header names if the server wants
 * one. Null: no room for it, or no way to say who the client is.
 */
export function openBackend(w: CodecContext, attempt: Attempt, server: Server): BackendConnection | null {
  const x = attempt.exchange;
  // What is passed on unread agrees on no protocol of ours.
  const tls = x.kind === KIND.RAW ? server.tunnelTls : server.tls;
  // Before a handshake the engine sends it; without TLS it goes out with the first bytes, once there is a connection.
  const front = server.proxyProtocol !== null && tls >= 0 ? writeProxyHeader(w, x, server) : NO_HEADER;
  if (front === null) return null;
  const conn = w.engine.connect(server.addressIndex);
  if (conn < 0) return null;
  const backend = w.backendOpen(conn, server, attempt);
  w.counters.opened++;
  w.state.connectionOpens(server.index);
  backend.tls = tls;
  if (server.proxyProtocol !== null) backend.proxyClient = proxyClientOf(w, x);
  if (tls >= 0) w.engine.tls(conn, tls, front.at, front.bytes);
  return backend;
}

/** Takes the backend connection from its attempt, which ends. */
function detach(w: CodecContext, backend: BackendConnection): void {
  const { attempt } = backend;
  backend.attempt = null;
  backend.exchange = null;
  if (backend.parser !== null) w.llhttp.releaseResponse(backend.parser);
  backend.parser = null;
  backend.parked = null;
  w.longHeads.drop(backend.longHead);
  backend.longHead = null;
  if (attempt === null) return;
  if (attempt.isCopy) endCopy(w, attempt);
  else endAttempt(w, attempt);
}

/** The plan has room for one more idle connection to its server, dialled in this way. */
function mayStay(w: CodecContext, backend: BackendConnection): boolean {
  const server = backend.server!;
  return (
    server.current &&
    backend.dialVersion === server.dialVersion &&
    !w.draining &&
    server.idle.length + server.asideCount < w.limits.idleConnectionsMax &&
    w.timeouts.backendIdleMs !== 0
  );
}

/** Keeps the connection for the next request to its server, or closes it when there are enough. */
export function keepBackend(w: CodecContext, backend: BackendConnection): void {
  const server = backend.server!;
  const x = backend.exchange!;
  const requestsMax = x.pool?.plan.limits.connectionRequestsMax ?? 0;
  const spent = requestsMax !== 0 && backend.requests >= requestsMax;
  // One that is its client's own would have to outlive it while it is set aside.
  if (spent || !mayStay(w, backend) || (backend.aside && backend.proxyProtocol !== null)) {
    closeBackend(w, backend);
    return;
  }
  const { paused } = backend;
  detach(w, backend);
  backend.to(BACKEND.IDLE);
  if (backend.aside) {
    server.asideCount++;
    w.deadlines.set(backend.slot, w.ticks.aside);
  } else {
    w.deadlines.set(backend.slot, w.ticks.backendIdle);
    server.idleAdd(backend);
  }
  if (backend.proxyProtocol !== null) {
    const tooMany = pinToClient(carrierOf(x), backend);
    if (tooMany !== null) closeBackend(w, tooMany);
  }
  if (paused) {
    // An idle connection is read, so that its end is noticed before it is used.
    backend.paused = false;
    w.engine.readStart(backend.conn, 0);
  }
}

/** Nothing followed the response for a while: from now on any request may take the connection. */
export function endAside(w: CodecContext, backend: BackendConnection): void {
  const server = backend.server!;
  server.asideCount--;
  backend.aside = false;
  if (!mayStay(w, backend)) {
    closeBackend(w, backend);
    return;
  }
  w.deadlines.set(backend.slot, w.ticks.backendIdle);
  server.idleAdd(backend);
}

/** Closes a backend connection in any state, and ends its attempt; `cut` makes the server see that it was cut. */
export function closeBackend(w: CodecContext, backend: BackendConnection, cut = false): void {
  if (backend.idleAt >= 0) backend.server!.idleRemove(backend);
  else if (backend.state === BACKEND.IDLE && backend.aside) backend.server!.asideCount--;
  releaseOwner(backend);
  detach(w, backend);
  if (cut) w.engine.resetConn(backend.conn);
  else w.engine.closeConn(backend.conn);
  w.state.connectionCloses(backend.server!.index);
  w.backendFree(backend);
}

/** Closes what a server that left the configuration has idle. Those at work are closed when they are done. */
export function dropIdle(w: CodecContext, server: Server): void {
  for (let idle = server.idleTake(); idle !== null; idle = server.idleTake())
    closeBackend(w, idle as BackendConnection);
}
