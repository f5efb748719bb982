// One attempt: an exchange at one server.
// Owns what is known of the try, and that it begins and ends once. Leaves the bytes to its connection, and whether another
// try follows to retry.ts.

import { assert } from '../base/assert.js';
import { nowUs } from '../base/clock.js';
import { Edges } from '../base/edges.js';
import type { ReasonCode } from '../http/reasons.js';
import type { Context } from './context.js';
import type { Exchange } from './exchange.js';
import type { Pool, Server } from './pools.js';
import type { BackendSide } from './streams.js';

/*
 * An attempt. `to()` is the only writer of its state. While it is OPEN, its server counts it as a request in flight.
 *
 *   NONE ──a server has room──► OPEN ──answered, failed, or given up──► ENDED ──the next one──► OPEN
 *     ▲ ▲│                                                                │
 *     │ └┘ the next exchange, where there was no attempt                  │
 *     └───────────────────────── the next exchange ───────────────────────┘
 */
const ATTEMPT = { NONE: 0, OPEN: 1, ENDED: 2 } as const;

/** Places in `Attempt.times`: microseconds as in TIME of exchange.ts; 0 for what has not happened. */
export const ATTEMPT_TIME = {
  /** A server was chosen: what the exchange waited for before that, a place in line or an earlier attempt, is over. */
  begun: 0,
  /** There was a connection, its handshake done: at once with a pooled one. */
  connected: 1,
  /** The head of the final response was complete. */
  head: 2,
  ended: 3,
  COUNT: 4,
} as const;

const edges = new Edges('attempt', ATTEMPT, {
  NONE: ['OPEN', 'NONE'],
  OPEN: ['ENDED'],
  ENDED: ['OPEN', 'NONE'],
});

/**
 * Made with its exchange, since an exchange has one attempt at a time, and used again for the next. A copy for a mirror is an
 * attempt of its own, from a free list, which no retry follows. Hot: all fields are there from the start.
 */
export class Attempt {
  /** The exchange it is a try of; of a copy, the one it copies, which is another each time. */
  exchange: Exchange;
  /** Number of this object among those of its worker: dense, for its deadline. -1 where there are none. */
  id = -1;
  /** ATTEMPT; written by `to()` alone. */
  state: number = ATTEMPT.NONE;
  /** Which try it is; 0 before the first. One that met a stale pooled connection does not count. */
  number = 0;
  /** Where it goes, and the pool that chose it. They stay until the next attempt: retries and observers ask for them. */
  server: Server | null = null;
  pool: Pool | null = null;
  /** The connection that carries it; null before there is one, and once it has ended. */
  backend: BackendSide | null = null;
  /** The tick at which it is late, whatever moves; 0 for none. */
  expires = 0;
  /** Its connection had carried a request before: the server may close that at any moment, also as we write. */
  reused = false;
  /** The batch of events in which a pooled connection was taken for it; its request leaves with the next. */
  takenIn = 0;
  /** The response under way is an error of the server's. */
  isError = false;
  /** Of a copy: bytes of its body since its mirror last took everything. */
  waitingBytes = 0;
  /** When things happened, by ATTEMPT_TIME. A plain array: a typed one is a quarter of a kibibyte, for every connection. */
  readonly times: number[] = [0, 0, 0, 0];
  /** The status of its final response, also of one that is dropped for another attempt; 0 without one. */
  status = 0;
  /** Why it failed; null when it did not. While the exchange waits for the next attempt, the answer if there is none. */
  reason: ReasonCode | null = null;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
  }

  /** Crosses an edge of the drawing above. Throws an AssertionError when there is none. Hot. */
  to(state: number): void {
    edges.check(this.state, state);
    this.state = state;
  }

  /** A new exchange begins, or a new copy: forgets the attempts of the one before. The one place that resets all of it. */
  reset(): void {
    this.to(ATTEMPT.NONE);
    this.number = 0;
    this.server = null;
    this.pool = null;
    this.backend = null;
    this.expires = 0;
    this.reused = false;
    this.takenIn = 0;
    this.isError = false;
    this.waitingBytes = 0;
    this.status = 0;
    this.reason = null;
    this.#noTimes();
  }

  /** Begins the next attempt, at a server of `pool` that has counted it in: forgets the attempt before. */
  begin(pool: Pool, server: Server): void {
    this.to(ATTEMPT.OPEN);
    this.number++;
    this.pool = pool;
    this.server = server;
    this.backend = null;
    this.expires = 0;
    this.reused = false;
    this.isError = false;
    this.status = 0;
    this.reason = null;
    this.#noTimes();
    this.times[ATTEMPT_TIME.begun] = nowUs();
  }

  /** One by one: `fill()` leaves compiled code for as short an array, which costs more than all of `reset()`. */
  #noTimes(): void {
    const { times } = this;
    for (let i = 0; i < ATTEMPT_TIME.COUNT; i++) times[i] = 0;
  }

  /** Its connection is established: the request can go out. */
  connects(): void {
    this.times[ATTEMPT_TIME.connected] = nowUs();
  }

  get isOpen(): boolean {
    return this.state === ATTEMPT.OPEN;
  }

  /** It copies the request for a mirror: nothing of the exchange depends on it. */
  get isCopy(): boolean {
    return this.exchange.attempt !== this;
  }
}

/**
 * Ends an attempt: its server has room for another request. The one place where an attempt ends, however it does. Where it failed,
 * its reason is known by now. Hot.
 */
export function endAttempt(w: Context, attempt: Attempt): void {
  assert(attempt.server !== null, 'an open attempt has a server');
  attempt.to(ATTEMPT.ENDED);
  attempt.backend = null;
  attempt.times[ATTEMPT_TIME.ended] = nowUs();
  w.attemptDeadlines.clear(attempt.id);
  w.state.requestEnds(attempt.server.index);
  w.roomFreed = true;
  if (attempt.isCopy) return;
  const { attemptEnded } = w.observers;
  for (let i = 0; i < attemptEnded.length; i++) attemptEnded[i]!.attemptEnded(attempt.exchange, attempt);
}
