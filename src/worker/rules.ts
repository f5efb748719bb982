// A rule as a worker applies it: the plan, and what has to be kept between requests.

import type { RulePlan } from '../routing/plan.js';
import type { Pool } from './pools.js';

/** One rule of one configuration; a request keeps the rule it began with, also over a reload. */
export class Rule {
  readonly plan: RulePlan;
  /** The pools of its backendRefs, in their order. */
  readonly pools: readonly Pool[];

  constructor(plan: RulePlan, pools: readonly Pool[]) {
    this.plan = plan;
    this.pools = plan.backendRefs.map((ref) => pools[ref.pool]!);
  }

  /** The pool for the next request, or null when the rule has none that takes any. */
  choose(): Pool | null {
    return this.plan.drained ? null : (this.pools[0] ?? null);
  }
}
