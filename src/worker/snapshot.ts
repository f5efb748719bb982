// What the primary gives a worker to apply: plain data, fit for structured clone, in parts that change at different rates.
// Owns the shapes. Leaves making them to primary/, and applying them to apply-snapshot.ts.

import type { PoolPart } from '../exchange/pool-part.js';
import type { Limits, ListenerPlan, Timeouts } from '../exchange/settings.js';
import type { SeriesPart } from '../observe/metrics/series.js';
import type { ErrorPagePlan, FilterPlan, RulePlan } from '../routing/plan.js';

/** What is done with a request: it changes with the routes of the configuration. */
export interface RoutingPart {
  /** The routing table, shared and immutable. */
  table: SharedArrayBuffer;
  rules: RulePlan[];
  /** The error pages of all requests; a rule may have its own. */
  errorPages: ErrorPagePlan[];
  /** What is done to all requests and their responses. */
  filters: readonly FilterPlan[];
}

/** How connections are taken, and what holds for all of them: it changes with the rest of the configuration. */
export interface SettingsPart {
  listeners: ListenerPlan[];
  limits: Limits;
  timeouts: Timeouts;
  /** CIDR ranges whose forwarding fields are believed. */
  trustedProxies: string[];
}

/** Everything a worker applies. */
export interface Snapshot {
  generation: number;
  routing: RoutingPart;
  settings: SettingsPart;
  /** By the index that rules and listeners refer to. */
  pools: readonly PoolPart[];
  /** Where requests are counted. */
  series: SeriesPart;
}

/** How a snapshot differs from the one before, for a worker that has applied that. What is null stays. */
export interface SnapshotChange {
  generation: number;
  routing: RoutingPart | null;
  settings: SettingsPart | null;
  /** The names of all pools by their index, where any came, went or has another index. */
  poolNames: string[] | null;
  /** The pools that are new or different. Any of them alone leaves rules, matcher and listeners as they are. */
  pools: readonly PoolPart[];
  series: SeriesPart | null;
}

/** A whole snapshot, for a worker that has applied none. */
export function wholeSnapshot({ generation, routing, settings, pools, series }: Snapshot): SnapshotChange {
  return { generation, routing, settings, poolNames: pools.map(({ name }) => name), pools, series };
}
