// A client connection until it is known what it speaks: who it is, what kind of listener it came to, and where it goes from
// there. Leaves reading PROXY headers, handshakes and ClientHellos to codec/raw/, and what is spoken to the codecs.

import { assert } from '../base/assert.js';
import { closeClient, linger } from '../codec/close.js';
import { CLIENT, type ClientConnection } from '../codec/connections.js';
import type { CodecContext } from '../codec/context.js';
import { requestData } from '../codec/h1/server.js';
import { PREFACE } from '../codec/h2/frames.js';
import { http2Begin, http2Data } from '../codec/h2/server.js';
import { Parked } from '../codec/parked.js';
import { HELLO } from '../codec/raw/client-hello.js';
import { passOn } from '../codec/raw/events.js';
import { certificateFailed, handshakeBegin, handshakeDone, handshakeDrop, plainAtTls } from '../codec/raw/handshake.js';
import { PROXY, proxyBegin, readProxy } from '../codec/raw/proxy-in.js';
import { type HelloRefusal, helloBegin, helloRefusal, NAME_UNKNOWN, readHello } from '../codec/raw/read-hello.js';
import { ENGINE_ERROR, EVENT_KIND, PEER_BYTES } from '../engine/layout.js';
import { NO_ADDRESS, STAGE } from '../exchange/exchange.js';
import { HOLD } from '../exchange/filter.js';
import { peerBytes } from '../exchange/trust.js';
import type { ReasonCode } from '../http/reasons.js';
import type { Worker } from './worker.js';

/*
 *   accepted ─┬─ its source says who it is for ──► PROXY ──header──┐
 *             └────────────────────────────────────────────────────┴─► served ─┬─ http ───────────────► codec/h1/
 *                                                                              ├─ https, handshake ───► codec/h1/
 *                                                                              ├─ tcp ────────────────► passed on
 *                                                                              ├─ tls, handshake ─────► passed on by name
 *                                                                              └─ HELLO, ClientHello ─► passed on by name
 *
 * At each step it can be refused, closed by its client, or late; then it is closed, or shut down where an alert was sent.
 */

/** Handles a new client connection of the listener with this number in the engine's registry. */
export function accepted(w: Worker, conn: number, number: number): void {
  const listener = w.listeners.get(number);
  if (listener === undefined) {
    w.engine.closeConn(conn);
    return;
  }
  const client = w.connections.openClient(conn, listener);
  w.counters.accepted++;
  assert(client.x.stage === STAGE.FREE, 'a connection begins without an exchange');
  if (listener.proxySources?.holds(w.engine.peers, client.slot) === true) proxyBegin(w, client);
  else serveConnection(w, client, NO_ADDRESS, 0);
}

/**
 * Serves a client whose address is settled. `bytes` bytes at `at` came with its PROXY header, behind it; if there are any,
 * their chunk reference passes to this function.
 */
function serveConnection(w: CodecContext, client: ClientConnection, at: number, bytes: number): void {
  const { plan, pool, current, gate, hold } = client.listener;
  const { peers } = w.engine;
  client.to(CLIENT.IDLE);
  client.trusted = w.trust.holds(peers, client.slot);
  // One that came in just before its listener went has no pool any more, and needs none where rules choose. A drain waits for
  // requests that are on their way, not for new tunnels.
  if ((!current || w.draining) && plan.protocol !== 'http' && plan.protocol !== 'https') {
    if (bytes > 0) w.engine.release(at);
    closeClient(w, client);
    return;
  }
  if (gate !== null && !gate(peers, client.slot * PEER_BYTES + 4, peerBytes(peers, client.slot))) {
    refuseConnection(w, client, at, bytes, 'CLIENT_DENIED');
    return;
  }
  // A trusted proxy has the connections of many clients.
  if (hold !== null && !client.trusted) {
    const place = hold(peers, client.slot * PEER_BYTES + 4, peerBytes(peers, client.slot));
    if (place === HOLD.REFUSED) {
      refuseConnection(w, client, at, bytes, 'CONNECTION_LIMITED');
      return;
    }
    client.place = place;
  }
  if (plan.tls >= 0) {
    secureConnection(w, client, at, bytes);
    return;
  }
  switch (plan.protocol) {
    case 'tcp':
      if (bytes > 0) {
        client.pendingAt = at;
        client.pendingBytes = bytes;
      }
      passOn(w, client, pool!);
      break;
    case 'tls-passthrough':
      helloBegin(w, client);
      if (bytes > 0) lead(w, client, at, bytes);
      break;
    default:
      // The first request is due at once: a connection that says nothing is not an idle keep-alive one.
      w.deadlines.set(client.slot, w.ticks.requestHead);
      client.mayBeHttp2 = plan.http2;
      if (bytes === 0) return;
      if (client.mayBeHttp2) firstBytes(w, client, at, bytes);
      else requestData(w, client, at, bytes);
  }
}

/** Closes a connection that a policy does not let in, before anything of it is read. The chunk reference passes as above. */
function refuseConnection(
  w: CodecContext,
  client: ClientConnection,
  at: number,
  bytes: number,
  reason: ReasonCode,
): void {
  if (bytes > 0) w.engine.release(at);
  w.count(reason);
  closeClient(w, client);
}

/** Begins TLS, unless it is plain at once that the client does not. The chunk reference passes as above. */
function secureConnection(w: CodecContext, client: ClientConnection, at: number, bytes: number): void {
  if (bytes > 0 && isLetter(w.memory[at]!)) {
    w.counters.handshakesFailed++;
    if (plainAtTls(w, client)) {
      requestData(w, client, at, bytes);
      return;
    }
    linger(w, client);
    w.engine.release(at);
    return;
  }
  const begun = handshakeBegin(w, client, client.listener.plan.tls, at, bytes);
  if (bytes > 0) w.engine.release(at);
  if (!begun) closeClient(w, client);
}

/** No record of TLS begins with a letter, as the engine knows too: its `plainText`. */
function isLetter(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}

/** The handshake is done; what it agreed on is at `at`, in a chunk whose reference passes to this function. */
export function clientSecured(w: CodecContext, client: ClientConnection, at: number): void {
  handshakeDone(w, client, at);
  // Draining: the connection was shut down meanwhile. Start no tunnel that would be cut at once.
  if (client.state !== CLIENT.IDLE) return;
  if (client.listener.plan.protocol !== 'tls') {
    w.deadlines.set(client.slot, w.ticks.requestHead);
    if (client.tls!.protocol === 'h2') http2Begin(w, client);
    return;
  }
  const pool = client.listener.poolFor(client.tls!.sni);
  if (pool !== null) {
    passOn(w, client, pool);
    return;
  }
  w.count('SERVER_NAME_UNKNOWN');
  linger(w, client);
}

/**
 * The handshake failed with this error of the engine's, and the connection goes on without TLS: to its end, or to one local
 * reply.
 */
export function clientNotSecured(w: CodecContext, client: ClientConnection, error: number): void {
  certificateFailed(w, error);
  handshakeDrop(w, client);
  // A drain has ended it meanwhile.
  if (client.state !== CLIENT.IDLE) return;
  if (error !== ENGINE_ERROR.plainText || !plainAtTls(w, client)) linger(w, client);
}

// --- In front of what is spoken: a PROXY header, or the ClientHello of a connection that is passed on as it is -----------

/** Whether the events of a client connection come here. Those of a handshake under way are few, and have functions above. */
export function isOpening(client: ClientConnection): boolean {
  return client.mayBeHttp2 || client.state === CLIENT.PROXY || client.state === CLIENT.HELLO;
}

/** Handles an event of a client connection for which `isOpening()` holds. `at` and `bytes` belong to data. */
export function openingEvent(w: CodecContext, client: ClientConnection, kind: number, at: number, bytes: number): void {
  switch (kind) {
    case EVENT_KIND.data:
      openingData(w, client, at, bytes);
      break;
    case EVENT_KIND.eof:
    case EVENT_KIND.error:
      openingEnded(w, client, kind === EVENT_KIND.error);
      break;
  }
}

/** Bytes from the client; their chunk reference passes to this function. */
function openingData(w: CodecContext, client: ClientConnection, at: number, bytes: number): void {
  if (client.mayBeHttp2) {
    firstBytes(w, client, at, bytes);
    return;
  }
  if (client.state === CLIENT.HELLO) {
    lead(w, client, at, bytes);
    return;
  }
  const rest = readProxy(w, client, at, bytes);
  if (rest === PROXY.invalid) closeOpening(w, client, 'PROXY_HEADER_INVALID');
  else if (rest !== PROXY.partial) serveConnection(w, client, at + bytes - rest, rest);
}

/** No method of HTTP/1 begins like the preface of HTTP/2 (RFC 9113, 3.4): this much of it tells them apart. */
const PREFACE_BYTES = 'PRI'.length;

/** The first bytes where HTTP/2 may come without TLS: what they begin decides. The chunk reference passes to this function. */
function firstBytes(w: CodecContext, client: ClientConnection, at: number, bytes: number): void {
  const from = client.parked === null ? at : client.parked.putBefore(w.memory, at);
  const length = at + bytes - from;
  const looked = Math.min(length, PREFACE_BYTES);
  let same = 0;
  while (same < looked && w.memory[from + same] === PREFACE[same]) same++;
  client.parked = null;
  if (same === looked && looked < PREFACE_BYTES) {
    client.parked = new Parked(w.memory, from, length);
    w.engine.release(at);
    client.paused = false;
    w.engine.readStart(client.conn, length);
    return;
  }
  client.mayBeHttp2 = false;
  if (same < looked) {
    requestData(w, client, from, length);
    return;
  }
  http2Begin(w, client);
  http2Data(w, client.http2!, from, length);
}

/** Passes a connection on by its ClientHello, once that is complete. The chunk reference passes to this function. */
function lead(w: CodecContext, client: ClientConnection, at: number, bytes: number): void {
  const result = readHello(w, client, at, bytes);
  if (result === HELLO.partial) return;
  if (result !== HELLO.complete) {
    refuse(w, client, helloRefusal(result));
    return;
  }
  const pool = client.listener.poolFor(client.hello!.sni);
  client.hello = null;
  if (pool === null) refuse(w, client, NAME_UNKNOWN);
  else passOn(w, client, pool);
}

/** Ends a connection that no server gets: counted, and after an alert where the client understands one. */
function refuse(w: CodecContext, client: ClientConnection, { reason, alert }: HelloRefusal): void {
  if (alert === '') {
    closeOpening(w, client, reason);
    return;
  }
  w.count(reason);
  const { at, bytes } = w.pinned.pin(alert);
  w.engine.send(client.conn, at, bytes);
  linger(w, client);
}

/** Closes without a word: it is not known who the client is, or what it speaks. Null counts nothing. */
function closeOpening(w: CodecContext, client: ClientConnection, reason: ReasonCode | null): void {
  if (reason !== null) w.count(reason);
  closeClient(w, client);
}

/**
 * The client will send no more, or its connection is dead. One that never sent a byte only looked whether the port is
 * open.
 */
function openingEnded(w: CodecContext, client: ClientConnection, failed: boolean): void {
  if (client.parked === null || client.mayBeHttp2) closeOpening(w, client, null);
  else if (client.state === CLIENT.PROXY) closeOpening(w, client, 'PROXY_HEADER_INVALID');
  else closeOpening(w, client, failed ? null : 'CLIENT_LEFT');
}

/** The header, or the ClientHello, did not come in time. */
export function openingLate(w: CodecContext, client: ClientConnection): void {
  if (client.mayBeHttp2) closeOpening(w, client, client.parked === null ? null : 'HEAD_TIMEOUT');
  else closeOpening(w, client, client.state === CLIENT.PROXY ? 'PROXY_HEADER_TIMEOUT' : 'HELLO_TIMEOUT');
}
