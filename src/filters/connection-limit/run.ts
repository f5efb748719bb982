// ConnectionLimit, as workers run it: a connection holds a place in the table that all of them share until it is closed.

import { type FilterRun, HOLD } from '../../exchange/filter.js';
import type { Plan } from './plan.js';

/** The innermost counts. */
export const connectionLimit = {
  type: 'ConnectionLimit',
  make: () => ({}),
  hold(layers, { tools, limits }) {
    const plan = layers.flat().at(-1)!;
    if (limits === null) return null;
    const { hash, concurrency } = limits;
    const id = Buffer.from(plan.id, 'utf8');
    hash.of(id, 0, id.length);
    const [low, high] = [hash.low, hash.high];
    return (address, at, length) => {
      // A host changes the rest of an IPv6 address at will.
      hash.of(address, at, length === 16 ? 8 : length);
      hash.ofWords(low, high, hash.low, hash.high);
      const place = concurrency.enter(hash.low, hash.high, plan.connections);
      if (place >= 0) return place;
      if (!plan.dryRun) return HOLD.REFUSED;
      tools.count('ConnectionLimit.dryRun');
      return HOLD.NONE;
    };
  },
} satisfies FilterRun<Plan>;
