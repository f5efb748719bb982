// A client connection begins: who it is, and which kind of listener it came to.

import { closeClient } from './client.js';
import { CLIENT, NOWHERE } from './connections.js';
import { handshakeBegin } from './handshake.js';
import { helloBegin } from './read-hello.js';
import { tunnelOpen } from './tunnel.js';
import type { Worker } from './worker.js';

/** Handles a new client connection of the listener with this index in the engine's registry. */
export function accepted(w: Worker, conn: number, listener: number): void {
  const plan = w.listeners[listener];
  if (plan === undefined || w.draining) {
    w.engine.closeConn(conn);
    return;
  }
  const client = w.clientOpen(conn);
  w.counters.accepted++;
  client.listener = listener;
  client.state = CLIENT.IDLE;
  client.pendingAt = NOWHERE;
  client.headAt = NOWHERE;
  client.targetHeld = NOWHERE;
  client.bodyAt = NOWHERE;
  client.backend = null;
  client.parser = null;
  client.parked = null;
  client.rule = null;
  client.blocked = false;
  client.paused = false;
  client.ended = false;
  client.finished = false;
  client.headTimed = true;
  client.trusted = w.trust.holds(w.engine.peers, client.slot);
  client.handshaking = false;
  client.tls = null;
  client.hello = null;
  if (plan.tls >= 0) {
    if (!handshakeBegin(w, client, plan.tls)) closeClient(w, client);
    return;
  }
  if (plan.protocol === 'tcp') tunnelOpen(w, client, w.pools[plan.pool]!);
  else if (plan.protocol === 'tls-passthrough') helloBegin(w, client);
  // The first request is due at once: a connection that says nothing is not an idle keep-alive one.
  else w.deadlines.set(client.slot, w.ticks.requestHead);
}
