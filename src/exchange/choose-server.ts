// Chooses a server in the pool, and finds or opens a connection to it.

import { BACKEND, type BackendConnection } from '../codec/connections.js';
import { proxyClientOf, takePinned, type Written, writeProxyHeader } from '../codec/raw/proxy-out.js';
import { isIdempotent } from '../http/methods.js';
import type { ReasonCode } from '../http/reasons.js';
import type { Context } from './context.js';
import { type Exchange, KIND } from './exchange.js';
import type { Server } from './pools.js';

/** No bytes in front of a handshake. */
const NOTHING: Written = { at: 0, bytes: 0 };

/** Picks a server and counts the request there. Returns its index, NO_SERVER, or ALL_BUSY when none has room. */
export function chooseServer(x: Exchange): number {
  return x.pool!.begin(x.session, x.key, x.tried);
}

/** A request that cannot be repeated avoids the pooled connections of a server that closed one in use. */
function isRisky(w: Context, x: Exchange, server: Server): boolean {
  return w.deadlines.now < server.staleReuseUntil && !isIdempotent(x.method);
}

/**
 * Gives the client connection a backend connection: an idle one, which is ready at once, or a new one, which has to
 * connect first. Returns null, or the reason why there is none.
 */
export function takeConnection(w: Context, x: Exchange, server: Server): ReasonCode | null {
  const idle = x.fresh || isRisky(w, x, server) ? null : takeIdle(w, x, server);
  if (idle !== null) {
    idle.reused = true;
    idle.takenIn = w.batch;
    idle.requests++;
    idle.counted = true;
    idle.to(BACKEND.HEAD);
    idle.exchange = x;
    x.backend = idle;
    w.counters.reused++;
    return null;
  }
  x.backend = openBackend(w, server, x, x);
  if (x.backend !== null) return null;
  w.state.requestEnds(server.index);
  return 'OVERLOADED';
}

function takeIdle(w: Context, x: Exchange, server: Server): BackendConnection | null {
  return server.proxyProtocol === null ? server.idleTake() : takePinned(w, x.client, server);
}

/**
 * Opens a connection to the server, on behalf of `onBehalf`, which a PROXY header names if the server wants one. `client`
 * is who waits for it: null for a mirror. The request is counted at the server already. Null: no room.
 */
export function openBackend(
  w: Context,
  server: Server,
  onBehalf: Exchange,
  x: Exchange | null,
): BackendConnection | null {
  // What is passed on unread agrees on no protocol of ours.
  const tls = onBehalf.kind === KIND.RAW ? server.tunnelTls : server.tls;
  // Before a handshake the engine sends it; without TLS it goes out with the first bytes, once there is a connection.
  const front = server.proxyProtocol !== null && tls >= 0 ? writeProxyHeader(w, onBehalf.client, server) : NOTHING;
  if (front === null) return null;
  const conn = w.engine.connect(server.addressIndex);
  if (conn < 0) return null;
  const backend = w.backendOpen(conn);
  w.counters.opened++;
  w.state.connectionOpens(server.index);
  backend.to(BACKEND.CONNECTING);
  backend.server = server;
  backend.exchange = x;
  backend.parser = null;
  backend.parked = null;
  backend.longHead = null;
  backend.reused = false;
  backend.tls = tls;
  backend.dialVersion = server.dialVersion;
  backend.proxyProtocol = server.proxyProtocol;
  backend.proxyClient = server.proxyProtocol === null ? '' : proxyClientOf(w, onBehalf.client);
  backend.owner = null;
  if (tls >= 0) w.engine.tls(conn, tls, front.at, front.bytes);
  backend.requests = 1;
  backend.keepAlive = false;
  backend.distrusted = false;
  backend.aside = false;
  backend.counted = true;
  backend.idleAt = -1;
  backend.blocked = false;
  backend.paused = false;
  backend.ended = false;
  backend.finished = false;
  backend.waitingBytes = 0;
  backend.mirrorOf = null;
  backend.mirrorPool = null;
  backend.expires = 0;
  w.deadlines.set(backend.slot, w.ticks.connect);
  return backend;
}
