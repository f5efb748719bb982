// A rule as a worker applies it: the plan made ready, and what has to be kept between requests.

import type { Context } from '../exchange/context.js';
import { ErrorPages } from '../exchange/error-pages.js';
import type { Exchange } from '../exchange/exchange.js';
import type { FilterScope } from '../exchange/filter.js';
import type { Phases } from '../exchange/phases.js';
import type { Pool } from '../exchange/pools.js';
import type { Rule } from '../exchange/rule.js';
import type { Limits } from '../exchange/settings.js';
import { type StickySplit, stickySplit } from '../exchange/sticky-split.js';
import type { Ticks } from '../exchange/ticks.js';
import { phasesOf } from '../filters/runs.js';
import { NO_SERIES, type SeriesPart } from '../observe/metrics/series.js';
import type { FilterPlan, RulePlan } from '../routing/plan.js';
import { Split } from '../routing/split.js';

/** What all rules of one snapshot share. */
interface RuleScope {
  /** By index. A pool that changes takes the place of the one before: never kept, always looked up. */
  readonly pools: readonly Pool[];
  /** Deadlines and limits of all. */
  readonly ticks: Ticks;
  readonly limits: Limits;
  /** Filters of all. */
  readonly filters: readonly FilterPlan[];
  /** What filters are made with. */
  readonly filterScope: FilterScope;
  /** The worker's index: workers take turns at different places. */
  readonly seed: number;
  /** Where requests are counted; nowhere by default. */
  readonly series?: SeriesPart;
}

/** One rule of one configuration; a request keeps the rule it began with, also over a reload. */
export class PreparedRule implements Rule {
  readonly plan: RulePlan;
  /** The filters around and in it, ready to run. */
  readonly phases: Phases;
  /** Where metrics count its requests: that of its route. */
  readonly series: Int32Array;
  /** Its own error pages, or null. */
  readonly errorPages: ErrorPages | null;
  /** The deadlines of its requests: its own where it has any, else those of all. */
  readonly ticks: Ticks;
  /** Longest body of its requests in bytes; 0 is unlimited. */
  readonly bodyBytesMax: number;
  /** Longest body of its requests that is kept for another try. */
  readonly retryBodyBytesMax: number;
  readonly #split: Split;
  /** Leads clients where they were; null when requests take turns. */
  readonly #sticky: StickySplit | null;
  readonly #scope: RuleScope;
  readonly #byListener = new Map<readonly FilterPlan[], PreparedRule>();

  /** `listenerFilters` are those of the listener that its requests come to. */
  constructor(plan: RulePlan, scope: RuleScope, listenerFilters: readonly FilterPlan[] = []) {
    const { pools, ticks, limits, filters, filterScope, seed, series = NO_SERIES } = scope;
    this.plan = plan;
    this.#scope = scope;
    this.#split = new Split(plan.backendRefs, seed);
    const shares = () => plan.backendRefs.map((ref) => ({ name: pools[ref.pool]!.plan.name, ref }));
    this.#sticky = plan.sticky === null ? null : stickySplit(plan.sticky, shares(), this.#split);
    this.phases = phasesOf([filters, listenerFilters, plan.routeFilters, plan.filters], filterScope);
    this.series = series.byRoute[series.routeOfRule[plan.index] ?? -1] ?? series.unrouted;
    this.errorPages = plan.errorPages.length === 0 ? null : new ErrorPages(plan.errorPages);
    this.ticks = ticks.within(plan.timeouts);
    this.bodyBytesMax = plan.limits.bodyBytesMax ?? limits.bodyBytesMax;
    this.retryBodyBytesMax = plan.limits.retryBodyBytesMax ?? limits.retryBodyBytesMax;
  }

  /** The same rule for requests of a listener with these filters, which are one list for one plan of the listener. Made once. */
  under(listenerFilters: readonly FilterPlan[]): PreparedRule {
    let rule = this.#byListener.get(listenerFilters);
    if (rule === undefined) {
      rule = new PreparedRule(this.plan, this.#scope, listenerFilters);
      this.#byListener.set(listenerFilters, rule);
    }
    return rule;
  }

  /** The pool that takes over when those of the rule cannot answer, or null. */
  get fallback(): Pool | null {
    const { fallback } = this.plan;
    return fallback === null ? null : this.#scope.pools[fallback]!;
  }

  /** The pool for the request, or null when the rule has none that takes any. */
  choose(w: Context, x: Exchange): Pool | null {
    const pool = this.#sticky === null ? this.#split.pick() : this.#sticky.choose(w, x);
    return pool < 0 ? null : this.#scope.pools[pool]!;
  }
}
