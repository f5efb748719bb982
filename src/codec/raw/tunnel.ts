// Two connections as one pipe: raw connections, and what follows a 101. Bytes go both ways as they come; an end in one
// direction is passed on as such, and the other direction goes on.
// Owns what crosses. Leaves what ends it, and closing the two connections, to events.ts.

import { assert } from '../../base/assert.js';
import { type Exchange, KIND, NO_ADDRESS, STAGE } from '../../exchange/exchange.js';
import { ticksOf } from '../../exchange/request-deadlines.js';
import { BACKEND, type BackendConnection, CLIENT, type ClientConnection } from '../connections.js';
import type { CodecContext } from '../context.js';
import { readBulk, steerClient } from '../flow.js';

/** Both sides are there: from now on bytes go across unread. What the client sent before goes first. */
export function tunnelBegin(w: CodecContext, client: ClientConnection, backend: BackendConnection): void {
  const { x } = client;
  assert(x.kind === KIND.RAW || x.upgrade, 'only raw connections and upgraded ones become tunnels');
  x.to(STAGE.TUNNEL);
  client.to(CLIENT.TUNNEL);
  backend.to(BACKEND.TUNNEL);
  w.exchangeDeadlines.clear(x.id);
  w.attemptDeadlines.clear(x.attempt.id);
  w.deadlines.clear(backend.slot);
  w.deadlines.set(client.slot, ticksOf(w, x).tunnelIdle);
  if (client.pendingAt !== NO_ADDRESS) {
    w.engine.send(backend.conn, client.pendingAt, client.pendingBytes);
    x.bodyBytesTotal += client.pendingBytes;
    w.engine.release(client.pendingAt);
    client.pendingAt = NO_ADDRESS;
  }
  if (client.ended) w.engine.shutdown(backend.conn);
  readBulk(w, client.conn, Number.MAX_SAFE_INTEGER);
  readBulk(w, backend.conn, Number.MAX_SAFE_INTEGER);
  steerClient(w, client);
}

/** Bytes for the connection `to`, one side of the tunnel of `client`. The chunk reference passes to this function. Hot. */
export function tunnelData(w: CodecContext, client: ClientConnection, to: number, at: number, bytes: number): void {
  w.engine.send(to, at, bytes);
  w.engine.release(at);
  countTunneled(client.x, to === client.conn, bytes);
  w.deadlines.set(client.slot, ticksOf(w, client.x).tunnelIdle);
}

/** Counts bytes of a tunnel, to its client or from it: as parts of the two bodies. Hot. */
export function countTunneled(x: Exchange, toClient: boolean, bytes: number): void {
  if (!toClient) {
    x.bodyBytesTotal += bytes;
    return;
  }
  x.bytesOut += bytes;
  x.bodyBytesOut += bytes;
}
