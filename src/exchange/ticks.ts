// The timeouts of a plan in ticks, so that setting a deadline is one store.

import type { RuleTimeouts } from '../routing/plan.js';
import { Deadlines } from './deadlines.js';
import type { Timeouts } from './settings.js';

/** How long we read on after the last answer, so that the client sees it before the connection resets. */
const LINGER_MS = 2000;

/** How long a connection is kept out of use whose answer named a body that it did not have: a server that means to send it
 *  does so within that time, and what it sends then closes the connection. */
const ASIDE_MS = 1000;

export class Ticks {
  readonly requestHead: number;
  readonly tlsHandshake: number;
  readonly idle: number;
  readonly requestBody: number;
  readonly connect: number;
  readonly responseHead: number;
  readonly responseIdle: number;
  readonly backendIdle: number;
  readonly request: number;
  readonly tunnelIdle: number;
  readonly mirror: number;
  /** The time over which the rate of a client is measured. */
  readonly clientRate: number;
  /** A client that left and one that only ended its side look the same until something is sent to them. */
  readonly halfClosed: number;
  readonly aside = Deadlines.ticks(ASIDE_MS);
  readonly linger = Deadlines.ticks(LINGER_MS);

  /** One attempt at one server, from the request sent to the end of the response; 0 for none, -1 leaves it to the pool. */
  readonly attempt: number;
  readonly #timeouts: Timeouts;

  /** `attemptMs`: -1 leaves the time of a try to the pool. */
  constructor(timeouts: Timeouts, attemptMs = -1) {
    this.#timeouts = timeouts;
    this.attempt = attemptMs < 0 ? -1 : Deadlines.ticks(attemptMs);
    this.requestHead = Deadlines.ticks(timeouts.requestHeadMs);
    this.tlsHandshake = Deadlines.ticks(timeouts.tlsHandshakeMs);
    this.idle = Deadlines.ticks(timeouts.idleMs);
    this.requestBody = Deadlines.ticks(timeouts.requestBodyMs);
    this.connect = Deadlines.ticks(timeouts.connectMs);
    this.responseHead = Deadlines.ticks(timeouts.responseHeadMs);
    this.responseIdle = Deadlines.ticks(timeouts.responseIdleMs);
    this.backendIdle = Deadlines.ticks(timeouts.backendIdleMs);
    this.request = Deadlines.ticks(timeouts.requestMs);
    this.tunnelIdle = Deadlines.ticks(timeouts.tunnelIdleMs);
    this.halfClosed = Deadlines.ticks(timeouts.halfClosedMs);
    this.clientRate = Deadlines.ticks(timeouts.clientRateMs);
    this.mirror = Deadlines.ticks(timeouts.mirrorMs);
  }

  /** The same, with at most `ms` for a handshake and for a request head. */
  hurried(ms: number): Ticks {
    const { requestHeadMs, tlsHandshakeMs } = this.#timeouts;
    const least = (limit: number): number => (limit === 0 ? ms : Math.min(limit, ms));
    return new Ticks(
      { ...this.#timeouts, requestHeadMs: least(requestHeadMs), tlsHandshakeMs: least(tlsHandshakeMs) },
      this.attempt,
    );
  }

  /**
   * The deadlines of a rule that says these; where it says nothing, those here. A rule that says how long a try may take
   * has said how long the head may take as well, unless it says that too.
   */
  within(rule: RuleTimeouts): Ticks {
    const { request, backendRequest, responseHead, responseIdle, requestBody, tunnelIdle } = rule;
    if (Object.values(rule).every((value) => value === undefined)) return this;
    const all = this.#timeouts;
    const timeouts = {
      ...all,
      requestMs: request ?? all.requestMs,
      responseHeadMs: responseHead ?? (backendRequest === undefined ? all.responseHeadMs : 0),
      responseIdleMs: responseIdle ?? all.responseIdleMs,
      requestBodyMs: requestBody ?? all.requestBodyMs,
      tunnelIdleMs: tunnelIdle ?? all.tunnelIdleMs,
    };
    return new Ticks(timeouts, backendRequest);
  }
}
