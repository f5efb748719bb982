// Sends a request on: a server is chosen, a connection taken, the head and what is kept of the body sent.
// Owns the order of these, and whether the request is kept for another attempt. Every step returns why it cannot go on, or
// null; ending the exchange then is the caller's.

import { ALL_BUSY } from '../balance/view.js';
import { BODY } from '../http/framing.js';
import { isIdempotent } from '../http/methods.js';
import type { ReasonCode } from '../http/reasons.js';
import { beginAttempt, chooseServer } from './choose-server.js';
import type { Context } from './context.js';
import { releaseRequest } from './end.js';
import { type Exchange, KIND, STAGE } from './exchange.js';
import { beginCopies } from './mirror.js';
import { waitForRoom } from './pool-limits.js';
import type { Server } from './pools.js';
import { requestSent, waitForBody, waitForServer } from './request-deadlines.js';

/**
 * Finds a server for the request and sends it there, now or when the connection is ready. `failed` is why the last attempt
 * failed: it is the answer when no other server is left.
 */
export function forward(w: Context, x: Exchange, failed: ReasonCode | null): ReasonCode | null {
  const pool = x.pool!;
  // A new request does not overtake those that wait.
  const index = pool.limited && failed === null && pool.line.busy() ? ALL_BUSY : chooseServer(x);
  if (index === ALL_BUSY) return waitForRoom(w, x);
  return index < 0 ? (failed ?? 'NO_SERVER') : sendTo(w, x, w.servers.byIndex[index]!);
}

/** The same for a connection that is passed on unread: it does not wait for room. */
export function connectRaw(w: Context, x: Exchange, failed: ReasonCode | null): ReasonCode | null {
  const index = chooseServer(x);
  return index < 0 ? (failed ?? 'NO_SERVER') : sendTo(w, x, w.servers.byIndex[index]!);
}

/** Sends the request to a server that has counted it in, now or when the connection is ready. */
export function sendTo(w: Context, x: Exchange, server: Server): ReasonCode | null {
  const refused = beginAttempt(w, x, server);
  if (refused !== null) return refused;
  if (x.attempt.backend!.isReady) return sendRequest(w, x);
  x.to(STAGE.CONNECTING);
  if (x.kind === KIND.REQUEST) waitForServer(w, x);
  w.clientStream.steer(w, x);
  return null;
}

/** The connection is ready: the request goes out, and stays in hand as long as it may be sent again. */
export function sendRequest(w: Context, x: Exchange): ReasonCode | null {
  const { attempt, request } = x;
  x.to(STAGE.SENDING);
  const edit = x.rule!.phases.editAttempt(x, w.headEdit);
  const again = x.sent;
  x.sent = true;
  const bodyFollows = x.keptBody.bytes > 0 || (!request.done && w.clientStream.hasBody(x));
  if (!w.backendStream.writeHead(w, attempt, edit, bodyFollows)) {
    w.copiesDue.length = 0;
    return 'OVERLOADED';
  }
  if (w.copiesDue.length > 0) beginCopies(w, x, edit, bodyFollows);
  if (!again) {
    x.keeping = mayKeep(w, x);
    if (!request.done) w.clientStream.beginBody(w, x);
  } else if (!w.backendStream.resend(w, attempt)) {
    return 'OVERLOADED';
  }
  if (!x.keeping) releaseRequest(w, x);
  if (request.done) {
    requestSent(w, x);
  } else {
    waitForBody(w, x);
    if (w.clientStream.hasBody(x)) {
      // What is here of the body is read next. Behind it is seen whether to read on.
      w.clientStream.wake(w, x);
      return null;
    }
  }
  w.clientStream.steer(w, x);
  return null;
}

/**
 * The request may be sent a second time, should its server fail before it answers: its method allows it, and its body is
 * none, or is small. A slab that is filling up takes that right away.
 */
function mayKeep(w: Context, x: Exchange): boolean {
  const { request } = x;
  if (!isIdempotent(x.method)) return false;
  if (request.kind === BODY.none) return !w.slabIsTight();
  return isSmall(w, x, request.kind === BODY.counted ? request.left : 0);
}

/** Whether a body of at least `bytes` bytes is kept for another attempt; counted once for each request when it is not. */
function isSmall(w: Context, x: Exchange, bytes: number): boolean {
  if (bytes > x.rule!.retryBodyBytesMax) w.counters.countNotKept('tooLong');
  else if (w.slabIsTight()) w.counters.countNotKept('noRoom');
  else return true;
  return false;
}

/** Keeps the piece of the body that has just gone out, or gives up another attempt when there is no room for it. */
export function keepPiece(w: Context, x: Exchange): void {
  const { keptBody } = x;
  const { at, bytes, trailers } = w.piece;
  keptBody.trailers = trailers;
  const fits = isSmall(w, x, x.bodyBytesTotal);
  if (fits && keptBody.add(w.engine, w.memory, at, bytes)) return;
  if (fits) w.counters.countNotKept('noRoom');
  releaseRequest(w, x);
}
