// One pool as one worker uses it: everything in this directory that a request meets, made from the pool's plan.
// Owns the order stickiness, balancer. Leaves sockets, clocks and answers to the worker.

import { type Balancer, createBalancer } from './balancer.js';
import { Breaker } from './limits.js';
import type { BalancePoolPlan } from './options.js';
import { OutlierReports } from './outlier.js';
import { Retries } from './retry.js';
import type { ServerState } from './server-state.js';
import { Sessions } from './session.js';
import { type Attempted, NO_SERVER } from './view.js';
import { WaitingLine } from './waiting-line.js';

/**
 * Made anew with each plan. Requests move from the old one to the new one, with what they count; copies to mirrors count
 * themselves out of the old one. Nothing is picked there: indexes of servers may belong to others by then. `T` is the worker's request object,
 * `Plan` what the worker knows of the pool besides.
 */
export class Pool<T, Plan extends BalancePoolPlan = BalancePoolPlan> {
  readonly plan: Plan;
  readonly state: ServerState;
  readonly balancer: Balancer;
  readonly reports: OutlierReports;
  readonly retries: Retries;
  readonly breaker: Breaker;
  readonly line: WaitingLine<T>;
  /** Null when the pool has no sessions. */
  readonly sessions: Sessions | null;
  /** Its servers, by index. */
  readonly members: ReadonlySet<number>;
  /** A new plan has taken its place: nothing is picked here any more. */
  retired = false;

  /** `before` is the pool of the same slot under the plan before, if there was one: requests that wait there go on waiting. */
  constructor(plan: Plan, state: ServerState, before?: Pool<T>) {
    this.plan = plan;
    this.state = state;
    this.balancer = createBalancer(plan, state, state.worker, before?.balancer ?? null);
    this.reports = new OutlierReports(plan, state);
    this.retries = new Retries(plan, state);
    this.breaker = new Breaker(plan, state);
    this.line = before?.line ?? new WaitingLine(plan, state);
    this.line.apply(plan);
    this.members = new Set(plan.servers.map(({ index }) => index));
    this.sessions = plan.session === null ? null : new Sessions(plan, plan.session, state, before?.sessions ?? null);
  }

  /**
   * Picks a server and counts the request there: its shared-state index, NO_SERVER or ALL_BUSY. `sticky` is what
   * `Sessions.read` said, or NO_SESSION; `key` and `attempted` as for `Balancer.pick`. End it with `state.requestEnds`. Hot.
   */
  begin(sticky: number, key: number, attempted: Attempted): number {
    const { sessions, state } = this;
    if (this.retired) return NO_SERVER;
    if (sessions?.stays(sticky, attempted) && state.requestBegins(sticky)) return sticky;
    for (;;) {
      const server = this.balancer.pick(key, attempted);
      // Another worker may have taken the last place since the look at it: then look again, and find it full.
      if (server < 0 || state.requestBegins(server)) return server;
    }
  }

  /** Whether a request could go to a server that it was not sent to yet. */
  hasOther(attempted: Attempted): boolean {
    return !this.retired && this.balancer.pick(0, attempted) >= 0;
  }
}
