// What the shared state says of every pool and server now, as plain data for people and their tools.
// Owns the names in it. Leaves counting to the workers and health/, and printing to the command line.

import type { BalancePoolPlan } from '../balance/options.js';
import { POOL, SERVER, type ServerState, type ServerStatus, SLICE, WEIGHT_ONE } from '../balance/server-state.js';

/** One server of a pool, all workers together. */
export interface ServerReport {
  readonly name: string;
  /** HOST:PORT or unix:PATH, names resolved. */
  readonly address: string;
  readonly status: ServerStatus;
  /** What it counts for now: less than configured while it starts slowly. */
  readonly weight: number;
  readonly backup: boolean;
  /** Requests, and connections in use, now. */
  readonly inFlight: number;
  readonly connections: number;
  /** Failures since its last answer; all failures and errors, and all ejections, since it was added. */
  readonly failuresInRow: number;
  readonly failures: number;
  readonly ejections: number;
}

/** One pool, all workers together. */
export interface PoolReport {
  /** Requests begun since the pool was added; wraps at 2^32. */
  readonly requests: number;
  /** Requests that wait for room now. */
  readonly waiting: number;
  /** Servers ejected now. */
  readonly ejected: number;
  readonly servers: readonly ServerReport[];
}

/** All pools by name, in the order of the configuration. */
export function poolReports(plans: readonly BalancePoolPlan[], state: ServerState): Record<string, PoolReport> {
  return Object.fromEntries(plans.map((plan) => [plan.name, poolReport(plan, state)]));
}

function poolReport({ slot, servers }: BalancePoolPlan, state: ServerState): PoolReport {
  const { words, capacity } = state;
  let requests = 0;
  for (let worker = 0; worker < capacity.workers; worker++) {
    requests += words[state.sliceAt(worker, slot) + SLICE.requests]!;
  }
  return {
    requests: requests >>> 0,
    waiting: words[state.poolAt(slot) + POOL.waiting]!,
    ejected: words[state.poolAt(slot) + POOL.ejected]!,
    servers: servers.map(({ index, name, address, backup }) => {
      const at = state.serverAt(index);
      return {
        name,
        address,
        status: state.serverStatus(index),
        weight: Number((words[at + SERVER.effectiveWeight]! / WEIGHT_ONE).toFixed(2)),
        backup,
        inFlight: state.inFlight(index),
        connections: state.connections(index),
        failuresInRow: words[at + SERVER.failuresInRow]!,
        failures: words[at + SERVER.failuresTotal]! >>> 0,
        ejections: words[at + SERVER.ejectionsTotal]! >>> 0,
      };
    }),
  };
}
