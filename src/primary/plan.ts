// From a configuration to what the workers live by: pools with their slots in the shared state, listeners with their
// bound ports. Owns that translation. Leaves opening sockets to listeners.ts.

import type { Membership, UnplacedPool } from '../balance/membership.js';
import type { BalancePoolPlan } from '../balance/options.js';
import type { Config, PoolConfig } from '../config/config.js';
import type { CompiledRoutes } from '../routing/compile.js';
import type { ListenerPlan, WorkerPlan } from '../worker/plan.js';

/** Addresses by the name they were resolved from. */
export type Resolved = ReadonlyMap<string, readonly string[]>;

function addressOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A pool as the shared state takes it in: every server an address, names already resolved. */
function unplaced(pool: PoolConfig, index: number, resolved: Resolved): UnplacedPool {
  const servers = new Map<string, UnplacedPool['servers'][number]>();
  for (const { name, endpoint, weight, backup } of pool.servers) {
    const addresses =
      endpoint.kind === 'unix'
        ? [`unix:${endpoint.path}`]
        : (resolved.get(endpoint.host) ?? []).map((host) => addressOf(host, endpoint.port));
    for (const address of addresses) servers.set(address, { name, address, weight, backup });
  }
  return {
    index,
    name: pool.name,
    ...pool.options,
    servers: [...servers.values()],
  };
}

/** Places all pools of a configuration in the shared state, and takes out those that are gone. */
export function placePools(
  config: Config,
  resolved: Resolved,
  membership: Membership,
  before: readonly string[],
): BalancePoolPlan[] {
  const pools = Object.values(config.pools);
  for (const name of before) if (config.pools[name] === undefined) membership.remove(name);
  return pools.map((pool, index) => membership.place(unplaced(pool, index, resolved)));
}

/** Everything a worker needs to know about one version of the configuration. */
export function workerPlan(
  generation: number,
  config: Config,
  routes: CompiledRoutes,
  listeners: ListenerPlan[],
  pools: BalancePoolPlan[],
): WorkerPlan {
  return {
    generation,
    listeners,
    table: routes.table,
    rules: [...routes.rules],
    pools,
    limits: { ...config.limits },
    timeouts: { ...config.timeouts },
    trustedProxies: [...config.trustedProxies],
  };
}
