// Which server and which pool has which slot in the shared state, through reloads and name resolution.
// Owns the primary's bookkeeping of slots and the words that come from the config. Leaves health to health/, time to pool-maintenance.ts.

import type { BalancePoolPlan, PoolLimitOptions, ServerPlan } from './options.js';
import { GATE, POOL, SERVER, type ServerState, SLICE, WEIGHT_MAX, WEIGHT_ONE } from './server-state.js';

/** A pool before it has slots. */
export type UnplacedPool = Omit<BalancePoolPlan, 'slot' | 'servers'> & { servers: Omit<ServerPlan, 'index'>[] };

interface PoolSlot {
  slot: number;
  /** Slots of its servers, by address. */
  servers: Map<string, number>;
}

/**
 * Gives slots out and takes them back. One per process, in the primary. A server is known by its pool's name and its
 * address: placed again, it keeps its slot and with it its health, its counts and its ejections.
 */
export class Membership {
  readonly #state: ServerState;
  readonly #pools = new Map<string, PoolSlot>();
  readonly #freePools: number[] = [];
  readonly #freeServers: number[] = [];
  /** Slots given out at least once; those behind them were never anyone's. */
  #poolsUsed = 0;
  #serversUsed = 0;
  /** Slots taken out that may still have requests; free once they are empty. */
  readonly #leaving = new Set<number>();
  /** Slots of pools taken out: free once they are empty, and all their servers gone. */
  readonly #leavingPools = new Set<number>();

  constructor(state: ServerState) {
    this.#state = state;
  }

  /**
   * Checks that all of `pools` can be placed, and makes room for them: none of the `place` that follow can fail. Throws
   * RangeError when a weight is out of bounds or there are more servers or pools than the process can hold, Error when an
   * address is listed twice; nothing is changed then.
   */
  makeRoom(pools: readonly UnplacedPool[]): void {
    let servers = this.#serversUsed - this.#freeServers.length;
    let slots = this.#poolsUsed - this.#freePools.length;
    for (const pool of pools) {
      checkServers(pool);
      const known = this.#pools.get(pool.name);
      if (known === undefined) slots++;
      for (const { address } of pool.servers) if (known === undefined || !known.servers.has(address)) servers++;
    }
    const { serversMax, poolsMax } = this.#state.capacity;
    if (servers > serversMax || slots > poolsMax)
      throw new RangeError(
        `The pools come to ${servers} servers in ${slots} pools, those included that leave: found no ` +
          `room, expected at most ${serversMax} servers and ${poolsMax} pools in one process. Use fewer, or several processes.`,
      );
    this.#state.grow(Math.max(servers, this.#serversUsed), Math.max(slots, this.#poolsUsed));
  }

  /**
   * Places a pool as the config, or name resolution, now describes it, and returns the plan for the workers. Servers no
   * longer listed stay open for workers that have not applied it: they may know no other server. Then they drain, and their
   * slots come back, through `collect`. New servers of a pool with health checks start UNCHECKED, others open. Throws as
   * `makeRoom` does, which places of several pools call first: nothing is changed then.
   */
  place(pool: UnplacedPool): BalancePoolPlan {
    this.makeRoom([pool]);
    const known = this.#pools.get(pool.name);
    const wanted = new Set(pool.servers.map(({ address }) => address));
    const added = pool.servers.filter((server) => known === undefined || !known.servers.has(server.address));
    const entry: PoolSlot = known ?? { slot: this.#freePools.pop() ?? this.#poolsUsed++, servers: new Map() };
    this.#pools.set(pool.name, entry);
    for (const [address, index] of entry.servers) {
      if (wanted.has(address)) continue;
      this.#retire(index);
      entry.servers.delete(address);
    }
    for (const server of added) {
      const index = this.#freeServers.pop() ?? this.#serversUsed++;
      entry.servers.set(server.address, index);
      this.#reset(index, entry.slot, pool.checked ? GATE.UNCHECKED : GATE.OPEN);
    }
    const servers = pool.servers.map((server) => ({ ...server, index: entry.servers.get(server.address)! }));
    const plan: BalancePoolPlan = { ...pool, slot: entry.slot, servers };
    for (const server of servers) this.#configure(server, plan);
    this.#state.words[this.#state.poolAt(entry.slot) + POOL.ejectedMax] = ejectedMax(plan);
    this.#state.changed(entry.slot);
    return plan;
  }

  /** Takes a pool out: all its servers leave, as those that `place` takes out, and its slot after them. */
  remove(name: string): void {
    const entry = this.#pools.get(name);
    if (entry === undefined) return;
    for (const index of entry.servers.values()) this.#retire(index);
    this.#pools.delete(name);
    this.#leavingPools.add(entry.slot);
  }

  /**
   * Lets retired servers drain, frees the slots of those that have no request and no connection left, and returns these;
   * then those of pools that have nothing left. Call it now and then, and only when every worker runs a plan without them.
   */
  collect(): number[] {
    const freed: number[] = [];
    for (const index of this.#leaving) {
      this.#state.closeGate(index, GATE.DRAINING);
      if (this.#state.inFlight(index) !== 0 || this.#state.connections(index) !== 0) continue;
      this.#uneject(index);
      this.#state.closeGate(index, GATE.GONE);
      this.#leaving.delete(index);
      this.#freeServers.unshift(index);
      freed.push(index);
    }
    for (const slot of this.#leavingPools) this.#freePool(slot);
    return freed;
  }

  /** Frees the slot of a pool that was taken out, unless something is still counted there. */
  #freePool(slot: number): void {
    const { words } = this.#state;
    for (const index of this.#leaving) if (words[this.#state.serverAt(index) + SERVER.pool] === slot) return;
    const at = this.#state.poolAt(slot);
    if (Atomics.load(words, at + POOL.inFlight) !== 0 || Atomics.load(words, at + POOL.waiting) !== 0) return;
    // No worker writes there any more: what they counted is that of the pool that was here.
    for (let worker = 0; worker < this.#state.capacity.workers; worker++) {
      words[this.#state.sliceAt(worker, slot) + SLICE.requests] = 0;
    }
    this.#leavingPools.delete(slot);
    this.#freePools.unshift(slot);
  }

  #retire(index: number): void {
    // Only one that was ejected is closed at once: it counts no longer among those its pool may eject.
    if (this.#state.gate(index) & GATE.EJECTED) this.#state.closeGate(index, GATE.DRAINING);
    this.#uneject(index);
    this.#leaving.add(index);
  }

  #uneject(index: number): void {
    if (!this.#state.openGate(index, GATE.EJECTED)) return;
    const { words } = this.#state;
    const at = this.#state.serverAt(index);
    words[at + SERVER.ejectedStamped] = 0;
    Atomics.sub(words, this.#state.poolAt(words[at + SERVER.pool]!) + POOL.ejected, 1);
  }

  #reset(index: number, poolSlot: number, gate: number): void {
    const { words } = this.#state;
    const at = this.#state.serverAt(index);
    words.fill(0, at, at + SERVER.WORDS);
    words[at + SERVER.pool] = poolSlot;
    Atomics.store(words, at + SERVER.gate, gate);
  }

  #configure(server: ServerPlan, plan: BalancePoolPlan): void {
    const { words } = this.#state;
    const at = this.#state.serverAt(server.index);
    if (words[at + SERVER.weight] !== server.weight || words[at + SERVER.slowStarting] === 0)
      words[at + SERVER.effectiveWeight] = server.weight * WEIGHT_ONE;
    words[at + SERVER.weight] = server.weight;
    words[at + SERVER.inFlightMax] = inFlightMax(plan.limits);
    if (server.weight === 0) this.#state.closeGate(server.index, GATE.DRAINING);
    else this.#state.openGate(server.index, GATE.DRAINING);
    if (server.maintenance) this.#state.closeGate(server.index, GATE.MAINTENANCE);
    else this.#state.openGate(server.index, GATE.MAINTENANCE);
    if (!plan.checked) this.#state.openGate(server.index, GATE.UNCHECKED | GATE.DOWN);
  }
}

/** Throws when a pool cannot be placed whatever the room. */
function checkServers({ name, servers }: UnplacedPool): void {
  const addresses = new Set<string>();
  for (const { address, weight } of servers) {
    if (addresses.has(address))
      throw new Error(`Pool ${name}: the address ${address} is listed twice. Expected it once.`);
    addresses.add(address);
    if (!Number.isInteger(weight) || weight < 0 || weight > WEIGHT_MAX)
      throw new RangeError(`Pool ${name}, ${address}: weight ${weight}, expected 0 to ${WEIGHT_MAX}.`);
  }
}

/** A connection in use carries one request, so either limit bounds the other. */
function inFlightMax({ serverRequestsMax, serverConnectionsMax }: PoolLimitOptions): number {
  if (serverRequestsMax === 0 || serverConnectionsMax === 0) return serverRequestsMax + serverConnectionsMax;
  return Math.min(serverRequestsMax, serverConnectionsMax);
}

/** How many servers of a pool may be ejected at once: a share, but one of two or more, and never all below a share of 1. */
function ejectedMax(plan: BalancePoolPlan): number {
  const count = plan.servers.length;
  const share = plan.outlier?.maxEjectedShare ?? 0;
  if (share === 0) return 0;
  const byShare = Math.floor(count * share);
  return count >= 2 ? Math.max(1, byShare) : byShare;
}
