// From a configuration to what the workers live by: pools with their slots in the shared state, listeners with their
// bound ports. Owns that translation. Leaves opening sockets to listeners.ts.

import type { Membership, UnplacedPool } from '../balance/membership.js';
import { NO_KEEP_ALIVE } from '../base/keep-alive.js';
import type { Config } from '../config/config.js';
import type { ListenerPlan } from '../exchange/settings.js';
import type { ResolvedServer } from '../health/discovery.js';
import type { CheckedPoolPlan } from '../health/options.js';
import type { CompiledRoutes } from '../routing/compile.js';
import type { WorkerPlan } from '../worker/snapshot.js';
import type { TlsContexts } from './tls-contexts.js';

/** The servers of a pool, names resolved. */
export type ServersOf = (pool: string) => readonly ResolvedServer[];

/** A pool before it has slots, and how its servers are checked. */
export type UnplacedCheckedPool = UnplacedPool & Pick<CheckedPoolPlan, 'healthCheck'>;

/** The pools of a configuration with the servers they have now. */
export function unplacedPools(config: Config, serversOf: ServersOf): UnplacedCheckedPool[] {
  return Object.values(config.pools).map(({ name, options }, index) => {
    return { index, name, ...options, checked: options.healthCheck !== null, servers: [...serversOf(name)] };
  });
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
  return pools.map(({ healthCheck, ...pool }) => ({ ...membership.place(pool), healthCheck }));
}

/** Everything a worker needs to know about one version of the configuration. */
export function workerPlan(
  generation: number,
  config: Config,
  routes: CompiledRoutes,
  listeners: ListenerPlan[],
  pools: readonly CheckedPoolPlan[],
  tls: Pick<TlsContexts, 'pools' | 'tunnels'>,
): WorkerPlan {
  return {
    generation,
    listeners,
    table: routes.table,
    rules: [...routes.rules],
    errorPages: [...routes.errorPages],
    pools: pools.map(({ healthCheck: _, ...plan }) => plan),
    poolTls: pools.map(({ name }) => tls.pools.get(name) ?? -1),
    poolTunnelTls: pools.map(({ name }) => tls.tunnels.get(name) ?? -1),
    poolKeepAlive: pools.map(({ name }) => config.pools[name]?.tcpKeepAlive ?? NO_KEEP_ALIVE),
    poolProxyProtocol: pools.map(({ name }) => config.pools[name]?.proxyProtocol ?? null),
    limits: { ...config.limits },
    timeouts: { ...config.timeouts },
    trustedProxies: [...config.trustedProxies],
    filters: routes.filters,
  };
}
