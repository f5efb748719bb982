// One stream of HTTP/2 as the client's side of an exchange.
// Owns its fields and its states. Leaves what it receives to server.ts, and what it sends to flow.ts.

import { Edges } from '../../base/edges.js';
import type { ProxyAddresses } from '../../base/proxy-protocol.js';
import type { Exchange } from '../../exchange/exchange.js';
import { KeptBody } from '../../exchange/kept-body.js';
import type { Listener } from '../../exchange/listener.js';
import { CLIENT_KIND, type ClientSide } from '../../exchange/streams.js';
import { Head } from '../../http/head.js';
import type { ClientConnection } from '../connections.js';
import type { TlsInfo } from '../raw/handshake.js';
import type { Http2Connection } from './connection.js';

/*
 * A stream. `to()` is the only writer of its state.
 *
 *   CLOSED ──HEADERS──► OPEN ──exchange over──► FLUSHING ──all of the response has left──► CLOSED
 *                        │                        │
 *                        └── reset, by either side┴── the connection ends ──────────────► CLOSED
 */
export const STREAM = {
  CLOSED: 0,
  /** Its exchange is under way. */
  OPEN: 1,
  /** Its exchange is over, and part of the response waits for the client. */
  FLUSHING: 2,
} as const;

const edges = new Edges('stream', STREAM, {
  CLOSED: ['OPEN'],
  OPEN: ['FLUSHING', 'CLOSED'],
  FLUSHING: ['CLOSED'],
});

/** The response is sent, not a reset in its place. */
export const NO_REFUSAL = -1;
/** The request does not say how long its body is. */
export const NO_LENGTH = -1;

/** Pooled, with its exchange. Hot: all fields are there from the start. */
export class Http2Stream implements ClientSide {
  readonly kind: number = CLIENT_KIND.H2;
  readonly x: Exchange;
  /** STREAM; written by `to()` alone. */
  state: number = STREAM.CLOSED;
  id = 0;
  /** The connection it is a stream of, and what carries that. */
  connection!: Http2Connection;
  carrier!: ClientConnection;
  // What is known of the client, as its connection has it.
  slot = 0;
  number = 0;
  acceptedUs = 0;
  trusted = false;
  tls: TlsInfo | null = null;
  listener!: Listener;
  proxied: ProxyAddresses | null = null;
  /** Without meaning here: a stream is one exchange. */
  keepAlive = false;

  // The request.
  /** Its head, in bytes of HTTP/1 (blocks.ts); in a run of chunks when `headRunBytes` is not 0. */
  readonly head = new Head();
  headRunBytes = 0;
  /** END_STREAM has come. */
  remoteDone = false;
  /** The client has reset it, or its connection is gone: there is nothing to say any more. */
  gone = false;
  /** Bytes of body that content-length says are still to come; NO_LENGTH where it says nothing. */
  lengthLeft = NO_LENGTH;
  /** What the client may still send of it. */
  receiveWindow = 0;
  /** Taken over by the exchange, and not given back to the client yet. */
  credit = 0;
  /** What came of its body while the exchange could not take it: a copy, since one byte must not hold a chunk. */
  readonly held = new KeptBody();
  /** The trailers behind it, as lines. */
  requestTrailers = '';
  /** Has been put on the list of those whose held body may go on. */
  woken = false;

  // The response.
  sendWindow = 0;
  /** What waits for the client: address and bytes, two by two from `queueAt` on, each with a reference. */
  readonly queue: number[] = [];
  queueAt = 0;
  /** Nothing comes behind what waits. */
  endQueued = false;
  /** The trailers behind it, as lines. */
  trailers = '';
  /** END_STREAM has been sent, or a reset. */
  endSent = false;
  /** Part of the response waits: for window, or for the socket. */
  blocked = false;
  /** The error that the client gets in place of a response; NO_REFUSAL for none. */
  refusal = NO_REFUSAL;
  /** Bytes of body sent, and how many they were at the last look, at this tick: a client has to take some in time. */
  sentBytes = 0;
  lookedBytes = 0;
  lookedAt = 0;

  /** `exchangeFor` makes the exchange of a client's side. */
  constructor(exchangeFor: (client: ClientSide) => Exchange) {
    this.x = exchangeFor(this);
  }

  /** Begins a stream of a connection: forgets the one before. The one place that resets it. */
  open(connection: Http2Connection, id: number, receiveWindow: number): void {
    this.to(STREAM.OPEN);
    const { client } = connection;
    this.id = id;
    this.connection = connection;
    this.carrier = client;
    this.slot = client.slot;
    this.number = client.number;
    this.acceptedUs = client.acceptedUs;
    this.trusted = client.trusted;
    this.tls = client.tls;
    this.listener = client.listener;
    this.proxied = client.proxied;
    this.headRunBytes = 0;
    this.remoteDone = false;
    this.gone = false;
    this.requestTrailers = '';
    this.lengthLeft = NO_LENGTH;
    this.receiveWindow = receiveWindow;
    this.credit = 0;
    this.woken = false;
    this.sendWindow = connection.peer.windowBytes;
    this.queueAt = 0;
    this.endQueued = false;
    this.trailers = '';
    this.endSent = false;
    this.blocked = false;
    this.refusal = NO_REFUSAL;
    this.sentBytes = 0;
    this.lookedBytes = 0;
    this.lookedAt = 0;
  }

  /** Crosses an edge of the drawing above. Throws an AssertionError when there is none. Hot. */
  to(state: number): void {
    edges.check(this.state, state);
    this.state = state;
  }

  /** The client will send no more on its connection. */
  get ended(): boolean {
    return this.carrier.ended;
  }

  /** Bytes, or the end, of a response wait. */
  get waits(): boolean {
    return this.queueAt < this.queue.length || (this.endQueued && !this.endSent);
  }
}
