// What happens on a connection that is passed on unread, on either side, event by event. Before it is a tunnel, its exchange is CONNECTING; what the client sends until then is pending.
// Owns connecting to one server after the other, and closing both sides. Leaves what crosses to tunnel.ts.

import { keyOfAddress } from '../../balance/keys.js';
import { RESULT } from '../../balance/outlier.js';
import { NO_SESSION } from '../../balance/session.js';
import { assert } from '../../base/assert.js';
import { EVENT_KIND, PEER_BYTES } from '../../engine/layout.js';
import { randomKey } from '../../exchange/affinity.js';
import { chooseServer, takeConnection } from '../../exchange/choose-server.js';
import type { Context } from '../../exchange/context.js';
import { type Exchange, KIND, NO_ADDRESS, STAGE } from '../../exchange/exchange.js';
import type { Pool } from '../../exchange/pools.js';
import { blame } from '../../exchange/retry.js';
import { peerBytes } from '../../exchange/trust.js';
import type { ReasonCode } from '../../http/reasons.js';
import { connectReason } from '../connect-reason.js';
import { BACKEND, type BackendConnection, CLIENT, type ClientConnection } from '../connections.js';
import { steerClient } from '../flow.js';
import { closeBackend } from '../h1/reuse.js';
import { closeClient } from '../h1/server.js';
import { clientMoves } from '../progress.js';
import { sendProxyHeader } from './proxy-out.js';
import { tunnelBegin, tunnelData } from './tunnel.js';

/*
 *   CONNECTING ──connected──► TUNNEL ──eof of one side──► the other side is shut down ──finished──► that direction is over
 *     │  └─ failed, late        ├── both directions are over ──────► both closed
 *     │       └─► the next one  ├── error on either side ──────────► both reset: what was cut must not look complete
 *     └─ none left: closed      └── nothing moved for tunnelIdle ──► both closed at once
 *
 * A pair after a 101 is a TUNNEL from its beginning.
 */

/** Whether the events of a client connection come here: it is passed on unread, or will be once a server is connected. */
export function isRawClient(client: ClientConnection): boolean {
  return client.state === CLIENT.TUNNEL || (client.state === CLIENT.BUSY && client.x.kind === KIND.RAW);
}

/** The same for a backend connection. */
export function isRawBackend(backend: BackendConnection): boolean {
  if (backend.state === BACKEND.TUNNEL) return true;
  return backend.state === BACKEND.CONNECTING && backend.exchange !== null && backend.exchange.kind === KIND.RAW;
}

/** Passes a connection on to a server of `pool`. What the client has sent already is pending, and goes across first. */
export function passOn(w: Context, client: ClientConnection, pool: Pool): void {
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
  connect(w, x, null);
}

/** The client's address is all that a raw connection can hash; one without goes anywhere. */
function peerKey(w: Context, client: ClientConnection): number {
  const { peers } = w.engine;
  const at = client.slot * PEER_BYTES;
  const length = peerBytes(peers, client.slot);
  return length === 0 ? randomKey() : keyOfAddress(peers, at + 4, length);
}

/** Connects to the next server; when none is left the client connection is closed. `failed` is why the last attempt failed. */
function connect(w: Context, x: Exchange, failed: ReasonCode | null): void {
  const index = chooseServer(x);
  const refused = index < 0 ? (failed ?? 'NO_SERVER') : takeConnection(w, x, w.servers.byIndex[index]!);
  if (refused !== null) {
    giveUp(w, x, refused, false);
    return;
  }
  x.to(STAGE.CONNECTING);
  x.tries++;
  steerClient(w, x.client);
}

/** Handles an event of a client connection for which `isRawClient()` holds. `at` and `bytes` belong to data. */
export function rawClientEvent(w: Context, client: ClientConnection, kind: number, at: number, bytes: number): void {
  switch (kind) {
    case EVENT_KIND.data:
      clientData(w, client, at, bytes);
      break;
    case EVENT_KIND.eof:
      clientEnded(w, client);
      break;
    case EVENT_KIND.finished:
      client.finished = true;
      closeIfOver(w, client);
      break;
    case EVENT_KIND.error:
      if (client.state === CLIENT.TUNNEL) closeTunnel(w, client, true);
      else giveUp(w, client.x, 'CLIENT_LEFT', true);
      break;
  }
}

/** Handles an event of a backend connection for which `isRawBackend()` holds. Of an error, `at` is the engine's code. */
export function rawBackendEvent(w: Context, backend: BackendConnection, kind: number, at: number, bytes: number): void {
  const { client } = backend.exchange!;
  switch (kind) {
    case EVENT_KIND.connected:
      backendConnected(w, client.x, backend);
      break;
    case EVENT_KIND.data:
      tunnelData(w, client, client.conn, at, bytes);
      break;
    case EVENT_KIND.eof:
      backend.ended = true;
      w.engine.shutdown(client.conn);
      closeIfOver(w, client);
      break;
    case EVENT_KIND.finished:
      backend.finished = true;
      closeIfOver(w, client);
      break;
    case EVENT_KIND.error:
      if (backend.state === BACKEND.TUNNEL) closeTunnel(w, client, true);
      else tryNext(w, client.x, backend, connectReason(at));
      break;
  }
}

/** The deadline of the client has passed: nothing has moved for `timeouts.tunnelIdle`, in either direction. */
export function rawClientLate(w: Context, client: ClientConnection): void {
  if (clientMoves(w, client)) return;
  if (client.state === CLIENT.TUNNEL) closeTunnel(w, client, false);
  else giveUp(w, client.x, 'CLIENT_LEFT', true);
}

/** The server could not be connected to in time. */
export function rawBackendLate(w: Context, backend: BackendConnection): void {
  tryNext(w, backend.exchange!, backend, 'CONNECT_TIMEOUT');
}

/** Bytes from the client; their chunk reference passes to this function. */
function clientData(w: Context, client: ClientConnection, at: number, bytes: number): void {
  if (client.state === CLIENT.TUNNEL) {
    tunnelData(w, client, client.x.backend!.conn, at, bytes);
    return;
  }
  assert(client.pendingAt === NO_ADDRESS, 'nothing is read while bytes are held');
  client.pendingAt = at;
  client.pendingBytes = bytes;
  steerClient(w, client);
}

/** The client will send no more. Its server learns that behind everything queued for it, once it is connected. */
function clientEnded(w: Context, client: ClientConnection): void {
  client.ended = true;
  if (client.state !== CLIENT.TUNNEL) return;
  w.engine.shutdown(client.x.backend!.conn);
  closeIfOver(w, client);
}

/** The connection to the server is established. Nothing more will be known of that server. */
function backendConnected(w: Context, x: Exchange, backend: BackendConnection): void {
  // Without the header it cannot be said who the client is, and without that nothing may be sent.
  if (backend.sendsProxyHeaderUnencrypted && !sendProxyHeader(w, x.client, backend, false)) {
    giveUp(w, x, 'OVERLOADED', true);
    return;
  }
  x.pool!.reports.report(backend.server!.index, RESULT.SUCCESS);
  tunnelBegin(w, x.client, backend);
}

/** A server could not be connected to: the next one, as often as a request would be tried. */
function tryNext(w: Context, x: Exchange, backend: BackendConnection, code: ReasonCode): void {
  blame(x, code);
  x.tried.add(backend.server!.index);
  closeBackend(w, backend);
  if (x.tries <= x.pool!.plan.retry.retriesMax) connect(w, x, code);
  else giveUp(w, x, code, true);
}

/** No server gets the connection, or it is given up: its client is closed, or reset. */
function giveUp(w: Context, x: Exchange, reason: ReasonCode, reset: boolean): void {
  x.reason = reason;
  closeClient(w, x.client, reset);
}

/** Closes a tunnel both directions of which are over, once all bytes have left. */
function closeIfOver(w: Context, client: ClientConnection): void {
  if (client.state === CLIENT.TUNNEL && client.finished && client.x.backend!.finished) closeTunnel(w, client, false);
}

/** Closes both sides at once; `cut`: both see a reset. */
function closeTunnel(w: Context, client: ClientConnection, cut: boolean): void {
  closeBackend(w, client.x.backend!, cut);
  closeClient(w, client, cut);
}
