// Applies a snapshot to a worker, between two turns: the parts that are new, and what depends on them.
// Owns the order of these steps. Leaves requests under way to exchange/move.ts.

import { dropIdle } from '../codec/backends.js';
import { goAway } from '../codec/h2/end-connection.js';
import { ErrorPages } from '../exchange/error-pages.js';
import { serveLines } from '../exchange/lines.js';
import { moveToNewPool } from '../exchange/move.js';
import { Pool } from '../exchange/pools.js';
import { distinguishesSlashes } from '../exchange/route.js';
import { Ticks } from '../exchange/ticks.js';
import { Trust } from '../exchange/trust.js';
import { Matcher } from '../routing/matcher.js';
import { filterScope } from './filter-tools.js';
import { PreparedRule } from './prepared-rule.js';
import type { SettingsPart, SnapshotChange } from './snapshot.js';
import type { Worker } from './worker.js';

/*
 * What is made anew for each part that a change brings:
 *
 *   routing    the matcher, the error pages ──┐
 *   settings   deadlines, limits, trust ──────┼─► every rule, every listener
 *   series     where requests are counted ────┤
 *   pool names the list of pools ─────────────┘
 *   one pool   its servers, its Pool. Rules, filters and listeners find it by its index in the list of pools, which is the same
 *              array until the names change.
 */

/** Applies `change` from the next request on. Requests under way keep their rule; those that may need a server move on. */
export function applySnapshot(w: Worker, change: SnapshotChange): void {
  const { routing, settings, poolNames, pools } = change;
  w.state.refresh();
  if (settings !== null) applySettings(w, settings);
  if (change.series !== null) w.series = change.series;
  if (routing !== null) {
    w.routing = routing;
    w.matcher = new Matcher(routing.table);
    w.errorPages = new ErrorPages(routing.errorPages);
    w.counters.applied.routing++;
  }
  applyPools(w, change);
  w.metrics.apply(w.series);
  if (routing !== null || settings !== null || poolNames !== null || change.series !== null) makeRules(w);
  if (settings !== null) w.listen();
  if (poolNames !== null || pools.length > 0) {
    w.connections.eachExchange((x) => moveToNewPool(w, x));
    if (w.limitedPools.length > 0) serveLines(w);
  }
}

function applySettings(w: Worker, settings: SettingsPart): void {
  w.settings = settings;
  w.limits = settings.limits;
  w.timeouts = settings.timeouts;
  w.ticks = new Ticks(settings.timeouts);
  w.trust = new Trust(settings.trustedProxies);
  w.counters.applied.settings++;
}

function applyPools(w: Worker, { pools: parts, poolNames }: SnapshotChange): void {
  const { poolsByName } = w;
  for (const part of parts) {
    const before = poolsByName.get(part.name);
    for (const server of w.servers.apply(part, before?.plan ?? null)) dropIdle(w, server);
    const pool = new Pool(part, w.state, before?.plan.slot === part.slot ? before : undefined);
    if (before !== undefined) before.retired = true;
    poolsByName.set(part.name, pool);
    if (poolNames === null) w.pools[part.index] = pool;
    w.counters.applied.pools++;
  }
  if (poolNames !== null) {
    const wanted = new Set(poolNames);
    for (const [name, pool] of poolsByName) {
      if (wanted.has(name)) continue;
      for (const server of w.servers.remove(pool.plan)) dropIdle(w, server);
      pool.retired = true;
      poolsByName.delete(name);
    }
    w.pools = poolNames.map((name) => poolsByName.get(name)!);
  }
  w.limitedPools = w.pools.filter((pool) => pool.limited || pool.line.length > 0);
}

function makeRules(w: Worker): void {
  const { routing, settings } = w;
  const scope = {
    pools: w.pools,
    ticks: w.ticks,
    limits: w.limits,
    filters: routing.filters,
    filterScope: filterScope(w, w.pools),
    seed: w.index,
    series: w.series,
  };
  w.rules = routing.rules.map((rule) => new PreparedRule(rule, scope));
  // Made now, so that no request has to wait for it.
  for (const { filters } of settings.listeners) if (filters.length > 0) for (const rule of w.rules) rule.under(filters);
  w.distinguishesSlashes = distinguishesSlashes(settings.listeners, routing.rules);
  w.pinned.renew();
  w.renewLogs();
  w.listeners.apply(settings.listeners, { ...scope, pinned: w.pinned });
  // Their clients are to connect to those there are; what is under way finishes.
  for (const c of w.http2.connections) if (!c.client.listener.current) goAway(w, c);
}
