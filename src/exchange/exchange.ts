// One request and its response: the object that everything between a client and a server works on.
// Owns what is known of a request while it is under way, and its stage. Leaves sockets, and the syntax on them, to the
// connections, and what ends with it to end.ts.

import type { Attempted } from '../balance/view.js';
import { nowUs } from '../base/clock.js';
import { Edges } from '../base/edges.js';
import type { Engine } from '../engine/engine.js';
import { BODY } from '../http/framing.js';
import type { Head } from '../http/head.js';
import type { ReasonCode } from '../http/reasons.js';
import type { MatchRequest, TlsView } from '../routing/request.js';
import { Attempt } from './attempt.js';
import type { ClientInfo } from './client-info.js';
import type { FilterWait } from './filter-wait.js';
import { KeptBody } from './kept-body.js';
import type { Pool } from './pools.js';
import type { Rule } from './rule.js';
import type { ClientSide } from './streams.js';

/*
 * An exchange. `to()` is the only writer of its stage, and crosses no edge that is not drawn here.
 *
 *   FREE ──head──► FILTERING ──┬─ idle connection ─────────► SENDING ──all sent──► WAITING ──final head──► RESPONDING
 *                              ├─ new one ► CONNECTING ────────▲
 *                              └─ no room ► QUEUED ────────────┘ (or CONNECTING)
 *
 *   CONNECTING, SENDING, WAITING ──the next attempt is due later──► BACKOFF
 *   the same, QUEUED, BACKOFF ──the next attempt──► CONNECTING, SENDING, or QUEUED
 *   the same ──a reload took the pool away──► FILTERING
 *   SENDING ──a response before all was sent──► RESPONDING
 *   CONNECTING (of a raw listener), SENDING, WAITING (a 101) ──► TUNNEL
 *   every stage ──answered, cut, or left──► DONE ──► FREE
 */
export const STAGE = {
  FREE: 0,
  /** Its head is complete, or refused: it is checked, routed and changed. */
  FILTERING: 1,
  /** In the line of its pool, until a server has room. */
  QUEUED: 2,
  /** Until its next attempt is due. */
  BACKOFF: 3,
  /** Its connection to a server is being opened. */
  CONNECTING: 4,
  /** Its head has gone to the server, its body is going. */
  SENDING: 5,
  /** All of it has gone to the server. */
  WAITING: 6,
  /** The final response has begun: it cannot be sent again. */
  RESPONDING: 7,
  TUNNEL: 8,
  DONE: 9,
} as const;

/** What an exchange carries; known from its beginning. */
export const KIND = {
  /** A request and its response. From its routing on it has a rule. */
  REQUEST: 0,
  /** A connection of a raw listener, passed on unread: it has a pool, and never a rule. */
  RAW: 1,
} as const;

const NEXT_ATTEMPT = ['FILTERING', 'QUEUED', 'CONNECTING', 'SENDING', 'DONE'] as const;

const edges = new Edges('exchange', STAGE, {
  FREE: ['FILTERING'],
  FILTERING: ['QUEUED', 'CONNECTING', 'SENDING', 'DONE'],
  QUEUED: NEXT_ATTEMPT,
  BACKOFF: NEXT_ATTEMPT,
  CONNECTING: [...NEXT_ATTEMPT, 'BACKOFF', 'TUNNEL'],
  SENDING: [...NEXT_ATTEMPT, 'BACKOFF', 'WAITING', 'RESPONDING', 'TUNNEL'],
  WAITING: [...NEXT_ATTEMPT, 'BACKOFF', 'RESPONDING', 'TUNNEL'],
  RESPONDING: ['DONE'],
  TUNNEL: ['DONE'],
  DONE: ['FREE'],
});

/**
 * Places in `Exchange.times`: microseconds on the clock of the machine, each as of the batch of events that brought it. The rest
 * of what HAProxy tells apart is with the last attempt (ATTEMPT_TIME).
 */
export const TIME = {
  /** The first byte of the head came; of a raw connection, it was known where it goes. 0 while none is under way. */
  begun: 0,
  /** The head was complete, or refused. */
  head: 1,
  /** It was over. 0 before. */
  ended: 2,
} as const;

const NO_BYTES = new Uint8Array(0);

/** No address. */
export const NO_ADDRESS = -1;

/** Where a body is, in one direction. `left` counts the bytes still to come of a counted one. */
export class Body {
  /** BODY of http/framing.ts. */
  kind = 0;
  left = 0;
  /** All of it has been passed on. */
  done = true;

  set(kind: number, left: number): void {
    this.kind = kind;
    this.left = left;
    this.done = kind === 0;
  }
}

/**
 * Pooled: HTTP/1 has one request at a time on a connection, so its exchange is made with the connection and used again.
 * Hot: all fields are there from the start, so that every exchange has the same shape.
 */
export class Exchange<Client extends ClientInfo = ClientSide> implements MatchRequest {
  /** The memory that every address here counts in. */
  readonly bytes: Uint8Array;
  /** What the request came on. A request in words comes on no connection: only what routing may ask of one is known then. */
  readonly client: Client;
  /** Number of this object among those of its worker: dense, for its deadline. -1 where there are none. */
  id = -1;
  /** Its attempts at servers, one at a time. */
  readonly attempt = new Attempt(this as unknown as Exchange);
  /** STAGE; written by `to()` alone. */
  stage: number = STAGE.FREE;
  /** KIND; set by `begin()` alone. */
  kind: number = KIND.REQUEST;
  /** Why it failed, once it has; null for an exchange that did not. */
  reason: ReasonCode | null = null;
  /** The status that the client got; 0 before, and when it got none. */
  status = 0;
  /** When things happened, by TIME. A plain array, as in attempt.ts. */
  readonly times: number[] = [0, 0, 0];
  /** Attempts begun so far, also those that met a stale pooled connection, and those in the pool before a fallback. */
  attempts = 0;
  /** Bytes of the head of the request as it came; 0 when it never was complete. */
  headBytes = 0;
  /** Bytes listed for the client: heads, bodies, their framing, and what a tunnel carried to it. The client's codec counts them. */
  bytesOut = 0;
  /** Bytes of the body among them. */
  bodyBytesOut = 0;
  /**
   * The client of the request under way as a trusted peer stated it: the first `statedBytes` (4 or 16) bytes count.
   * `statedBytes` is 0 for a client that cannot be known, NOT_STATED (-1) when the peer itself is the client. Made when first needed.
   */
  stated: Uint8Array | null = null;
  statedBytes = -1;
  /** The address of the head; its chunk is held until the request cannot be sent again. */
  headAt = NO_ADDRESS;
  /** The head itself, as far as it was read; null when its bytes are not in hand. */
  head: Head | null = null;
  /** The request, head and body, is kept for another try as it goes out. */
  keeping = false;
  /** What went out of its body, while it is kept. */
  readonly keptBody = new KeptBody();

  // The request.
  minor = 1;
  method = 0;
  /** The client asked to upgrade, and to what we forward. */
  upgrade = false;
  /** Target as it goes to the server: address and length, in the head or in `targetHeld`. */
  targetAt = 0;
  targetBytes = 0;
  /** An address in the chunk that holds a rewritten target, with a reference; NO_ADDRESS when the head's own is sent. */
  targetHeld = NO_ADDRESS;
  /** The same for the target that routing saw, once a filter has changed that; views of the request point into it. */
  routedHeld = NO_ADDRESS;
  /** Bytes of the target that are its path. */
  targetPathBytes = 0;
  /** The host as the client named it (authority of an absolute target, else the Host field), port included. */
  hostAt = 0;
  hostBytes = 0;
  /** The same without the port. */
  hostNameBytes = 0;
  /** The path in the form that rules see, and the query without its `?`: from routing on. */
  pathAt = 0;
  pathBytes = 0;
  queryAt = 0;
  queryBytes = 0;
  /** Bytes of that path which the prefix of its rule matched. */
  prefixBytes = 0;
  /** The client's address, of `clientAddressBytes` bytes at `clientAddressAt` of another memory: the peer's, or the stated one. */
  clientAddress: Uint8Array = NO_BYTES;
  clientAddressAt = 0;
  clientAddressBytes = 0;
  /** Number of the request in this worker: the low half of its id. */
  requestNumber = 0;
  /** What Max-Forwards says of a TRACE or OPTIONS request; -1 when it does not count. */
  maxForwards = -1;
  readonly request = new Body();
  bodyBytesTotal = 0;
  /** Bytes of chunk framing the body came with. */
  framingBytesTotal = 0;
  rule: Rule | null = null;
  pool: Pool | null = null;
  /** The tick at which the whole request is late; 0 for none. */
  expires = 0;
  /** Lines of the rule's header filters that name variables, filled in; empty when the rule has none. */
  requestLines = '';
  responseLines = '';
  /** Copies for mirrors that do not have all of its body yet; empty for almost all. */
  readonly copies: Attempt[] = [];
  /** The tick at which the rate of the request body is looked at next, and the bytes it is measured from. */
  bodyRateAt = 0;
  bodyRateBytes = 0;
  /** The server its session names, as an index of the shared state; -1 without one. */
  session = -1;
  /** Key for a hashing balancer. */
  key = 0;
  /** It has gone out before: to this server, or to one that failed. */
  sent = false;
  /** The line that names the client's pool to it, when its rule's split has just led it there; else empty. */
  splitLine = '';
  /** It has gone to the fallback pool of its rule, and the key it has there. */
  fellBack = false;
  fallbackKey = 0;
  /** Counted by its pool's circuit breaker. */
  entered = false;
  /** In its pool's line: its place there has to be given back. */
  queued = false;
  /** A filter holds it up; null when none does. */
  wait: FilterWait | null = null;
  /** A pooled connection failed under this request: the next attempt opens a new one. */
  newConnectionOnly = false;
  readonly attempted: Attempted;

  // The response.
  readonly response = new Body();

  constructor(bytes: Uint8Array, client: Client, attempted: Attempted) {
    this.bytes = bytes;
    this.client = client;
    this.attempted = attempted;
  }

  /** Crosses an edge of the drawing above. Throws an AssertionError when there is none. Hot. */
  to(stage: number): void {
    edges.check(this.stage, stage);
    this.stage = stage;
  }

  /** What TLS told of the client; null without. */
  get tls(): TlsView | null {
    return this.client.tls;
  }

  /** The name of the listener it came to; empty for one without a name. */
  get listener(): string {
    return this.client.listener.http.name;
  }

  /** Bytes of the request that came from the client: head, body, its framing, and what a tunnel carried from it. */
  get bytesIn(): number {
    return this.headBytes + this.bodyBytesTotal + this.framingBytesTotal;
  }

  /** The first byte of the head of the next request has come: its time begins. Where no codec says so, it begins with `begin()`. */
  firstByte(): void {
    this.times[TIME.begun] = nowUs();
  }

  /** The final response has begun, or a tunnel: nothing can be sent again, and no local reply can be given. */
  get responseStarted(): boolean {
    return this.stage >= STAGE.RESPONDING;
  }

  /** A connection carries its attempt: bytes go to a server, or come from it. */
  get isAtServer(): boolean {
    return this.stage >= STAGE.SENDING && this.stage <= STAGE.RESPONDING;
  }

  /** Takes over one reference on the chunk with the target as a filter changed it. */
  holdTarget(engine: Pick<Engine, 'release'>, at: number): void {
    if (this.routedHeld === NO_ADDRESS) this.routedHeld = this.targetHeld;
    else if (this.targetHeld !== NO_ADDRESS) engine.release(this.targetHeld);
    this.targetHeld = at;
  }

  /** Gives back the targets that were written for this request. */
  releaseTarget(engine: Pick<Engine, 'release'>): void {
    if (this.targetHeld !== NO_ADDRESS) engine.release(this.targetHeld);
    if (this.routedHeld !== NO_ADDRESS) engine.release(this.routedHeld);
    this.targetHeld = NO_ADDRESS;
    this.routedHeld = NO_ADDRESS;
  }

  /**
   * Begins an exchange of this KIND, number `requestNumber` of its worker: forgets the one before. The one place that resets
   * what belongs to one request. What has to be given back (chunks, places in a pool, a wait) is gone since `endExchange()`.
   * `head` is that of the request as far as it was read, null when its bytes are not in hand; the reference on the chunk at
   * `headAt` passes to the exchange, NO_ADDRESS for none. Hot.
   */
  begin(kind: number, requestNumber: number, head: Head | null, headAt: number): void {
    this.to(STAGE.FILTERING);
    this.kind = kind;
    this.requestNumber = requestNumber;
    this.head = head;
    this.headAt = headAt;
    this.reason = null;
    this.status = 0;
    const now = nowUs();
    if (kind === KIND.RAW || this.times[TIME.begun] === 0) this.times[TIME.begun] = now;
    this.times[TIME.head] = now;
    this.times[TIME.ended] = 0;
    this.attempts = 0;
    this.headBytes = head === null ? 0 : head.bytes;
    this.bytesOut = 0;
    this.bodyBytesOut = 0;
    this.statedBytes = -1;
    this.minor = 1;
    this.method = 0;
    this.upgrade = false;
    this.targetAt = 0;
    this.targetBytes = 0;
    this.targetPathBytes = 0;
    this.hostAt = 0;
    this.hostBytes = 0;
    this.hostNameBytes = 0;
    this.pathAt = 0;
    this.pathBytes = 0;
    this.queryAt = 0;
    this.queryBytes = 0;
    this.prefixBytes = 0;
    this.clientAddress = NO_BYTES;
    this.clientAddressAt = 0;
    this.clientAddressBytes = 0;
    this.maxForwards = -1;
    // Until the framing is known, the end of this request is unknown: a refusal before that has to close.
    this.request.set(BODY.untilEof, 0);
    this.bodyBytesTotal = 0;
    this.framingBytesTotal = 0;
    this.bodyRateAt = 0;
    this.bodyRateBytes = 0;
    this.expires = 0;
    this.requestLines = '';
    this.responseLines = '';
    this.session = -1;
    this.key = 0;
    this.sent = false;
    this.splitLine = '';
    this.fellBack = false;
    this.fallbackKey = 0;
    this.newConnectionOnly = false;
    this.attempted.clear();
    this.attempt.reset();
    this.response.set(BODY.none, 0);
    this.response.done = false;
  }
}
