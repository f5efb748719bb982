// What happens to a backend connection when its exchange is over: kept for the next request, or closed.

import type { Context } from '../../exchange/context.js';
import { NO_ADDRESS } from '../../exchange/exchange.js';
import type { Server } from '../../exchange/pools.js';
import { BACKEND, type BackendConnection, type ClientConnection } from '../connections.js';
import { pinToClient, releaseOwner } from '../raw/proxy-out.js';

/** Takes the backend connection from its client, and the request from what its server has in flight. */
function detach(w: Context, backend: BackendConnection): void {
  if (backend.exchange !== null) backend.exchange.backend = null;
  backend.exchange = null;
  if (backend.counted) {
    w.state.requestEnds(backend.server!.index);
    w.roomFreed = true;
  }
  backend.counted = false;
  if (backend.parser !== null) w.llhttp.releaseResponse(backend.parser);
  backend.parser = null;
  backend.parked = null;
  w.longHeads.drop(backend.longHead);
  backend.longHead = null;
}

/** The plan has room for one more idle connection to its server, spoken to in this way. */
function mayStay(w: Context, backend: BackendConnection): boolean {
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
export function keepBackend(w: Context, backend: BackendConnection): void {
  const server = backend.server!;
  const requestsMax = backend.exchange?.pool?.plan.limits.connectionRequestsMax ?? 0;
  const spent = requestsMax !== 0 && backend.requests >= requestsMax;
  // One that is its client's own would have to outlive it while it is set aside.
  if (spent || !mayStay(w, backend) || (backend.aside && backend.proxyProtocol !== null)) {
    closeBackend(w, backend);
    return;
  }
  const { paused, exchange: x } = backend;
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
    const tooMany = pinToClient(x!.client, backend);
    if (tooMany !== null) closeBackend(w, tooMany);
  }
  if (paused) {
    // An idle connection is read, so that its end is noticed before it is used.
    backend.paused = false;
    w.engine.readStart(backend.conn, 0);
  }
}

/** Nothing followed the answer for a while: from now on any request may take the connection. */
export function endAside(w: Context, backend: BackendConnection): void {
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

/** Closes a backend connection in any state; `reset` makes the server see that it was cut. */
export function closeBackend(w: Context, backend: BackendConnection, reset = false): void {
  if (backend.idleAt !== NO_ADDRESS) backend.server!.idleRemove(backend);
  else if (backend.state === BACKEND.IDLE && backend.aside) backend.server!.asideCount--;
  releaseOwner(backend);
  if (backend.mirrorOf !== null) {
    const { mirrors } = backend.mirrorOf;
    const place = mirrors.indexOf(backend);
    if (place >= 0) mirrors.splice(place, 1);
    backend.mirrorOf = null;
  }
  if (backend.mirrorPool !== null) mirrorEnds(w, backend);
  detach(w, backend);
  if (reset) w.engine.resetConn(backend.conn);
  else w.engine.closeConn(backend.conn);
  w.state.connectionCloses(backend.server!.index);
  w.backendFree(backend);
}

/** Closes the idle connections that are pinned to a client: no other client may use them. */
export function closePinned(w: Context, client: ClientConnection): void {
  while (client.pinned.length > 0) closeBackend(w, client.pinned[0]!);
}

/** Takes the copy of a request from what its pool and this worker have under way. */
function mirrorEnds(w: Context, backend: BackendConnection): void {
  backend.mirrorPool!.breaker.leaves();
  backend.mirrorPool = null;
  w.mirrors--;
}

/** Closes what a server that left the configuration has idle. Those at work are closed when they are done. */
export function dropIdle(w: Context, server: Server): void {
  for (let backend = server.idleTake(); backend !== null; backend = server.idleTake()) closeBackend(w, backend);
}
