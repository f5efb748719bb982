// From a configuration to what the workers apply: pools with their slots in the shared state, listeners with their
// bound ports, and how one version differs from the one before.
// Owns that translation. Leaves opening sockets to listeners.ts.

import { isDeepStrictEqual } from 'node:util';
import type { Membership, UnplacedPool } from '../balance/membership.js';
import { NO_KEEP_ALIVE } from '../base/keep-alive.js';
import { type Config, limitsWith, type PoolConfig } from '../config/config.js';
import type { PoolPart } from '../exchange/pool-part.js';
import type { ListenerPlan } from '../exchange/settings.js';
import type { ResolvedServer } from '../health/discovery.js';
import type { CheckedPoolPlan } from '../health/options.js';
import { NO_SERIES, type SeriesPart } from '../observe/metrics/series.js';
import type { CompiledRoutes } from '../routing/compile.js';
import type { Snapshot, SnapshotChange } from '../worker/snapshot.js';
import type { TlsContexts } from './tls-contexts.js';

/** The servers of a pool, names resolved. */
type ServersOf = (pool: string) => readonly ResolvedServer[];

/** A pool before it has slots, and how its servers are checked. */
type UnplacedCheckedPool = UnplacedPool & Pick<CheckedPoolPlan, 'healthCheck'>;

/** A pool of a configuration with the servers it has now. `index` is its place among the pools. */
export function unplacedPool({ name, options }: PoolConfig, index: number, serversOf: ServersOf): UnplacedCheckedPool {
  return { index, name, ...options, checked: options.healthCheck !== null, servers: [...serversOf(name)] };
}

/**
 * Places pools in the shared state, and takes out those of `before` that are not among them. Cannot fail once
 * `Membership.makeRoom` has passed all of them.
 */
export function placePools(
  pools: readonly UnplacedCheckedPool[],
  membership: Membership,
  before: readonly string[],
): CheckedPoolPlan[] {
  const wanted = new Set(pools.map(({ name }) => name));
  for (const name of before) if (!wanted.has(name)) membership.remove(name);
  return pools.map((pool) => placePool(pool, membership));
}

/** Places one pool, where its servers changed. */
export function placePool({ healthCheck, ...pool }: UnplacedCheckedPool, membership: Membership): CheckedPoolPlan {
  return { ...membership.place(pool), healthCheck };
}

/** What workers get of a placed pool: how it is checked is not theirs. */
export function poolPart(
  { healthCheck: _, ...plan }: CheckedPoolPlan,
  { pools }: Config,
  tls: Pick<TlsContexts, 'pools' | 'tunnels'>,
): PoolPart {
  const { name } = plan;
  return {
    ...plan,
    tls: tls.pools.get(name) ?? -1,
    tunnelTls: tls.tunnels.get(name) ?? -1,
    proxyProtocol: pools[name]?.proxyProtocol ?? null,
    keepAlive: pools[name]?.tcpKeepAlive ?? NO_KEEP_ALIVE,
  };
}

/** Everything a worker applies of one version of the configuration. */
export function snapshotOf(
  generation: number,
  { config, routes }: { config: Config; routes: CompiledRoutes },
  listeners: ListenerPlan[],
  pools: readonly CheckedPoolPlan[],
  tls: Pick<TlsContexts, 'pools' | 'tunnels'>,
  autoSlabBytes: number,
  series: SeriesPart = NO_SERIES,
): Snapshot {
  return {
    generation,
    routing: {
      table: routes.table,
      rules: [...routes.rules],
      errorPages: [...routes.errorPages],
      filters: routes.filters,
    },
    settings: {
      listeners,
      limits: limitsWith(config, autoSlabBytes),
      timeouts: { ...config.timeouts },
      trustedProxies: [...config.trustedProxies],
    },
    pools: pools.map((plan) => poolPart(plan, config, tls)),
    series,
  };
}

/** What `now` has that `before` had not: parts that are the same stay with the workers. */
export function changeBetween(before: Snapshot, now: Snapshot): SnapshotChange {
  const known = new Map(before.pools.map((part) => [part.name, part]));
  const names = now.pools.map(({ name }) => name);
  const sameNames = isDeepStrictEqual(
    names,
    before.pools.map(({ name }) => name),
  );
  return {
    generation: now.generation,
    routing: isDeepStrictEqual(before.routing, now.routing) ? null : now.routing,
    settings: isDeepStrictEqual(before.settings, now.settings) ? null : now.settings,
    poolNames: sameNames ? null : names,
    pools: now.pools.filter((part) => !isDeepStrictEqual(part, known.get(part.name))),
    series: isDeepStrictEqual(before.series, now.series) ? null : now.series,
  };
}
