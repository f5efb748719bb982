// Picks a server in a pool: the one interface every balancer keeps, and the making of the right one.
// Owns the interface. Leaves each algorithm to its file, and who is open to view.ts.

import { ConsistentHash } from './consistent-hash.js';
import { LeastRequests } from './least-requests.js';
import type { BalancePoolPlan } from './options.js';
import { RandomOfTwo } from './random.js';
import { RoundRobin } from './round-robin.js';
import type { ServerState } from './server-state.js';
import { type Attempted, PoolView } from './view.js';

/** Chooses servers for one pool in one worker. */
export interface Balancer {
  /**
   * The shared-state index of the server for the next attempt, or NO_SERVER, or ALL_BUSY. Never one in `attempted`, never one whose
   * gate is closed (panic aside). It only chooses: count the request with `ServerState.requestBegins`, and pick again
   * with the server in `attempted` if that says no. `key` is read by hashing balancers alone (keys.ts); pass any number
   * otherwise. Hot: allocates nothing.
   */
  pick(key: number, attempted: Attempted): number;
}

/**
 * The balancer a pool's plan asks for. `seed` makes workers start at different servers: pass the worker's index or
 * anything else that differs. Make a new one when the pool's members change; health and weights it follows by itself. One
 * that takes the place of `before` goes on where that was: members may change more often than all of them are picked once.
 */
export function createBalancer(
  plan: BalancePoolPlan,
  state: ServerState,
  seed: number,
  before: Balancer | null = null,
): Balancer {
  const view = new PoolView(plan, state);
  switch (plan.balance.kind) {
    case 'round-robin':
      return new RoundRobin(view, seed, before instanceof RoundRobin ? before : null);
    case 'least-requests':
      return new LeastRequests(view, seed, before instanceof LeastRequests ? before : null);
    case 'random':
      return new RandomOfTwo(view, seed, before instanceof RandomOfTwo ? before : null);
    case 'ip-hash':
    case 'consistent-hash':
      return new ConsistentHash(view, before instanceof ConsistentHash ? before : null);
  }
}
