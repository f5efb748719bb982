// ConcurrencyLimit, as workers run it: a request holds a place in the table that all of them share until it ends.

import type { AnyExchange } from '../../exchange/client-info.js';
import { type Filter, type FilterRun, VERDICT } from '../../exchange/filter.js';
import { NO_ROOM } from '../../limits/concurrency-table.js';
import { RequestKey } from '../run-parts/request-key.js';
import type { Plan } from './plan.js';

/** Seconds after which a client may try again: when a request ends is unknown, so the value is short. */
const RETRY_AFTER = 'Retry-After: 1\r\n';

export const concurrencyLimit = {
  type: 'ConcurrencyLimit',
  make(layers, { tools, limits: shared }): Filter {
    // A request in words is never under way.
    if (shared === null) return {};
    const { concurrency } = shared;
    const limits = layers.flat().map((plan) => ({ plan, key: new RequestKey(plan.id, plan.key, shared.hash, tools) }));
    /** Places of requests under way; with the exchange, since each is used again and again. */
    const places = new WeakMap<AnyExchange, number[]>();
    const leave = (held: number[]): void => {
      for (const place of held) concurrency.leave(place);
      held.length = 0;
    };
    return {
      requestHead: (x) => {
        let held = places.get(x);
        if (held === undefined) {
          held = [];
          places.set(x, held);
        }
        for (const { plan, key } of limits) {
          key.compute(x);
          const place = concurrency.enter(key.low, key.high, plan.requests);
          if (place >= 0) {
            held.push(place);
          } else if (plan.dryRun) {
            tools.count('ConcurrencyLimit.dryRun');
          } else {
            leave(held);
            if (place === NO_ROOM) tools.fail(x, 'OVERLOADED');
            else tools.fail(x, 'CONCURRENCY_LIMITED', { status: plan.status, fields: RETRY_AFTER });
            return VERDICT.ANSWERED;
          }
        }
        return VERDICT.CONTINUE;
      },
      ended: (x) => {
        const held = places.get(x);
        if (held !== undefined) leave(held);
      },
    };
  },
} satisfies FilterRun<Plan>;
