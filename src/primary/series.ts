// Which series of requests a configuration can bring: every listener with every route that is for it, and the pools of that.
// Owns their labels. Leaves their places to observe/metrics/series.ts.

import type { Config } from '../config/config.js';
import type { ListenerPlan } from '../exchange/settings.js';
import type { CheckedPoolPlan } from '../health/options.js';
import { NO_POOL, type SeriesPart, type SeriesRegistry, type WantedSeries } from '../observe/metrics/series.js';
import type { RulePlan } from '../routing/plan.js';

/** What series are made of. */
export interface SeriesSource {
  readonly config: Config;
  readonly rules: readonly RulePlan[];
  readonly listeners: readonly ListenerPlan[];
  readonly pools: readonly CheckedPoolPlan[];
}

/** What a listener is called in metrics: its name, or its address. */
const listenerLabel = ({ name, address }: Pick<ListenerPlan, 'name' | 'address'>): string =>
  name === '' ? address : name;

/** Gives every series of a configuration a place. */
export function placeSeries(registry: SeriesRegistry, source: SeriesSource): SeriesPart {
  const { config, rules, listeners, pools } = source;
  const readers = listeners.filter(({ protocol }) => protocol === 'http' || protocol === 'https');
  const routeOfRule = config.routes.flatMap((route, index) => route.rules.map(() => index));
  const poolsOfRoutes = config.routes.map(() => new Set<number>());
  for (const { index, backendRefs, fallback } of rules) {
    const of = poolsOfRoutes[routeOfRule[index]!]!;
    for (const { pool } of backendRefs) of.add(pool);
    if (fallback !== null) of.add(fallback);
  }
  const series = (listener: ListenerPlan, route: string, pool: number | null, raw: boolean): WantedSeries => ({
    listener: listenerLabel(listener),
    route,
    pool: pool === null ? '' : pools[pool]!.name,
    raw,
    listenerNumber: listener.listener,
    poolSlot: pool === null ? NO_POOL : pools[pool]!.slot,
  });
  const routed = config.routes.map((route, index) => {
    const label = route.name ?? `routes[${index}]`;
    const own = readers.filter(({ name }) => route.listeners === undefined || route.listeners.includes(name));
    return own.flatMap((listener) =>
      [...poolsOfRoutes[index]!, null].map((pool) => series(listener, label, pool, false)),
    );
  });
  const unrouted = listeners.flatMap((listener) => {
    if (readers.includes(listener)) return [series(listener, '', null, false)];
    const named = listener.tlsRoutes.flatMap(({ backendRefs }) => backendRefs.map(({ pool }) => pool));
    const all = new Set(listener.pool < 0 ? named : [listener.pool, ...named]);
    return [...all, null].map((pool) => series(listener, '', pool, true));
  });
  return registry.place(routeOfRule, routed, unrouted, config.metrics.seriesMax);
}
