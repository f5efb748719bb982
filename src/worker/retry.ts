// Another try, when that is safe: nothing of a response seen, and the request either never left or may arrive twice. Within
// the pool first, then in the fallback pool of the rule.

import { RESULT } from '../balance/outlier.js';
import { NO_RETRY, RETRY_ON, STALE } from '../balance/retry.js';
import { NO_SESSION } from '../balance/session.js';
import { isIdempotent } from '../http/methods.js';
import { REASONS, type ReasonCode } from '../http/reasons.js';
import { sessionOf } from './affinity.js';
import { fail } from './answer.js';
import { closeClient } from './client.js';
import { type BackendConnection, CLIENT, type ClientConnection, NOWHERE } from './connections.js';
import { Deadlines } from './deadlines.js';
import { steerClient } from './flow.js';
import { forward } from './forward.js';
import type { Pool } from './pools.js';
import { closeBackend } from './reuse.js';
import { tunnelConnect } from './tunnel.js';
import { enterPool, leavePool } from './waiting.js';
import type { Worker } from './worker.js';

/** The request is still here, whole: its head is held, and so is what was sent of its body. */
function inHand(client: ClientConnection): boolean {
  return client.headAt !== NOWHERE && client.bodyBytesTotal === client.keptBody.bytes;
}

/** A kept connection ended before the answer began: its server may have closed it before the request came. */
function isStale(backend: BackendConnection, code: ReasonCode): boolean {
  return backend.reused && code === 'SERVER_LEFT';
}

/** The cause as retry policies know it. */
function causeOf(backend: BackendConnection, code: ReasonCode): number {
  if (REASONS[code].retry === 'any method') return RETRY_ON.CONNECT;
  if (code === 'RESPONSE_TIMEOUT') return RETRY_ON.TIMEOUT;
  return isStale(backend, code) ? STALE : RETRY_ON.RESET;
}

/** How long a server that closed a kept connection under a request gets no unrepeatable request on such ones. */
const HASTY_TICKS = Deadlines.ticks(10_000);

/** What the pool says to another try: below 0 no, else how many milliseconds to wait first. */
function decide(client: ClientConnection, cause: number): number {
  if (client.responseStarted) return NO_RETRY.UNSAFE;
  // So is a handshake for another protocol: until the 101 it is a GET like any other.
  const idempotent = isIdempotent(client.method);
  const written = cause !== RETRY_ON.CONNECT;
  return client.pool!.retries.decide(cause, client.tries - 1, written, inHand(client), idempotent);
}

const LATE: ReadonlySet<ReasonCode> = new Set(['REQUEST_TIMEOUT', 'RESPONSE_TIMEOUT']);

/** Counts the failure against the server, if it is the server's. */
export function blame(client: ClientConnection, code: ReasonCode): void {
  const { backend, pool } = client;
  if (backend === null || pool === null || REASONS[code].fault !== 'server' || isStale(backend, code)) return;
  // Time that ran out while the client did not send, or did not read, is not the server's.
  if (client.blocked || (!client.request.done && LATE.has(code))) return;
  pool.reports.report(backend.server!.index, RESULT.FAILURE);
}

/**
 * The backend connection failed before a response began. Tries another server, or the same one over a new connection
 * when it was a kept one that had gone stale; answers with `code` when that is not safe or not possible.
 */
export function retryOrFail(w: Worker, client: ClientConnection, code: ReasonCode): void {
  const backend = client.backend!;
  const { server } = backend;
  if (client.rule === null) {
    // A passthrough that could not connect: the next server, as often as a request would be tried.
    blame(client, code);
    closeBackend(w, backend);
    client.tried.add(server!.index);
    if (client.tries <= client.pool!.plan.retry.retriesMax) {
      tunnelConnect(w, client, code);
      return;
    }
    w.count(code);
    closeClient(w, client, true);
    return;
  }
  const cause = REASONS[code].retry === 'never' ? 0 : causeOf(backend, code);
  if (cause === STALE) server!.hastyUntil = w.deadlines.now + HASTY_TICKS;
  const waitMs = cause === 0 ? NO_RETRY.UNSAFE : decide(client, cause);
  if (waitMs < 0) {
    fail(w, client, code);
    return;
  }
  blame(client, code);
  tryAgain(w, client, cause, code, waitMs);
}

/**
 * The server answered with a status that the pool holds back: false when the answer has to go on all the same. The
 * answer is dropped with its connection.
 */
export function retryStatus(w: Worker, client: ClientConnection): boolean {
  // An answer is better than none: it is only given up when somebody else is there to give another.
  client.tried.add(client.backend!.server!.index);
  if (!client.pool!.hasOther(client.tried)) return false;
  const waitMs = decide(client, RETRY_ON.STATUS);
  if (waitMs < 0) return false;
  tryAgain(w, client, RETRY_ON.STATUS, 'NO_SERVER', waitMs);
  return true;
}

/**
 * A 408 that ends a kept connection: its server gave up waiting for a request before it saw this one, which may be repeated
 * (RFC 9110, 15.5.9). Sends it again over a new connection where that is safe; false when the answer has to go on.
 */
export function retryUnseen(w: Worker, client: ClientConnection): boolean {
  if (decide(client, STALE) < 0) return false;
  tryAgain(w, client, STALE, 'SERVER_LEFT', 0);
  return true;
}

/** Makes the request ready for another server, and sends it now or after a wait. */
function tryAgain(w: Worker, client: ClientConnection, cause: number, code: ReasonCode, waitMs: number): void {
  const backend = client.backend!;
  const { server } = backend;
  closeBackend(w, backend);
  w.counters.retries++;
  if (client.state === CLIENT.EXCHANGE) client.to(CLIENT.WAITING);
  if (cause === STALE) {
    client.fresh = true;
    client.tries--;
  } else {
    client.tried.add(server!.index);
  }
  if (waitMs === 0) {
    forward(w, client, code);
    return;
  }
  client.resume = code;
  w.deadlines.set(client.slot, Deadlines.ticks(waitMs), client.expires);
  steerClient(w, client);
}

/** The wait before another try is over. */
export function resume(w: Worker, client: ClientConnection): void {
  const code = client.resume;
  client.resume = null;
  forward(w, client, code);
}

/** What no other pool would mend: we have no room, or the time of the whole request is over. */
const OURS: ReadonlySet<ReasonCode> = new Set(['OVERLOADED', 'REQUEST_TIMEOUT']);

/** A failure of the pool: no server, no room, or attempts that came to nothing. */
function isOfPool(code: ReasonCode): boolean {
  const { status } = REASONS[code];
  return status >= 502 && status <= 504 && !OURS.has(code);
}

/** The rule's fallback pool under the plan that holds now; null when there is none. */
function fallbackOf(w: Worker, client: ClientConnection): Pool | null {
  const pool = client.rule?.fallback ?? null;
  return pool?.retired ? (w.poolNamed(pool.plan.name) ?? null) : pool;
}

/**
 * Sends a request that fails with `code` to the fallback pool of its rule, once. False, and nothing done, when it has none,
 * when the failure is not the pool's, or when sending the request again is not safe: what a server may have acted on goes on
 * only if its method is idempotent, and only what is still in hand.
 */
export function fallsBack(w: Worker, client: ClientConnection, code: ReasonCode): boolean {
  if (client.pool === null || client.fellBack || !isOfPool(code)) return false;
  if (client.responseStarted || !inHand(client)) return false;
  const pool = fallbackOf(w, client);
  if (pool === null) return false;
  blame(client, code);
  if (client.backend !== null) closeBackend(w, client.backend);
  leavePool(client);
  if (client.state === CLIENT.EXCHANGE) client.to(CLIENT.WAITING);
  w.counters.fallbacks++;
  client.fellBack = true;
  client.tries = 0;
  client.fresh = false;
  client.resume = null;
  client.tried.clear();
  client.pool = pool;
  if (!enterPool(client)) {
    fail(w, client, 'POOL_FULL');
    return true;
  }
  pool.retries.requestBegins();
  client.session = pool.sessions === null ? NO_SESSION : sessionOf(w, pool, client.parser!.head);
  client.key = client.fallbackKey;
  forward(w, client, null);
  return true;
}
