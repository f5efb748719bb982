// A client connection begins: who it is, and which kind of listener it came to.

import { assert } from '../base/assert.js';
import { CLIENT, type ClientConnection } from '../codec/connections.js';
import { clientData, closeClient } from '../codec/h1/server.js';
import { handshakeBegin, plainAtTls } from '../codec/raw/handshake.js';
import { proxyBegin } from '../codec/raw/proxy-in.js';
import { helloBegin } from '../codec/raw/read-hello.js';
import { tunnelOpen } from '../codec/raw/tunnel.js';
import { NOT_STATED } from '../exchange/client-address.js';
import type { Context } from '../exchange/context.js';
import { NO_ADDRESS, STAGE } from '../exchange/exchange.js';
import type { Worker } from './worker.js';

/** Handles a new client connection of the listener with this number in the engine's registry. */
export function accepted(w: Worker, conn: number, number: number): void {
  const listener = w.listeners.get(number);
  if (listener === undefined || w.draining) {
    w.engine.closeConn(conn);
    return;
  }
  const client = w.clientOpen(conn);
  w.counters.accepted++;
  client.listener = listener;
  assert(client.x.stage === STAGE.FREE, 'a connection begins without an exchange');
  client.x.statedBytes = NOT_STATED;
  client.pendingAt = NO_ADDRESS;
  client.parser = null;
  client.parked = null;
  client.longHead = null;
  client.blocked = false;
  client.paused = false;
  client.ended = false;
  client.finished = false;
  client.headTimed = true;
  client.handshaking = false;
  client.inTheClear = false;
  client.tls = null;
  client.hello = null;
  client.proxied = null;
  if (listener.proxySources?.holds(w.engine.peers, client.slot) === true) proxyBegin(w, client);
  else admit(w, client, NO_ADDRESS, 0);
}

/**
 * Lets a client in whose address is settled. `bytes` bytes at `at` came with its PROXY header, behind it; if there are
 * any, their chunk reference passes to this function.
 */
export function admit(w: Context, client: ClientConnection, at: number, bytes: number): void {
  const { plan, pool, current } = client.listener;
  client.to(CLIENT.IDLE);
  client.trusted = w.trust.holds(w.engine.peers, client.slot);
  // One that came in just before its listener went has no context and no pool any more, and needs neither for http.
  if (!current && plan.protocol !== 'http') {
    if (bytes > 0) w.engine.release(at);
    closeClient(w, client);
    return;
  }
  if (plan.tls >= 0) {
    if (bytes > 0 && isLetter(w.memory[at]!)) {
      w.counters.handshakesFailed++;
      if (plainAtTls(w, client)) clientData(w, client, at, bytes);
      else w.engine.release(at);
      return;
    }
    const begun = handshakeBegin(w, client, plan.tls, at, bytes);
    if (bytes > 0) w.engine.release(at);
    if (!begun) closeClient(w, client);
    return;
  }
  if (plan.protocol === 'tcp') tunnelOpen(w, client, pool!);
  else if (plan.protocol === 'tls-passthrough') helloBegin(w, client);
  // The first request is due at once: a connection that says nothing is not an idle keep-alive one.
  else w.deadlines.set(client.slot, w.ticks.requestHead);
  if (bytes > 0) clientData(w, client, at, bytes);
}

/** No record of TLS begins with a letter, as the engine knows too: its `plainText`. */
function isLetter(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}
