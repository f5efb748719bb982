// AllowDeny, as workers run it: on the client's address as `trustedProxies` decides, or on that of the connection.

import { AddressSet } from '../../base/address-set.js';
import { parseRange } from '../../base/ranges.js';
import { type Filter, type FilterRun, VERDICT } from '../../exchange/filter.js';
import type { Plan } from './plan.js';

/** One filter, its lists ready to be asked. */
class AddressRules {
  readonly #rules: readonly { readonly allows: boolean; readonly set: AddressSet }[];
  readonly #otherwiseAllows: boolean;
  readonly status: number;

  constructor({ rules, otherwiseAllows, status }: Plan) {
    this.#rules = rules.map(({ allows, ranges }) => ({
      allows,
      set: new AddressSet(ranges.flatMap((range) => parseRange(range) ?? [])),
    }));
    this.#otherwiseAllows = otherwiseAllows;
    this.status = status;
  }

  /** Hot: allocates nothing. */
  allows(address: Uint8Array, at: number, length: number): boolean {
    const rules = this.#rules;
    for (let i = 0; i < rules.length; i++) {
      const { allows, set } = rules[i]!;
      if (set.has(address, at, length)) return allows;
    }
    return this.#otherwiseAllows;
  }
}

/** Made once for each plan, however many rules the filter stands around. */
const made = new WeakMap<Plan, AddressRules>();

function rulesOf(plan: Plan): AddressRules {
  let rules = made.get(plan);
  if (rules === undefined) {
    rules = new AddressRules(plan);
    made.set(plan, rules);
  }
  return rules;
}

/** Each filter has to let the client pass, those of the outer layers first. */
export const allowDeny = {
  type: 'AllowDeny',
  guards: true,
  make(layers, { tools }): Filter {
    const filters = layers.flat().map(rulesOf);
    return {
      requestHead: (x) => {
        for (const filter of filters) {
          if (filter.allows(x.clientAddress, x.clientAddressAt, x.clientAddressBytes)) continue;
          tools.fail(x, 'CLIENT_DENIED', filter);
          return VERDICT.ANSWERED;
        }
        return VERDICT.CONTINUE;
      },
    };
  },
  gate(layers) {
    const filters = layers.flat().map(rulesOf);
    return (address, at, length) => filters.every((filter) => filter.allows(address, at, length));
  },
} satisfies FilterRun<Plan>;
