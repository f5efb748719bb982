// What happens on a backend connection: its state machine, drawn in connections.ts, one function per kind of event.

import { RESULT, resultOfStatus } from '../../balance/outlier.js';
import { SEND_FLAG } from '../../engine/layout.js';
import type { Context } from '../../exchange/context.js';
import { type Exchange, NO_ADDRESS, STAGE } from '../../exchange/exchange.js';
import { sendRequest } from '../../exchange/forward.js';
import { fail } from '../../exchange/local-reply.js';
import { countDrop } from '../../exchange/mirror.js';
import { showPiece } from '../../exchange/phases.js';
import { retryOrFail, retryStatus, retryUnseen } from '../../exchange/retry.js';
import { ticksOf, waitForServer } from '../../exchange/waits.js';
import { announcesBody, BODY, keepsConnection, responseFraming } from '../../http/framing.js';
import type { Head } from '../../http/head.js';
import { METHOD } from '../../http/methods.js';
import { PARSED } from '../../http/parsed.js';
import type { ReasonCode } from '../../http/reasons.js';
import { connectReason } from '../connect-reason.js';
import { BACKEND, type BackendConnection, CLIENT } from '../connections.js';
import { readBulk } from '../flow.js';
import { serverMoves } from '../progress.js';
import { sendProxyHeader } from '../raw/proxy-out.js';
import { tunnelBegin } from '../raw/tunnel.js';
import { exchangeDone, releaseRequest } from './finish.js';
import { isLong, type LongHead, moveToRun } from './long-head.js';
import { park, unpark } from './read-head.js';
import { BULK_BYTES, gatherResponseBody, lastResponsePiece, RELAYED, relayEof, rest } from './relay.js';
import { closeBackend, endAside, keepBackend } from './reuse.js';
import { gatherResponseHead, sendInterim } from './send-head.js';
import { serve } from './server.js';

const LETTER_H = 0x48;
const SPACE = 0x20;
const STATUS_MAX = 599;
const REQUEST_TIMEOUT = 408;

/** The connection is established: the request that waited for it goes out. */
export function backendConnected(w: Context, backend: BackendConnection): void {
  const { exchange: x } = backend;
  if (x === null) return; // a mirror: what it is sent waits in the engine
  // Without the header it cannot be said who the client is, and without that nothing may be sent.
  if (backend.sendsProxyHeaderUnencrypted && !sendProxyHeader(w, x.client, backend, true)) fail(w, x, 'OVERLOADED');
  else sendRequest(w, x, backend);
  serve(w, x.client);
}

/** Bytes from the server; their chunk reference passes to this function. */
export function backendData(w: Context, backend: BackendConnection, at: number, bytes: number): void {
  const { exchange: x } = backend;
  switch (backend.state) {
    case BACKEND.HEAD:
      if (backend.reused && backend.takenIn === w.batch) {
        // It came before the request left, so it is no answer to it: the connection was given up by its server.
        w.engine.release(at);
        retryOrFail(w, x!, 'SERVER_LEFT');
        break;
      }
      readResponse(w, x!, backend, at, bytes);
      break;
    case BACKEND.BODY:
      relayBody(w, x!, backend, at, bytes);
      break;
    case BACKEND.MIRROR:
      w.engine.release(at);
      return;
    default:
      // Nobody asked: whatever it means, the next request must not get it as its answer.
      w.engine.release(at);
      closeBackend(w, backend);
      return;
  }
  serve(w, x!.client);
}

/** Reads response heads until the final one is complete. The chunk reference passes to this function. */
function readResponse(w: Context, x: Exchange, backend: BackendConnection, at: number, bytes: number): void {
  const end = at + bytes;
  let from = at;
  while (from < end) {
    const long = backend.longHead;
    const code = readResponseHead(w, backend, from, end - from);
    if (code === PARSED.partial) {
      parkResponse(w, x, backend, at, from, end);
      return;
    }
    if (code !== PARSED.complete) {
      w.engine.release(at);
      fail(w, x, code === PARSED.tooManyFields ? 'RESPONSE_HEAD_TOO_LARGE' : 'RESPONSE_MALFORMED');
      return;
    }
    const parser = backend.parser!;
    const { status, bytes: headBytes } = parser.head;
    if (headBytes > w.limits.headBytesMax) {
      w.engine.release(at);
      fail(w, x, 'RESPONSE_HEAD_TOO_LARGE');
      return;
    }
    if (long !== null && !endLongHead(w, backend, long, from)) {
      w.engine.release(at);
      fail(w, x, 'OVERLOADED');
      return;
    }
    const { base } = parser.head;
    from = parser.endAt;
    const goesOn = passHead(w, x, backend, at, from, end - from, status);
    if (long !== null) w.engine.runRelease(base, headBytes);
    if (!goesOn) return;
  }
  w.engine.release(at);
}

/** Where the reason of a status line begins, or the CR behind a status without one. */
const REASON_AT = 'HTTP/1.1 200'.length;
const CR = 0x0d;
const TAB = 0x09;
const DEL = 0x7f;

/** A reason has no control characters but the tab (RFC 9112, 4); llhttp lets all but line ends pass. Hot. */
function reasonValid(memory: Uint8Array, head: Head): boolean {
  for (let at = head.base + REASON_AT; memory[at] !== CR; at++) {
    const byte = memory[at]!;
    if ((byte < SPACE && byte !== TAB) || byte === DEL) return false;
  }
  return true;
}

/** Does what a complete response head says. Returns false when the chunk, whose reference passes then, is spoken for. */
function passHead(
  w: Context,
  x: Exchange,
  backend: BackendConnection,
  chunk: number,
  restAt: number,
  restBytes: number,
  status: number,
): boolean {
  // llhttp skips empty lines in front of an answer and takes any three digits: neither may go on.
  const { head } = backend.parser!;
  if (w.memory[head.base] !== LETTER_H || status < 100 || status > STATUS_MAX || !reasonValid(w.memory, head)) {
    w.engine.release(chunk);
    fail(w, x, 'RESPONSE_MALFORMED');
    return false;
  }
  if (status < 200) return interim(w, x, backend, chunk, restAt, restBytes);
  beginResponse(w, x, backend, chunk, restAt, restBytes);
  return false;
}

/** A long response head is complete: from here on it lies in a run of chunks. False: the slab has none. */
function endLongHead(w: Context, backend: BackendConnection, long: LongHead, at: number): boolean {
  const moved = moveToRun(w, backend.parser!, long, at);
  w.longHeads.drop(long);
  backend.longHead = null;
  return moved;
}

function readResponseHead(w: Context, backend: BackendConnection, at: number, bytes: number): number {
  if (backend.longHead !== null) {
    // What has to be mended lies elsewhere by now: only the first half chunk of a head is.
    if (backend.parser!.heldBack > 0) return PARSED.invalid;
    backend.longHead.placeBefore(backend.parser!, at);
    return backend.parser!.executeHeadPiece(at, bytes);
  }
  if (backend.parked !== null) {
    unpark(w, backend.parser!, backend.parked, at);
    backend.parked = null;
  } else {
    backend.parser ??= w.llhttp.acquireResponse();
    if (backend.parser === null) return PARSED.invalid;
    backend.parser.begin(at, w.limits.fieldsMax);
  }
  return backend.parser!.executeResponseHead(at, bytes);
}

/** The response head goes on: keeps its new bytes, from `from` to `end`, outside the slab, and reads on. */
function parkResponse(
  w: Context,
  x: Exchange,
  backend: BackendConnection,
  chunk: number,
  from: number,
  end: number,
): void {
  const parser = backend.parser!;
  const { headBytesMax } = w.limits;
  const received = end - parser.head.base;
  if (received >= headBytesMax) {
    w.engine.release(chunk);
    fail(w, x, 'RESPONSE_HEAD_TOO_LARGE');
    return;
  }
  if (backend.longHead !== null || isLong(headBytesMax, received)) {
    // A head that was mended begins behind the bytes it came with.
    const newAt = backend.longHead === null ? parser.head.base : from;
    backend.longHead = w.longHeads.collect(backend.longHead, w.memory, newAt, end);
    if (backend.longHead === null) {
      w.engine.release(chunk);
      fail(w, x, 'OVERLOADED');
      return;
    }
  } else {
    backend.parked = park(w, parser, end);
  }
  w.engine.release(chunk);
  backend.paused = false;
  w.engine.readStart(backend.conn, backend.parked === null ? 0 : backend.parked.length);
}

/**
 * An interim response goes to a client that can understand it. A 101 makes the pair a tunnel. Returns false when the
 * chunk, whose reference passes then, is spoken for.
 */
function interim(
  w: Context,
  x: Exchange,
  backend: BackendConnection,
  chunk: number,
  restAt: number,
  restBytes: number,
): boolean {
  const parser = backend.parser!;
  if (parser.head.status !== 101) {
    // It has no body, and a server that means to send one would answer the next request with it.
    if (announcesBody(w.memory, parser.head, w.framing)) backend.distrusted = true;
    if (x.minor === 1) sendInterim(w, x, parser.head);
    w.deadlines.set(backend.slot, x.request.done ? ticksOf(w, x).responseHead : 0, backend.expires);
    return true;
  }
  if (!x.upgrade) {
    w.engine.release(chunk);
    fail(w, x, 'RESPONSE_MALFORMED');
    return false;
  }
  sendInterim(w, x, parser.head);
  w.llhttp.releaseResponse(parser);
  backend.parser = null;
  x.status = 101;
  releaseRequest(w, x);
  if (restBytes > 0) w.engine.send(x.client.conn, restAt, restBytes);
  w.engine.release(chunk);
  tunnelBegin(w, x.client, backend);
  return false;
}

/** The final response has begun: from here on the request cannot be sent again. */
function beginResponse(
  w: Context,
  x: Exchange,
  backend: BackendConnection,
  chunk: number,
  bodyAt: number,
  bodyBytes: number,
): void {
  const parser = backend.parser!;
  const { head } = parser;
  const toHead = x.method === METHOD.HEAD;
  responseFraming(w.memory, head, toHead, w.framing);
  const { kind, length, announced } = w.framing;
  if (kind === BODY.ambiguous || kind === BODY.unknownCoding) {
    w.engine.release(chunk);
    fail(w, x, 'RESPONSE_MALFORMED');
    return;
  }
  const pool = x.pool!;
  // That all is well shows at the end: a server may break off every answer it begins.
  backend.erred = resultOfStatus(head.status) === RESULT.ERROR;
  if (backend.erred) pool.reports.report(backend.server!.index, RESULT.ERROR);
  if (pool.retries.asks(head.status) && retryStatus(w, x)) {
    w.engine.release(chunk);
    return;
  }
  if (head.status === REQUEST_TIMEOUT && backend.reused && !head.keepAlive && retryUnseen(w, x)) {
    w.engine.release(chunk);
    return;
  }
  x.to(STAGE.RESPONDING);
  x.status = head.status;
  releaseRequest(w, x);
  // The pool's time for a try ends with the head; a rule's covers the whole answer (Gateway API, backendRequest).
  if (x.rule!.ticks.attempt < 0) backend.expires = 0;
  if (x.client.ended && !x.client.blocked) waitForServer(w, x);
  x.response.set(kind, kind === BODY.untilEof ? Number.MAX_SAFE_INTEGER : length);
  // A 204 says nothing of a length. A 304, and an answer to HEAD, may say that of a body they do not have.
  if (announced && head.status === 204) backend.distrusted = true;
  // So may one to HEAD that says nothing of a length have one after all, which llhttp takes for granted.
  else backend.aside = announced || (toHead && !head.keepAlive);
  backend.keepAlive = kind !== BODY.untilEof && keepsConnection(w.memory, head, toHead) && !backend.distrusted;
  backend.to(BACKEND.BODY);
  // A client of HTTP/1.0 knows no chunks: for it the end of the connection is the end of the body.
  const unknownLength = kind === BODY.chunked || kind === BODY.untilEof;
  x.chunkedOut = unknownLength && x.minor === 1;
  if (
    (unknownLength && x.minor === 0) ||
    !x.request.done ||
    w.draining ||
    (x.client.ended && x.client.pendingAt === NO_ADDRESS)
  )
    x.client.keepAlive = false;
  if (kind === BODY.chunked) parser.chunked.begin(true);
  w.engine.sendBegin(x.client.conn, SEND_FLAG.none);
  let result: number = gatherResponseHead(w, x, head) ? RELAYED.more : RELAYED.noRoom;
  let refused: ReasonCode | null = null;
  if (result === RELAYED.more && bodyBytes > 0 && !x.response.done) {
    const { left } = x.response;
    result = gatherResponseBody(w, x, backend, bodyAt, bodyBytes);
    refused = watchBody(x, result, bodyAt, bodyBytes, left);
  }
  w.engine.sendEnd();
  if (kind !== BODY.chunked) {
    w.llhttp.releaseResponse(parser);
    backend.parser = null;
  }
  const extra = result === RELAYED.done ? rest.bytes : x.response.done ? bodyBytes : 0;
  w.engine.release(chunk);
  if (kind !== BODY.chunked && x.response.left >= BULK_BYTES) readBulk(w, backend.conn, x.response.left);
  if (refused !== null) fail(w, x, refused);
  else relayed(w, x, backend, result, extra);
}

/** Shows filters the piece of the response body that was listed last. Null when all let it pass. Hot. */
function watchBody(x: Exchange, result: number, at: number, bytes: number, left: number): ReasonCode | null {
  const { responseBody } = x.rule!.phases;
  if (responseBody.length === 0 || (result !== RELAYED.more && result !== RELAYED.done)) return null;
  return showPiece(responseBody, x, lastResponsePiece(x, at, bytes, left));
}

/** A piece of the response body. The chunk reference passes to this function. */
function relayBody(w: Context, x: Exchange, backend: BackendConnection, at: number, bytes: number): void {
  w.engine.sendBegin(x.client.conn, SEND_FLAG.none);
  const { left } = x.response;
  const result = gatherResponseBody(w, x, backend, at, bytes);
  const refused = watchBody(x, result, at, bytes, left);
  w.engine.sendEnd();
  w.engine.release(at);
  if (refused !== null) fail(w, x, refused);
  else relayed(w, x, backend, result, result === RELAYED.done ? rest.bytes : 0);
}

/** After each piece: on with the body, or the end of the exchange, or of both connections. */
function relayed(w: Context, x: Exchange, backend: BackendConnection, result: number, extra: number): void {
  if (result === RELAYED.invalid || result === RELAYED.noRoom) {
    fail(w, x, result === RELAYED.invalid ? 'RESPONSE_CUT' : 'OVERLOADED');
    return;
  }
  if (x.response.done) {
    // Bytes behind an answer answer nothing: a server that sends them is out of step.
    responseDone(w, x, backend, backend.keepAlive && extra === 0);
    return;
  }
  if (!x.client.blocked) {
    w.deadlines.set(backend.slot, ticksOf(w, x).responseIdle, backend.expires);
    if (x.client.ended) waitForServer(w, x);
  }
}

function responseDone(w: Context, x: Exchange, backend: BackendConnection, reusable: boolean): void {
  if (!backend.erred) x.pool!.reports.report(backend.server!.index, RESULT.SUCCESS);
  if (reusable && x.request.done && !backend.ended && !backend.blocked) keepBackend(w, backend);
  else closeBackend(w, backend);
  exchangeDone(w, x);
}

/** The server will send no more. */
export function backendEnded(w: Context, backend: BackendConnection): void {
  backend.ended = true;
  const { exchange: x } = backend;
  switch (backend.state) {
    case BACKEND.HEAD:
      retryOrFail(w, x!, 'SERVER_LEFT');
      serve(w, x!.client);
      return;
    case BACKEND.BODY:
      if (x!.response.kind === BODY.untilEof) {
        const { left } = x!.response;
        relayEof(w, x!);
        const refused = watchBody(x!, RELAYED.done, NO_ADDRESS, 0, left);
        if (refused !== null) {
          fail(w, x!, refused);
          return;
        }
        responseDone(w, x!, backend, false);
        serve(w, x!.client);
      } else {
        fail(w, x!, 'RESPONSE_CUT');
      }
      return;
    default:
      closeBackend(w, backend);
  }
}

/**
 * The connection is of no use any more: `connecting` says why while it was not established, `waiting` why while the
 * answer had not begun. An answer that had is cut.
 */
function broken(w: Context, backend: BackendConnection, connecting: ReasonCode, waiting: ReasonCode): void {
  const { exchange: x } = backend;
  switch (backend.state) {
    case BACKEND.CONNECTING:
      retryOrFail(w, x!, connecting);
      break;
    case BACKEND.HEAD:
      retryOrFail(w, x!, waiting);
      break;
    case BACKEND.BODY:
      fail(w, x!, 'RESPONSE_CUT');
      return;
    default:
      closeBackend(w, backend);
      return;
  }
  if (x!.client.state !== CLIENT.CLOSED) serve(w, x!.client);
}

/** The connection to the server is dead; `error` is the engine's code. */
export function backendFailed(w: Context, backend: BackendConnection, error: number): void {
  broken(w, backend, connectReason(error), 'SERVER_LEFT');
}

/** Everything the server was sent has left, and our end of the connection with it. */
export function backendFinished(backend: BackendConnection): void {
  backend.finished = true;
}

/**
 * The deadline of the state has passed: no connection, no answer, or the server does not take the body. A client that
 * does not send its body has a deadline of its own.
 */
export function backendLate(w: Context, backend: BackendConnection): void {
  if (backend.state === BACKEND.IDLE && backend.aside) {
    endAside(w, backend);
    return;
  }
  if (serverMoves(w, backend)) return;
  if (backend.state === BACKEND.MIRROR) countDrop(w, 'late');
  broken(w, backend, 'CONNECT_TIMEOUT', 'RESPONSE_TIMEOUT');
}
