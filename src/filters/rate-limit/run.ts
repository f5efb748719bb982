// RateLimit, as workers run it: one look into the table that all of them share.

import type { AnyExchange } from '../../exchange/client-info.js';
import { type Filter, type FilterRun, VERDICT } from '../../exchange/filter.js';
import { FieldDrop } from '../../exchange/head-edit.js';
import { type Rate, rateOf, TICKS_PER_INTERVAL } from '../../limits/rate-table.js';
import { RequestKey } from '../run-parts/request-key.js';
import type { Plan } from './plan.js';

interface Limit {
  readonly plan: Plan;
  readonly key: RequestKey;
  readonly rate: Rate;
  /** The RateLimit-Policy line; empty where no field is wanted. */
  readonly policy: string;
}

const NAME = '"default"';

/** The fields of a response, for a key that is so many ticks ahead of the clock (draft-ietf-httpapi-ratelimit-headers-10). */
function fieldsOf({ policy, rate: { tickMs, burst } }: Limit, ahead: number): string {
  if (policy === '') return '';
  const rest = Math.max(0, Math.floor(burst - ahead / TICKS_PER_INTERVAL));
  return `${policy}RateLimit: ${NAME};r=${rest};t=${Math.ceil((ahead * tickMs) / 1000)}\r\n`;
}

/** Every limit counts; a request that one of them refuses is counted by none. */
export const rateLimit = {
  type: 'RateLimit',
  guards: true,
  make(layers, { tools, limits: shared }): Filter {
    // Words that explain a request come too rarely for a limit.
    if (shared === null) return {};
    const { rates } = shared;
    const limits: Limit[] = layers.flat().map((plan) => {
      const rate = rateOf(plan.count, plan.periodMs, plan.burst);
      const window = Math.ceil((plan.burst * plan.periodMs) / plan.count / 1000);
      const policy = plan.fields ? `RateLimit-Policy: ${NAME};q=${plan.burst};w=${window}\r\n` : '';
      return { plan, key: new RequestKey(plan.id, plan.key, shared.hash, tools), rate, policy };
    });
    const shown = limits.findLastIndex(({ policy }) => policy !== '');
    /** The fields of responses under way. */
    const lines = new WeakMap<AnyExchange, string>();
    const drop = new FieldDrop(['ratelimit', 'ratelimit-policy'], false);

    const requestHead = (x: AnyExchange) => {
      const now = shared.nowMs();
      for (let i = 0; i < limits.length; i++) {
        const limit = limits[i]!;
        const { plan, key, rate } = limit;
        key.compute(x);
        const ahead = rates.take(key.low, key.high, rate, now);
        if (i === shown) lines.set(x, fieldsOf(limit, ahead < 0 ? rate.burst * TICKS_PER_INTERVAL : ahead));
        if (ahead >= 0) continue;
        if (plan.dryRun) {
          tools.count('RateLimit.dryRun');
          continue;
        }
        for (let before = 0; before < i; before++) {
          const { key } = limits[before]!;
          key.compute(x);
          rates.giveBack(key.low, key.high);
        }
        const seconds = Math.max(1, Math.ceil(((-1 - ahead) * rate.tickMs) / 1000));
        tools.fail(x, 'RATE_LIMITED', { status: plan.status, fields: `Retry-After: ${seconds}\r\n` });
        return VERDICT.ANSWERED;
      }
      return VERDICT.CONTINUE;
    };
    if (shown < 0) return { requestHead };
    return {
      routed: (x) => void lines.delete(x),
      requestHead,
      responseHead: (x, edit) => {
        const own = lines.get(x);
        if (own !== undefined) edit.change(drop, own);
      },
    };
  },
} satisfies FilterRun<Plan>;
