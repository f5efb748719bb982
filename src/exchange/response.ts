// The response to a request, from its server's codec to its client's.
// Owns what a head and each piece pass on their way, and what a complete response means. Leaves framing to the codecs.

import { RESULT, resultOfStatus } from '../balance/outlier.js';
import { nowUs } from '../base/clock.js';
import { BODY } from '../http/framing.js';
import type { Head } from '../http/head.js';
import type { ReasonCode } from '../http/reasons.js';
import { ATTEMPT_TIME } from './attempt.js';
import { retryStatus, retryUnseen } from './attempt-events.js';
import type { Context } from './context.js';
import { releaseRequest } from './end.js';
import { type Exchange, STAGE } from './exchange.js';
import { showPiece } from './phases.js';
import { ticksOf, waitForServer } from './request-deadlines.js';

const REQUEST_TIMEOUT = 408;

/** An interim response has come (1xx, but for a 101). The server has its time for the final one anew. */
export function responseInterim(w: Context, x: Exchange, head: Head): void {
  const { attempt } = x;
  w.clientStream.writeInterim(w, x, head);
  const waits = x.request.done && !x.client.blocked;
  w.attemptDeadlines.set(attempt.id, waits ? ticksOf(w, x).responseHead : 0, attempt.expires);
}

/**
 * The head of the final response has come, with a body of this kind (BODY) and length. False: the response is dropped, and
 * so is its connection, since another attempt follows. Otherwise the request cannot be sent again from here on.
 */
export function responseBegins(w: Context, x: Exchange, head: Head, kind: number, length: number): boolean {
  const { attempt } = x;
  const pool = x.pool!;
  // That all is well shows at the end: a server may break off every response it begins.
  attempt.status = head.status;
  attempt.times[ATTEMPT_TIME.head] = nowUs();
  attempt.isError = resultOfStatus(head.status) === RESULT.ERROR;
  if (attempt.isError) attempt.pool!.reports.report(attempt.server!.index, RESULT.ERROR);
  if (pool.retries.asks(head.status) && retryStatus(w, x)) return false;
  if (head.status === REQUEST_TIMEOUT && attempt.reused && !head.keepAlive && retryUnseen(w, x)) return false;
  x.to(STAGE.RESPONDING);
  x.status = head.status;
  releaseRequest(w, x);
  // The pool's time for an attempt ends with the head; a rule's covers the whole response (Gateway API, backendRequest).
  if (x.rule!.ticks.attempt < 0) attempt.expires = 0;
  if (x.client.ended && !x.client.blocked) waitForServer(w, x);
  x.response.set(kind, kind === BODY.untilEof ? Number.MAX_SAFE_INTEGER : length);
  return true;
}

/** Passes the head of a response that has begun on, changed by the filters of its rule. False: the slab is full. */
export function responseHead(w: Context, x: Exchange, head: Head): boolean {
  return w.clientStream.writeHead(w, x, head, x.rule!.phases.editResponse(x, w.headEdit));
}

/** A piece of the response body, in `w.piece`, goes to the client. Returns why the exchange cannot go on, or null. Hot. */
export function responseBody(w: Context, x: Exchange): ReasonCode | null {
  const watching = x.rule!.phases.responseBody;
  const refused = watching.length === 0 ? null : showPiece(watching, x, w.piece);
  x.bodyBytesOut += w.piece.bytes;
  return refused ?? (w.clientStream.writeBody(w, x, w.piece) ? null : 'OVERLOADED');
}

/**
 * The client takes no more, or takes bytes again (`x.client.blocked`). Which side waits: the server while it may write, the client
 * while it has to read. True when that is so: the client's codec bounds how long it may take nothing.
 */
export function clientBlocked(w: Context, x: Exchange): boolean {
  const { attempt } = x;
  if (!x.isAtServer || attempt.backend === null || !(x.request.done || x.responseStarted)) return false;
  const { blocked } = x.client;
  if (blocked) w.exchangeDeadlines.set(x.id, 0, x.expires);
  else waitForServer(w, x);
  const { responseIdle, responseHead } = ticksOf(w, x);
  // Interim heads alone can block a client: the final one is still awaited then.
  const ticks = x.responseStarted ? responseIdle : responseHead;
  w.attemptDeadlines.set(attempt.id, blocked ? 0 : ticks, attempt.expires);
  return true;
}

/** More of the response is to come: the server has its time for that. Hot. */
export function responseGoesOn(w: Context, x: Exchange): void {
  if (x.client.blocked) return;
  const { attempt } = x;
  w.attemptDeadlines.set(attempt.id, ticksOf(w, x).responseIdle, attempt.expires);
  if (x.client.ended) waitForServer(w, x);
}

/** All of the response has come: the server did well, unless it answered with an error of its own. */
export function responseComplete(x: Exchange): void {
  const { attempt } = x;
  if (!attempt.isError) attempt.pool!.reports.report(attempt.server!.index, RESULT.SUCCESS);
}
