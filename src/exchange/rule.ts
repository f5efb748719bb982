// A rule, as the steps of an exchange see it. Owns the shape; worker/prepared-rule.ts implements it.

import type { FilterPlan, RulePlan } from '../routing/plan.js';
import type { Context } from './context.js';
import type { ErrorPages } from './error-pages.js';
import type { Exchange } from './exchange.js';
import type { Phases } from './phases.js';
import type { Pool } from './pools.js';
import type { Ticks } from './ticks.js';

/** A request keeps the rule it began with, also over a reload. */
export interface Rule {
  readonly plan: RulePlan;
  /** The filters around and in it, ready to run. */
  readonly phases: Phases;
  /** Where metrics count its requests, as the recorder reads it (observe/metrics/series.ts). */
  readonly series: Int32Array;
  /** Its own error pages, or null. */
  readonly errorPages: ErrorPages | null;
  /** The pool that takes over when those of the rule cannot answer, or null. */
  readonly fallback: Pool | null;
  /** The deadlines of its requests: its own where it has any, else those of all. */
  readonly ticks: Ticks;
  /** Longest body of its requests in bytes; 0 is unlimited. */
  readonly bodyBytesMax: number;
  /** Longest body of its requests that is kept for another try. */
  readonly retryBodyBytesMax: number;
  /** The same rule for requests of a listener with these filters. */
  under(listenerFilters: readonly FilterPlan[]): Rule;
  /** The pool for the request in `w.view`, or null when the rule has none that takes any. */
  choose(w: Context, x: Exchange): Pool | null;
}
