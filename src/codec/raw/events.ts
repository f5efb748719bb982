// What happens on a connection that is passed on unread, on either side, event by event. Before it is a tunnel, its exchange
// is CONNECTING; what the client sends until then is pending.
// Owns connecting to one server after the other, and closing both sides. Leaves what crosses to tunnel.ts.

import { keyOfAddress } from '../../balance/keys.js';
import { assert } from '../../base/assert.js';
import { EVENT_KIND, PEER_BYTES } from '../../engine/layout.js';
import { randomKey } from '../../exchange/affinity.js';
import { attemptFailed, fail, rawBegins, rawConnected } from '../../exchange/events.js';
import { KIND, NO_ADDRESS } from '../../exchange/exchange.js';
import type { Pool } from '../../exchange/pools.js';
import { CLIENT_KIND } from '../../exchange/streams.js';
import { peerBytes } from '../../exchange/trust.js';
import { closeBackend } from '../backends.js';
import { closeClient } from '../close.js';
import { connectReason } from '../connect-reason.js';
import { BACKEND, type BackendConnection, backendOf, CLIENT, type ClientConnection, clientOf } from '../connections.js';
import type { CodecContext } from '../context.js';
import { steerClient } from '../flow.js';
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
export function passOn(w: CodecContext, client: ClientConnection, pool: Pool): void {
  const { x } = client;
  assert(x.rule === null, 'what is passed on unread has no rule');
  client.kind = CLIENT_KIND.RAW;
  x.begin(KIND.RAW, w.ids.next(), null, NO_ADDRESS);
  client.to(CLIENT.BUSY);
  // From here on the server is waited for.
  w.deadlines.clear(client.slot);
  rawBegins(w, x, pool, peerKey(w, client));
}

/** The client's address is all that a raw connection can hash; one without goes anywhere. */
function peerKey(w: CodecContext, client: ClientConnection): number {
  const { peers } = w.engine;
  const at = client.slot * PEER_BYTES;
  const length = peerBytes(peers, client.slot);
  return length === 0 ? randomKey() : keyOfAddress(peers, at + 4, length);
}

/** Handles an event of a client connection for which `isRawClient()` holds. `at` and `bytes` belong to data. */
export function rawClientEvent(
  w: CodecContext,
  client: ClientConnection,
  kind: number,
  at: number,
  bytes: number,
): void {
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
      else fail(w, client.x, 'CLIENT_LEFT');
      break;
  }
}

/** Handles an event of a backend connection for which `isRawBackend()` holds. Of an error, `at` is the engine's code. */
export function rawBackendEvent(
  w: CodecContext,
  backend: BackendConnection,
  kind: number,
  at: number,
  bytes: number,
): void {
  const client = clientOf(backend.exchange!);
  switch (kind) {
    case EVENT_KIND.connected:
      backendConnected(w, client, backend);
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
      else attemptFailed(w, client.x, connectReason(at));
      break;
  }
}

/** The deadline of the client has passed: nothing has moved for `timeouts.tunnelIdle`, in either direction. */
export function rawClientLate(w: CodecContext, client: ClientConnection): void {
  if (clientMoves(w, client)) return;
  if (client.state === CLIENT.TUNNEL) closeTunnel(w, client, false);
  else fail(w, client.x, 'CLIENT_LEFT');
}

/** The server could not be connected to in time. */
export function rawBackendLate(w: CodecContext, backend: BackendConnection): void {
  attemptFailed(w, backend.exchange!, 'CONNECT_TIMEOUT');
}

/** Bytes from the client; their chunk reference passes to this function. */
function clientData(w: CodecContext, client: ClientConnection, at: number, bytes: number): void {
  if (client.state === CLIENT.TUNNEL) {
    tunnelData(w, client, backendOf(client.x.attempt).conn, at, bytes);
    return;
  }
  assert(client.pendingAt === NO_ADDRESS, 'nothing is read while bytes are held');
  client.pendingAt = at;
  client.pendingBytes = bytes;
  steerClient(w, client);
}

/** The client will send no more. Its server learns that behind everything queued for it, once it is connected. */
function clientEnded(w: CodecContext, client: ClientConnection): void {
  client.ended = true;
  if (client.state !== CLIENT.TUNNEL) return;
  w.engine.shutdown(backendOf(client.x.attempt).conn);
  closeIfOver(w, client);
}

/** The connection to the server is established. */
function backendConnected(w: CodecContext, client: ClientConnection, backend: BackendConnection): void {
  // Without the header it cannot be said who the client is, and without that nothing may be sent.
  if (backend.sendsProxyHeaderUnencrypted && !sendProxyHeader(w, backend, false)) {
    fail(w, client.x, 'OVERLOADED');
    return;
  }
  rawConnected(client.x);
  tunnelBegin(w, client, backend);
}

/** Closes a tunnel both directions of which are over, once all bytes have left. */
function closeIfOver(w: CodecContext, client: ClientConnection): void {
  if (client.state === CLIENT.TUNNEL && client.finished && backendOf(client.x.attempt).finished)
    closeTunnel(w, client, false);
}

/** Closes both sides at once; `cut`: both see a reset. */
function closeTunnel(w: CodecContext, client: ClientConnection, cut: boolean): void {
  closeBackend(w, backendOf(client.x.attempt), cut);
  closeClient(w, client, cut);
}
