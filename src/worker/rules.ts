// A rule as a worker applies it: the plan made ready, and what has to be kept between requests.

import type { RulePlan } from '../routing/plan.js';
import { Split } from '../routing/split.js';
import { type HeaderEdit, headerEdit } from './filters/edit.js';
import { Mirror } from './filters/mirror.js';
import type { Answering } from './filters/respond.js';
import { PathModifier, Rewrite } from './filters/rewrite.js';
import type { Limits } from './plan.js';
import type { Pool } from './pools.js';
import type { Ticks } from './ticks.js';

/** One rule of one configuration; a request keeps the rule it began with, also over a reload. */
export class Rule {
  readonly plan: RulePlan;
  readonly requestEdit: HeaderEdit | null;
  readonly responseEdit: HeaderEdit | null;
  readonly rewrite: Rewrite | null;
  /** The filter that answers in place of a server, or null. */
  readonly answering: Answering | null;
  /** What its redirect makes of the path; null when it leaves it. */
  readonly redirectPath: PathModifier | null;
  readonly mirrors: readonly Mirror[];
  /** The pool that takes over when those of the rule cannot answer, or null. */
  readonly fallback: Pool | null;
  /** The deadlines of its requests: its own where it has any, else those of all. */
  readonly ticks: Ticks;
  /** Longest body of its requests in bytes; 0 is unlimited. */
  readonly bodyBytesMax: number;
  /** Longest body of its requests that is kept for another try. */
  readonly retryBodyBytesMax: number;
  readonly #split: Split;
  readonly #pools: readonly Pool[];

  /** `ticks` and `limits` are those of all; `seed` is the worker's index: workers take turns at different places. */
  constructor(plan: RulePlan, pools: readonly Pool[], ticks: Ticks, limits: Limits, seed: number) {
    const { filters } = plan;
    this.plan = plan;
    this.#pools = pools;
    this.#split = new Split(plan.backendRefs, seed);
    this.requestEdit = headerEdit(filters, 'RequestHeaderModifier');
    this.responseEdit = headerEdit(filters, 'ResponseHeaderModifier');
    const rewrite = filters.find((filter) => filter.type === 'URLRewrite');
    this.rewrite = rewrite === undefined ? null : new Rewrite(rewrite);
    this.answering =
      filters.find((filter) => filter.type === 'RequestRedirect' || filter.type === 'DirectResponse') ?? null;
    const { answering } = this;
    this.redirectPath =
      answering?.type === 'RequestRedirect' && answering.path !== undefined ? new PathModifier(answering.path) : null;
    this.mirrors = filters.flatMap((filter) =>
      filter.type === 'RequestMirror' ? [new Mirror(pools[filter.pool]!, filter.percent)] : [],
    );
    this.fallback = plan.fallback === null ? null : pools[plan.fallback]!;
    this.ticks = ticks.within(plan.timeouts);
    this.bodyBytesMax = plan.limits.bodyBytesMax ?? limits.bodyBytesMax;
    this.retryBodyBytesMax = plan.limits.retryBodyBytesMax ?? limits.retryBodyBytesMax;
  }

  /** The pool for the next request, or null when the rule has none that takes any. */
  choose(): Pool | null {
    const pool = this.#split.pick();
    return pool < 0 ? null : this.#pools[pool]!;
  }
}
