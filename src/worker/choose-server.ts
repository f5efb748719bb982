// Chooses a server in the pool, and finds or opens a connection to it.

import { isIdempotent } from '../http/methods.js';
import type { ReasonCode } from '../http/reasons.js';
import { BACKEND, type BackendConnection, type ClientConnection } from './connections.js';
import type { Server } from './pools.js';
import type { Worker } from './worker.js';

/** Picks a server and counts the request there. Returns its index, NO_SERVER, or ALL_BUSY when none has room. */
export function chooseServer(client: ClientConnection): number {
  return client.pool!.begin(client.session, client.key, client.tried);
}

/** A request that cannot be sent twice keeps off the kept connections of a server that closed one as it was used. */
function isRisky(w: Worker, client: ClientConnection, server: Server): boolean {
  return w.deadlines.now < server.hastyUntil && !isIdempotent(client.method);
}

/**
 * Gives the client connection a backend connection: an idle one, which is ready at once, or a new one, which has to
 * connect first. Returns null, or the reason why there is none.
 */
export function takeConnection(w: Worker, client: ClientConnection, server: Server): ReasonCode | null {
  const idle = client.fresh || isRisky(w, client, server) ? null : server.idleTake();
  if (idle !== null) {
    idle.reused = true;
    idle.requests++;
    idle.counted = true;
    idle.state = BACKEND.HEAD;
    idle.client = client;
    client.backend = idle;
    w.counters.reused++;
    return null;
  }
  const conn = w.engine.connect(server.target);
  if (conn < 0) {
    w.state.requestEnds(server.index);
    return 'OVERLOADED';
  }
  // What is passed on unread agrees on no protocol of ours.
  client.backend = openBackend(w, conn, server, client.rule === null ? server.tunnelTls : server.tls, client);
  return null;
}

/**
 * Dresses up a backend connection for a handle that is connecting, under the engine's TLS context `tls` unless that is -1.
 * The request is counted at its server already.
 */
export function openBackend(
  w: Worker,
  conn: number,
  server: Server,
  tls: number,
  client: ClientConnection | null,
): BackendConnection {
  const backend = w.backendOpen(conn);
  w.counters.opened++;
  w.state.connectionOpens(server.index);
  backend.state = BACKEND.CONNECTING;
  backend.server = server;
  backend.client = client;
  backend.parser = null;
  backend.parked = null;
  backend.reused = false;
  backend.tls = tls;
  if (tls >= 0) w.engine.tls(conn, tls);
  backend.requests = 1;
  backend.keepAlive = false;
  backend.counted = true;
  backend.idleAt = -1;
  backend.blocked = false;
  backend.paused = false;
  backend.ended = false;
  backend.finished = false;
  backend.waitingBytes = 0;
  backend.mirrorOf = null;
  backend.expires = 0;
  w.deadlines.set(backend.slot, w.ticks.connect);
  return backend;
}
