// HTTP/1 in the role of a client, toward servers: reads responses from a backend connection.
// Leaves what becomes of a response to exchange/, and of the connection to backends.ts.

import { releaseRequest } from '../../exchange/end.js';
import {
  attemptFailed,
  connected,
  fail,
  responseBegins,
  responseBody,
  responseComplete,
  responseGoesOn,
  responseHead,
  responseInterim,
} from '../../exchange/events.js';
import type { Exchange } from '../../exchange/exchange.js';
import { countDrop } from '../../exchange/mirror.js';
import { announcesBody, BODY, keepsConnection, responseFraming } from '../../http/framing.js';
import { METHOD } from '../../http/methods.js';
import type { ReasonCode } from '../../http/reasons.js';
import { closeBackend, endAside, keepBackend } from '../backends.js';
import { connectReason } from '../connect-reason.js';
import { BACKEND, type BackendConnection } from '../connections.js';
import type { CodecContext } from '../context.js';
import { BULK_BYTES, expectAlike, readBulk } from '../flow.js';
import { serverMoves } from '../progress.js';
import { sendProxyHeader } from '../raw/proxy-out.js';
import { endOfResponse, readResponseBody } from './read-body.js';
import { goesOn, readOn, readResponseHead } from './read-response-head.js';

/** The connection is established: the request that waited for it goes out. */
export function backendConnected(w: CodecContext, backend: BackendConnection): void {
  const { exchange: x } = backend;
  if (x === null) return; // a mirror: what it is sent waits in the engine
  // Without the header it cannot be said who the client is, and without that nothing may be sent.
  if (backend.sendsProxyHeaderUnencrypted && !sendProxyHeader(w, backend, true)) {
    fail(w, x, 'OVERLOADED');
    return;
  }
  backend.to(BACKEND.HEAD);
  connected(w, x);
}

/** Bytes from the server; their chunk reference passes to this function. */
export function backendData(w: CodecContext, backend: BackendConnection, at: number, bytes: number): void {
  switch (backend.state) {
    case BACKEND.HEAD:
    case BACKEND.BODY:
      responseData(w, backend, at, bytes);
      break;
    case BACKEND.MIRROR:
      w.engine.release(at);
      break;
    default:
      // Not asked for: whatever it means, the next request must not get it as its response.
      w.engine.release(at);
      closeBackend(w, backend);
  }
}

/** The server will send no more. */
export function backendEnded(w: CodecContext, backend: BackendConnection): void {
  backend.ended = true;
  switch (backend.state) {
    case BACKEND.HEAD:
      attemptFailed(w, backend.exchange!, 'SERVER_LEFT');
      break;
    case BACKEND.BODY:
      responseEnded(w, backend);
      break;
    default:
      closeBackend(w, backend);
  }
}

/**
 * The connection is of no use any more: `connecting` says why while it was not established, `waiting` why while the
 * response had not begun. A response that had is cut.
 */
function broken(w: CodecContext, backend: BackendConnection, connecting: ReasonCode, waiting: ReasonCode): void {
  switch (backend.state) {
    case BACKEND.CONNECTING:
      attemptFailed(w, backend.exchange!, connecting);
      break;
    case BACKEND.HEAD:
      attemptFailed(w, backend.exchange!, waiting);
      break;
    case BACKEND.BODY:
      fail(w, backend.exchange!, 'RESPONSE_CUT');
      break;
    default:
      closeBackend(w, backend);
  }
}

/** The connection to the server is dead; `error` is the engine's code. */
export function backendFailed(w: CodecContext, backend: BackendConnection, error: number): void {
  broken(w, backend, connectReason(error), 'SERVER_LEFT');
}

/** Everything the server was sent has left, and our end of the connection with it. */
export function backendFinished(backend: BackendConnection): void {
  backend.finished = true;
}

/**
 * The deadline of the state has passed: no connection, no response, or the server does not take the body. A client that
 * does not send its body has a deadline of its own.
 */
export function backendLate(w: CodecContext, backend: BackendConnection): void {
  if (backend.state === BACKEND.IDLE && backend.aside) {
    endAside(w, backend);
    return;
  }
  if (serverMoves(w, backend)) return;
  if (backend.state === BACKEND.MIRROR) countDrop(w, 'late');
  broken(w, backend, 'CONNECT_TIMEOUT', 'RESPONSE_TIMEOUT');
}

/** Beyond these, it does not matter how long a response was. A small integer. */
const COUNTED_BYTES_MAX = 2 ** 28;

/** Bytes of a response; their chunk reference passes to this function. */
function responseData(w: CodecContext, backend: BackendConnection, at: number, bytes: number): void {
  const x = backend.exchange!;
  if (backend.responseBytes < COUNTED_BYTES_MAX) backend.responseBytes += bytes;
  if (backend.state === BACKEND.BODY) {
    passBody(w, x, backend, at, bytes);
  } else if (x.attempt.reused && x.attempt.takenIn === w.batch) {
    // It came before the request left, so it is no answer to it: the connection was given up by its server.
    w.engine.release(at);
    attemptFailed(w, x, 'SERVER_LEFT');
  } else {
    readResponse(w, x, backend, at, bytes);
  }
}

/** Reads response heads until the final one is complete. The chunk reference passes to this function. */
function readResponse(w: CodecContext, x: Exchange, backend: BackendConnection, at: number, bytes: number): void {
  const end = at + bytes;
  let from = at;
  if (!goesOn(w, backend, at)) {
    w.engine.release(at);
    fail(w, x, 'OVERLOADED');
    return;
  }
  while (from < end) {
    const isLong = backend.longHead !== null;
    const result = readResponseHead(w, backend, from, end);
    if (result !== 'complete') {
      w.engine.release(at);
      if (result === 'partial') readOn(w, backend);
      else fail(w, x, result);
      return;
    }
    const parser = backend.parser!;
    const { base, bytes: headBytes, status } = parser.head;
    from = parser.endAt;
    const isInterim = status < 200 && interim(w, x, backend, at, from, end - from);
    if (status >= 200) beginResponse(w, x, backend, at, from, end - from);
    if (isLong) w.engine.runRelease(base, headBytes);
    if (!isInterim) return;
  }
  w.engine.release(at);
}

/**
 * An interim response goes to a client that can understand it. A 101 makes the pair a tunnel. Returns false when no further
 * head follows; the chunk reference passes then.
 */
function interim(
  w: CodecContext,
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
    responseInterim(w, x, parser.head);
    return true;
  }
  if (!x.upgrade) {
    w.engine.release(chunk);
    fail(w, x, 'RESPONSE_MALFORMED');
    return false;
  }
  x.status = 101;
  releaseRequest(w, x);
  w.clientStream.toTunnel(w, x, parser.head, restAt, restBytes);
  w.llhttp.releaseResponse(parser);
  backend.parser = null;
  w.engine.release(chunk);
  return false;
}

/** The final response has begun: from here on the request cannot be sent again. */
function beginResponse(
  w: CodecContext,
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
  if (!responseBegins(w, x, head, kind, length)) {
    w.engine.release(chunk);
    return;
  }
  // A 204 says nothing of a length. A 304, and an answer to HEAD, may say that of a body they do not have.
  if (announced && head.status === 204) backend.distrusted = true;
  // So may one to HEAD that says nothing of a length have one after all, which llhttp takes for granted.
  else backend.aside = announced || (toHead && !head.keepAlive);
  backend.keepAlive = kind !== BODY.untilEof && keepsConnection(w.memory, head, toHead) && !backend.distrusted;
  backend.to(BACKEND.BODY);
  if (kind === BODY.chunked) parser.chunked.begin(true);
  else if (x.response.left - bodyBytes >= BULK_BYTES) readBulk(w, backend.conn, x.response.left - bodyBytes);
  w.rest.bytes = bodyBytes;
  w.clientStream.beginWrite(w, x);
  let failed: ReasonCode | null = responseHead(w, x, head) ? null : 'OVERLOADED';
  if (failed === null && bodyBytes > 0 && !x.response.done) failed = readPiece(w, x, backend, bodyAt, bodyBytes);
  w.clientStream.endWrite(w, x);
  if (kind !== BODY.chunked) {
    w.llhttp.releaseResponse(parser);
    backend.parser = null;
  }
  w.engine.release(chunk);
  goOn(w, x, backend, failed);
}

/** Reads a piece of the body, which the exchange passes on. Returns why it cannot go on, or null. */
function readPiece(
  w: CodecContext,
  x: Exchange,
  backend: BackendConnection,
  at: number,
  bytes: number,
): ReasonCode | null {
  return readResponseBody(w, x, backend, at, bytes) ? responseBody(w, x) : 'RESPONSE_CUT';
}

/** A piece of the response body. The chunk reference passes to this function. */
function passBody(w: CodecContext, x: Exchange, backend: BackendConnection, at: number, bytes: number): void {
  w.clientStream.beginWrite(w, x);
  const failed = readPiece(w, x, backend, at, bytes);
  w.clientStream.endWrite(w, x);
  w.engine.release(at);
  goOn(w, x, backend, failed);
}

/** After each piece: on with the body, or the end of the exchange, or of both connections. */
function goOn(w: CodecContext, x: Exchange, backend: BackendConnection, failed: ReasonCode | null): void {
  if (failed !== null) fail(w, x, failed);
  // Bytes behind a response answer nothing: a server that sends them is out of step.
  else if (x.response.done) endResponse(w, x, backend, backend.keepAlive && w.rest.bytes === 0);
  else responseGoesOn(w, x);
}

function endResponse(w: CodecContext, x: Exchange, backend: BackendConnection, reusable: boolean): void {
  responseComplete(x);
  if (reusable && x.request.done && !backend.ended && !backend.blocked) {
    expectAlike(w, backend);
    keepBackend(w, backend);
  } else {
    closeBackend(w, backend);
  }
  w.clientStream.finish(w, x);
}

/** The server ended its side in the middle of the body: that is its end where nothing else says so. */
function responseEnded(w: CodecContext, backend: BackendConnection): void {
  const x = backend.exchange!;
  if (x.response.kind !== BODY.untilEof) {
    fail(w, x, 'RESPONSE_CUT');
    return;
  }
  endOfResponse(w, x);
  w.clientStream.beginWrite(w, x);
  const failed = responseBody(w, x);
  w.clientStream.endWrite(w, x);
  if (failed === null) endResponse(w, x, backend, false);
  else fail(w, x, failed);
}
