// Which deadlines hold for a request: those of its rule, else those of all.
// Owns when the time of a try begins. Leaves what it means that a deadline has passed to client.ts and backend.ts.

import type { BackendConnection, ClientConnection } from './connections.js';
import type { Ticks } from './ticks.js';
import type { Worker } from './worker.js';

/** The deadlines of the client's request: of its rule, which it keeps over a reload; without one, of all. Hot. */
export function ticksOf(w: Worker, client: ClientConnection): Ticks {
  return client.rule === null ? w.ticks : client.rule.ticks;
}

/**
 * The whole request has gone to the server: the time of the try begins, and unless the response has begun already, the
 * server has until responseHead. What the client took to upload is not the server's time.
 */
export function requestSent(w: Worker, client: ClientConnection, backend: BackendConnection): void {
  const ticks = ticksOf(w, client);
  const tryTicks = client.responseStarted || ticks.attempt >= 0 ? ticks.attempt : client.pool!.tryTicks;
  backend.expires = tryTicks <= 0 ? 0 : w.deadlines.now + tryTicks;
  waitForServer(w, client);
  w.deadlines.set(backend.slot, client.responseStarted ? ticks.responseIdle : ticks.responseHead, backend.expires);
}

/** The server is waited for, and the client only as long as one that ended its side may be: it could have left. Hot. */
export function waitForServer(w: Worker, client: ClientConnection): void {
  w.deadlines.set(client.slot, client.ended ? w.ticks.halfClosed : 0, client.expires);
}

/** The client is still uploading: it is waited for. */
export function waitForBody(w: Worker, client: ClientConnection, backend: BackendConnection): void {
  w.deadlines.set(client.slot, ticksOf(w, client).requestBody, client.expires);
  w.deadlines.set(backend.slot, 0);
}
