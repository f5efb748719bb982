// What routing has to know of filters. src/filters implements it; this folder knows no filter type.

import { AssertionError } from '../base/assert.js';
import type { FilterConfig, FilterPlan } from './plan.js';
import type { PlanScope } from './plan-scope.js';

export interface FilterTypes {
  /** The plan of one filter, whose options src/config has checked. */
  plan(filter: FilterConfig, scope: PlanScope): FilterPlan;
  /** What a filter does, in a line. `pools` are the names of pools by their indexes. */
  describe(plan: FilterPlan, pools: readonly string[]): string;
  /** True for a filter that always gives a local reply: a rule with it needs no pool. */
  repliesLocally(filter: FilterConfig | FilterPlan): boolean;
  /** True for a filter that has a part in such replies. */
  isBesideLocalReply(filter: FilterConfig | FilterPlan): boolean;
}

/** For configurations without filters. */
export const NO_FILTER_TYPES: FilterTypes = {
  plan: ({ type }) => unknown(type),
  describe: ({ type }) => unknown(type),
  repliesLocally: ({ type }) => unknown(type),
  isBesideLocalReply: ({ type }) => unknown(type),
};

function unknown(type: string): never {
  throw new AssertionError(`${type} is a filter type that the compiler was given`);
}
