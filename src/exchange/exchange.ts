// One request and its response: the object that everything between a client and a server works on.
// Owns what is known of a request while it is under way. Leaves sockets, and the syntax on them, to the connections.

import type { Tried } from '../balance/view.js';
import type { ReasonCode } from '../http/reasons.js';
import type { BackendConnection, ClientConnection } from '../worker/connections.js';
import { KeptBody } from '../worker/kept-body.js';
import type { Pool } from '../worker/pools.js';
import type { Rule } from '../worker/rules.js';

/**
 * Pooled: HTTP/1 has one request at a time on a connection, so its exchange is made with the connection and used again.
 * Hot: all fields are there from the start, so that every exchange has the same shape.
 */
/** No address. */
export const NOWHERE = -1;

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

export class Exchange {
  /** The connection that the request came on. */
  readonly client: ClientConnection;
  /**
   * The client of the request under way as a trusted peer stated it: the first `statedBytes` (4 or 16) bytes count.
   * `statedBytes` is 0 for a client that cannot be known, NOT_STATED (-1) when the peer itself is the client. Made when first needed.
   */
  stated: Uint8Array | null = null;
  statedBytes = -1;
  /** The address of the head; its chunk is held until the request cannot be sent again. */
  headAt = NOWHERE;
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
  /** An address in the chunk that holds a rewritten target, with a reference; NOWHERE when the head's own is sent. */
  targetHeld = NOWHERE;
  /** The host as the client named it (authority of an absolute target, else the Host field), port included. */
  hostAt = 0;
  hostBytes = 0;
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
  /** Lines of the rule's header filters that name facts of this request, filled in; empty when the rule has none. */
  requestLines = '';
  responseLines = '';
  /** Connections that get a copy of this request's body; empty for almost all. */
  readonly mirrors: BackendConnection[] = [];
  backend: BackendConnection | null = null;
  /** The server its session names, as an index of the shared state; -1 without one. */
  session = -1;
  /** Key for a hashing balancer. */
  key = 0;
  tries = 0;
  /** It has gone out before: to this server, or to one that failed. */
  sent = false;
  /** The line that names the client's pool to it, when its rule's split has just led it there; else empty. */
  splitLine = '';
  /** It has gone to the fallback pool of its rule, and the key it has there. */
  fellBack = false;
  fallbackKey = 0;
  /** Counted by its pool's circuit breaker. */
  entered = false;
  /** In its pool's line, waiting for a server with room. */
  queued = false;
  /** Waiting for its next try, after this failure; null when it is not. */
  resume: ReasonCode | null = null;
  /** Its rule's mirrors have been given their copies. */
  mirrored = false;
  /** A reused connection failed under this request: the next try opens a new one. */
  fresh = false;
  readonly tried: Tried;

  // The response.
  readonly response = new Body();
  responseStarted = false;
  /** The body goes out in chunks of our framing. */
  chunkedOut = false;

  constructor(client: ClientConnection, tried: Tried) {
    this.client = client;
    this.tried = tried;
  }
}
