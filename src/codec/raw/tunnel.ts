// Two connections as one pipe: raw listeners, and what follows a 101. Bytes go both ways as they come; an end in one
// direction is passed on as such, and the other direction lives on.

import { keyOfAddress } from '../../balance/keys.js';
import { NO_SESSION } from '../../balance/session.js';
import { assert } from '../../base/assert.js';
import { PEER_BYTES } from '../../engine/layout.js';
import { randomKey } from '../../exchange/affinity.js';
import { chooseServer, takeConnection } from '../../exchange/choose-server.js';
import type { Context } from '../../exchange/context.js';
import { KIND, NO_ADDRESS, STAGE } from '../../exchange/exchange.js';
import type { Pool } from '../../exchange/pools.js';
import { peerBytes } from '../../exchange/trust.js';
import { ticksOf } from '../../exchange/waits.js';
import type { ReasonCode } from '../../http/reasons.js';
import { BACKEND, type BackendConnection, CLIENT, type ClientConnection } from '../connections.js';
import { steerClient } from '../flow.js';
import { readBulk } from '../h1/relay.js';
import { closeBackend } from '../h1/reuse.js';
import { closeClient } from '../h1/server.js';

/** Passes a connection of a raw listener on by the name it asks for in TLS, if any. False: nobody is there for it. */
export function tunnelByName(w: Context, client: ClientConnection, serverName: string): boolean {
  const pool = client.listener.poolFor(serverName);
  if (pool !== null) tunnelOpen(w, client, pool);
  return pool !== null;
}

/** Begins a tunnel to a server of `pool`. What the client has sent already is pending, and goes across first. */
export function tunnelOpen(w: Context, client: ClientConnection, pool: Pool): void {
  const { x } = client;
  assert(x.rule === null, 'what is passed on unread has no rule');
  x.begin(KIND.RAW, w.ids.next(), null);
  x.pool = pool;
  x.fresh = true;
  x.session = NO_SESSION;
  x.key = peerKey(w, client);
  client.to(CLIENT.BUSY);
  // From here on the server is waited for.
  w.deadlines.clear(client.slot);
  tunnelConnect(w, client, null);
}

/** The client's address is all that a tunnel can hash; one without goes anywhere. */
function peerKey(w: Context, client: ClientConnection): number {
  const { peers } = w.engine;
  const at = client.slot * PEER_BYTES;
  const length = peerBytes(peers, client.slot);
  return length === 0 ? randomKey() : keyOfAddress(peers, at + 4, length);
}

/** Connects to the next server; when none is left the client connection is closed. `failed` is why the last try failed. */
export function tunnelConnect(w: Context, client: ClientConnection, failed: ReasonCode | null): void {
  const index = chooseServer(client.x);
  const refused = index < 0 ? (failed ?? 'NO_SERVER') : takeConnection(w, client.x, w.servers.byIndex[index]!);
  if (refused !== null) {
    client.x.reason = refused;
    closeClient(w, client);
    return;
  }
  client.x.to(STAGE.CONNECTING);
  client.x.tries++;
  steerClient(w, client);
}

/** Both sides are there: from now on bytes go across unread. What the client sent before goes first. */
export function tunnelBegin(w: Context, client: ClientConnection, backend: BackendConnection): void {
  const { x } = client;
  assert(x.kind === KIND.RAW || x.upgrade, 'only raw connections and upgraded ones become tunnels');
  x.to(STAGE.TUNNEL);
  client.to(CLIENT.TUNNEL);
  backend.to(BACKEND.TUNNEL);
  w.deadlines.clear(backend.slot);
  w.deadlines.set(client.slot, ticksOf(w, client.x).tunnelIdle);
  if (client.pendingAt !== NO_ADDRESS) {
    w.engine.send(backend.conn, client.pendingAt, client.pendingBytes);
    w.engine.release(client.pendingAt);
    client.pendingAt = NO_ADDRESS;
  }
  if (client.ended) w.engine.shutdown(backend.conn);
  readBulk(w, client.conn, Number.MAX_SAFE_INTEGER);
  readBulk(w, backend.conn, Number.MAX_SAFE_INTEGER);
  steerClient(w, client);
}

/** Bytes from one side to the other. The chunk reference passes to this function. */
export function tunnelData(w: Context, client: ClientConnection, to: number, at: number, bytes: number): void {
  w.engine.send(to, at, bytes);
  w.engine.release(at);
  w.deadlines.set(client.slot, ticksOf(w, client.x).tunnelIdle);
}

/*
 * How a tunnel ends. Each direction ends by itself; when both have, and all bytes have left, both connections go.
 *
 *   OPEN ──eof of one side──► the other side is shut down ──finished──► that direction is over
 *     ├── error on either side ──────────► both are reset: what was cut must not look complete
 *     └── nothing moved for tunnelIdle ──► both closed at once
 */

/** One side will send no more: the other is told, behind everything still queued for it. */
export function tunnelEnded(w: Context, client: ClientConnection, backend: BackendConnection, byClient: boolean): void {
  w.engine.shutdown(byClient ? backend.conn : client.conn);
  closeIfOver(w, client, backend);
}

/** One side has got everything, and the end. */
export function tunnelFinished(w: Context, client: ClientConnection, backend: BackendConnection): void {
  closeIfOver(w, client, backend);
}

function closeIfOver(w: Context, client: ClientConnection, backend: BackendConnection): void {
  if (client.finished && backend.finished) closeTunnel(w, client, backend, false);
}

/** Ends both at once; `cut`: both see a reset. */
export function closeTunnel(w: Context, client: ClientConnection, backend: BackendConnection, cut: boolean): void {
  closeBackend(w, backend, cut);
  closeClient(w, client, cut);
}
