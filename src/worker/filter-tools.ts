// What a worker offers the filters of its rules, and what they are made with.
// Owns the way from a filter to the steps of the worker. Leaves the contract to exchange/filter.ts.

import { GATE } from '../balance/server-state.js';
import type { Exchange } from '../exchange/exchange.js';
import { fail } from '../exchange/fail.js';
import { type BeginWait, type FilterScope, type LocalReply, type RefusalDetails, VERDICT } from '../exchange/filter.js';
import { FilterWait } from '../exchange/filter-wait.js';
import { localReply, reply } from '../exchange/local-reply.js';
import type { Pool } from '../exchange/pools.js';
import { RequestTools } from '../exchange/request-tools.js';
import { resumeFilters } from '../exchange/requests.js';
import type { ReasonCode } from '../http/reasons.js';
import type { Worker } from './worker.js';

const NOTHING = new Uint8Array(0);

/** One per worker. */
export class WorkerFilterTools extends RequestTools {
  readonly #w: Worker;

  constructor(w: Worker) {
    super(w);
    this.#w = w;
  }

  reply(x: Exchange, { status, fields, body }: LocalReply): void {
    const bodiless = status === 204 || status === 304;
    reply(this.#w, x, status, fields, bodiless ? NOTHING : body, bodiless);
  }

  count(what: string): void {
    this.#w.counters.countPolicy(what);
  }

  fail(x: Exchange, reason: ReasonCode, details?: RefusalDetails): void {
    if (details === undefined) {
      fail(this.#w, x, reason);
      return;
    }
    // Refused before it has a pool: there is no other one to go to.
    x.reason = reason;
    localReply(this.#w, x, reason, false, details);
  }

  wait(x: Exchange, ms: number, begin: BeginWait): typeof VERDICT.WAIT {
    const wait = new FilterWait(ms, (ended) => this.#w.step(() => resumeFilters(this.#w, x, ended)));
    x.wait = wait;
    wait.giveUp = begin(wait);
    return VERDICT.WAIT;
  }
}

/** What filters are made with whose plans name pools by their index in `pools`: the pool that stands there at the time gets the copy. */
export function filterScope(w: Worker, pools: readonly Pool[]): FilterScope {
  return {
    tools: w.filterTools,
    limits: w.limitTables,
    copyTo: (index) => () => w.copiesDue.push(pools[index]!),
    serversOf: (index) => {
      const open = pools[index]!.plan.servers.filter((server) => w.state.gate(server.index) === GATE.OPEN);
      const first = open.filter(({ backup }) => !backup);
      return (first.length > 0 ? first : open).map(({ endpoint }) => endpoint);
    },
  };
}
