// The two kinds of connection as plain objects from free lists: no object is made per request.
// Owns their fields and their making. Leaves every change of state to the file named after the step.

import { nowUs } from '../base/clock.js';
import { Edges } from '../base/edges.js';
import type { ProxyAddresses, ProxyVersion } from '../base/proxy-protocol.js';
import type { Attempt } from '../exchange/attempt.js';
import { type Exchange, NO_ADDRESS } from '../exchange/exchange.js';
import { HOLD } from '../exchange/filter.js';
import type { Listener } from '../exchange/listener.js';
import type { Poolable, Server } from '../exchange/pools.js';
import { type BackendSide, CLIENT_KIND, type ClientSide } from '../exchange/streams.js';
import type { HeadParser } from '../http/llhttp.js';
import type { LongHead } from './h1/long-head.js';
import type { Http2Connection } from './h2/connection.js';
import { Movement } from './movement.js';
import type { Parked } from './parked.js';
import type { ClientHello } from './raw/client-hello.js';
import type { TlsInfo } from './raw/handshake.js';

/*
 * A client connection. `to()` is the only writer of its state, and crosses no edge that is not drawn here. What a request
 * on it waits for is the stage of its exchange (exchange/exchange.ts).
 *
 *   CLOSED ──accepted──┬──────────────────────────────────────────────────► IDLE
 *                      └─ has to begin with a PROXY header ► PROXY ──complete──► IDLE
 *
 *   IDLE ──bytes──► HEAD ──complete──► BUSY ──exchange over──► IDLE
 *    │               │                  │ └─ 101 ──► TUNNEL
 *    │ eof, drain    │ wrong, late      │ cannot go on
 *    ▼               ▼                  ▼
 *  LINGER ◄──────────┴──── answered ────┘
 *    └─ eof, or late ──► CLOSED
 *
 * A client connection that is passed on unread is BUSY, then TUNNEL. Before that it is IDLE in the handshake of a
 * tls listener, and HELLO while that of a tls-passthrough listener sends its ClientHello:
 *
 *   IDLE ─┬──────────── handshake done, or tcp ────────────┬─► BUSY ──connected──► TUNNEL
 *         └──► HELLO ─┬─ ClientHello complete ─────────────┘
 *                     └─ leads nowhere ──► LINGER
 *
 * One that speaks HTTP/2 is HTTP2 from IDLE on, to LINGER: its streams have exchanges of their own (h2/stream.ts), and `x` stays FREE.
 *
 * From every state but CLOSED a connection can be closed: it died, was late, or was cut.
 */
export const CLIENT = {
  CLOSED: 0,
  IDLE: 1,
  HEAD: 2,
  /** An exchange is under way. */
  BUSY: 3,
  TUNNEL: 4,
  LINGER: 5,
  HELLO: 6,
  PROXY: 7,
  HTTP2: 8,
} as const;

const clientEdges = new Edges('client connection', CLIENT, {
  CLOSED: ['IDLE', 'PROXY'],
  PROXY: ['IDLE', 'CLOSED'],
  IDLE: ['HEAD', 'BUSY', 'HELLO', 'HTTP2', 'LINGER', 'CLOSED'],
  HELLO: ['BUSY', 'LINGER', 'CLOSED'],
  HEAD: ['BUSY', 'LINGER', 'CLOSED'],
  BUSY: ['TUNNEL', 'IDLE', 'LINGER', 'CLOSED'],
  TUNNEL: ['CLOSED'],
  HTTP2: ['LINGER', 'CLOSED'],
  LINGER: ['CLOSED'],
});

/*
 * A backend connection. `to()` is the only writer of its state, and crosses no edge that is not drawn here.
 *
 *   CLOSED ──opened──► CONNECTING ──► HEAD ──final──► BODY ──done──► IDLE ──taken──► HEAD
 *                          │           ▲ │ 1xx         │ cut           │ eof, data, late
 *                          │           └─┘             ▼               ▼
 *                          │           └─ 101 ► TUNNEL CLOSED        CLOSED
 *                          ├─ passed on unread ──► TUNNEL
 *                          └─ a copy of a request ──► MIRROR
 *
 * A MIRROR gets a copy of a request: what it answers is dropped, and it is closed when it ends or is late.
 * From every state but CLOSED a connection can be closed.
 */
export const BACKEND = { CLOSED: 0, CONNECTING: 1, HEAD: 2, BODY: 3, IDLE: 4, TUNNEL: 5, MIRROR: 6 } as const;

const backendEdges = new Edges('backend connection', BACKEND, {
  CLOSED: ['CONNECTING'],
  CONNECTING: ['HEAD', 'TUNNEL', 'MIRROR', 'CLOSED'],
  HEAD: ['BODY', 'TUNNEL', 'CLOSED'],
  BODY: ['IDLE', 'CLOSED'],
  IDLE: ['HEAD', 'CLOSED'],
  TUNNEL: ['CLOSED'],
  MIRROR: ['CLOSED'],
});

/** A client's side that a codec of ours speaks with: the connection that carries it is a client connection. */
interface Carried extends ClientSide {
  readonly carrier: ClientConnection;
}

export class ClientConnection implements Carried {
  /** CLIENT_KIND of what is spoken on it. */
  kind: number = CLIENT_KIND.H1;
  conn = 0;
  slot = 0;
  /** CLIENT; written by `to()` alone. */
  state: number = CLIENT.CLOSED;
  /** Its number among those that were accepted here; set as it is accepted. */
  number = 0;
  acceptedUs = 0;
  /** Where it came in; set as it is accepted. */
  listener!: Listener;
  /** What it is as a connection of HTTP/2; null for any other. */
  http2: Http2Connection | null = null;
  /** Its first bytes may be the preface of HTTP/2. */
  mayBeHttp2 = false;
  /** Its TLS handshake is under way. */
  handshaking = false;
  /** It speaks in the clear where TLS is expected: the answer to whatever it asks says so. */
  inTheClear = false;
  /** What its TLS handshake agreed on; null without TLS, or before. */
  tls: TlsInfo | null = null;
  /** The ends of its connection as a PROXY header named them; null when they are those of the socket. */
  proxied: ProxyAddresses | null = null;
  /** Its address is among the trusted proxies. */
  trusted = false;
  /** The place in the table of connections by address that it holds, HOLD.NONE for none. Given back by clientFree(). */
  place: number = HOLD.NONE;
  /** Held while a head is being read, its request may be sent again, or a chunked body is being parsed. */
  parser: HeadParser | null = null;
  /** Its ClientHello under way, on a tls-passthrough listener; else null. */
  hello: ClientHello | null = null;
  /** The bytes of a head, a ClientHello or a PROXY header that is not complete, while no chunk holds them. */
  parked: Parked | null = null;
  /** The bytes of a head that is not complete and may outgrow a chunk. */
  longHead: LongHead | null = null;
  /** Bytes of a head that outgrew its chunk and lies in several; 0 for any other. */
  headRunBytes = 0;
  /** The deadline for the head under way, or the first one to come, has been set. */
  headTimed = false;
  /** Within a turn, the head that is being read; with a reference, which passes to the exchange as that begins. */
  headAt = NO_ADDRESS;
  /** Received, not looked at yet; with a reference of its own. NO_ADDRESS when there is none. */
  pendingAt = NO_ADDRESS;
  pendingBytes = 0;

  /** The client says that its request under way is the last one. */
  isLastRequest = false;
  /** The connection may stay open after this exchange, as far as the client and we are concerned. */
  keepAlive = false;
  /** The response body under way goes out in chunks of our framing. */
  chunkedOut = false;
  /** How the client takes what waits for it. */
  readonly movement = new Movement();
  /** Idle backend connections that no other client may use, the oldest first: they began with a PROXY header that names it. */
  readonly pinned: BackendConnection[] = [];

  /** The client's socket does not take more now. */
  blocked = false;
  /** Reading from the client is stopped. */
  paused = false;
  /** The client will send no more. */
  ended = false;
  /** Our direction is shut down and everything has left. */
  finished = false;

  /** The request under way on it, and its response: HTTP/1 has one at a time, so it is one object, made with the connection. */
  readonly x: Exchange;

  /** `exchangeFor` makes the exchange of a client's side. */
  constructor(exchangeFor: (client: ClientSide) => Exchange) {
    this.x = exchangeFor(this);
  }

  /** It carries itself. */
  get carrier(): ClientConnection {
    return this;
  }

  /** Begins a connection that was accepted at `listener`: forgets the one before. The one place that resets it. */
  open(conn: number, slot: number, listener: Listener, number: number): void {
    this.conn = conn;
    this.slot = slot;
    this.kind = CLIENT_KIND.H1;
    this.number = number;
    this.acceptedUs = nowUs();
    this.listener = listener;
    this.http2 = null;
    this.mayBeHttp2 = false;
    this.handshaking = false;
    this.inTheClear = false;
    this.tls = null;
    this.proxied = null;
    this.trusted = false;
    this.parser = null;
    this.hello = null;
    this.parked = null;
    this.longHead = null;
    this.headRunBytes = 0;
    this.headTimed = true;
    this.isLastRequest = false;
    this.headAt = NO_ADDRESS;
    this.pendingAt = NO_ADDRESS;
    this.blocked = false;
    this.paused = false;
    this.ended = false;
    this.finished = false;
  }

  /** Crosses an edge of the drawing above. Throws an AssertionError when there is none. Hot. */
  to(state: number): void {
    clientEdges.check(this.state, state);
    this.state = state;
  }
}

export class BackendConnection implements BackendSide, Poolable {
  conn = 0;
  slot = 0;
  /** The engine's TLS context it was made under, -1 for none. */
  tls = -1;
  /** Its server's `dialVersion` when it was opened: with another one it may not be used again. */
  dialVersion = 0;
  /** The version of the PROXY header it began with; null without one. */
  proxyProtocol: ProxyVersion | null = null;
  /** The client that header names when it is not the peer, as text; empty for the peer. */
  proxyClient = '';
  /** While it is idle: the client connection it is kept for; null when any may use it. */
  owner: ClientConnection | null = null;
  /** BACKEND; written by `to()` alone. */
  state: number = BACKEND.CLOSED;
  server: Server | null = null;
  /** The attempt it carries; null while it is idle. */
  attempt: Attempt | null = null;
  /** The exchange of that attempt; null for a copy too, since nothing of an exchange depends on that. */
  exchange: Exchange | null = null;
  parser: HeadParser | null = null;
  parked: Parked | null = null;
  /** The bytes of a response head that is not complete and may outgrow a chunk. */
  longHead: LongHead | null = null;
  /** It may be used again when this exchange is done. */
  keepAlive = false;
  /** The server announced a body where none can be: what follows may be that, so it is not used again. */
  distrusted = false;
  /** Its response named the length of a body it did not have: once idle, it is not reused for a while. */
  aside = false;
  /** How the server takes what waits for it. */
  readonly movement = new Movement();
  /** Requests sent on it so far. */
  requests = 0;
  /** Bytes received of the response under way, as far as they count (`expectAlike()`). */
  responseBytes = 0;
  /** The last response on it was long, and the engine knows that the next may be. */
  bulk = false;
  /** Place among its server's idle connections. */
  idleAt = -1;
  blocked = false;
  paused = false;
  ended = false;
  finished = false;

  /** Begins a connection that is being opened to `server`: forgets the one before. The one place that resets it. */
  open(conn: number, slot: number, server: Server, attempt: Attempt): void {
    this.conn = conn;
    this.slot = slot;
    this.to(BACKEND.CONNECTING);
    this.server = server;
    this.attempt = attempt;
    this.exchange = attempt.isCopy ? null : attempt.exchange;
    this.tls = -1;
    this.dialVersion = server.dialVersion;
    this.proxyProtocol = server.proxyProtocol;
    this.proxyClient = '';
    this.owner = null;
    this.parser = null;
    this.parked = null;
    this.longHead = null;
    this.keepAlive = false;
    this.distrusted = false;
    this.aside = false;
    this.requests = 1;
    this.responseBytes = 0;
    this.bulk = false;
    this.idleAt = -1;
    this.blocked = false;
    this.paused = false;
    this.ended = false;
    this.finished = false;
  }

  /** Crosses an edge of the drawing above. Throws an AssertionError when there is none. Hot. */
  to(state: number): void {
    backendEdges.check(this.state, state);
    this.state = state;
  }

  /** It begins with a PROXY header that is not encrypted, so it is sent as other bytes are: once the connection is established. */
  get sendsProxyHeaderUnencrypted(): boolean {
    return this.proxyProtocol !== null && this.tls < 0;
  }

  get isReady(): boolean {
    return this.state !== BACKEND.CONNECTING;
  }
}

/** The client connection of an exchange, where one of HTTP/1 or a raw one made it. */
export const clientOf = (x: Exchange): ClientConnection => x.client as ClientConnection;

/** The connection that carries the client's side of an exchange, whatever is spoken on it: what is known of its socket. */
export const carrierOf = (x: Exchange): ClientConnection => (x.client as Carried).carrier;

/** The connection that carries an attempt that is open. */
export const backendOf = (attempt: Attempt): BackendConnection => attempt.backend as BackendConnection;
