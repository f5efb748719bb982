// Maintenance, as workers run it.

import { AddressSet } from '../../base/address-set.js';
import { parseRange } from '../../base/ranges.js';
import { type Filter, type FilterRun, VERDICT } from '../../exchange/filter.js';
import type { Plan } from './plan.js';

/** Of several each that is on has to let the client through. */
export const maintenance = {
  type: 'Maintenance',
  guards: true,
  make(layers, { tools }): Filter {
    const switches = layers.flat().flatMap(({ enabled, retryAfterSeconds, except, status }) => {
      if (!enabled) return [];
      const friends = new AddressSet(except.flatMap((range) => parseRange(range) ?? []));
      return [{ friends, details: { status, fields: `Retry-After: ${retryAfterSeconds}\r\n` } }];
    });
    if (switches.length === 0) return {};
    return {
      requestHead: (x) => {
        for (const { friends, details } of switches) {
          if (friends.has(x.clientAddress, x.clientAddressAt, x.clientAddressBytes)) continue;
          tools.fail(x, 'MAINTENANCE', details);
          return VERDICT.ANSWERED;
        }
        return VERDICT.CONTINUE;
      },
    };
  },
} satisfies FilterRun<Plan>;
