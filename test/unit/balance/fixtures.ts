// Pools for the tests of src/balance, placed in fresh shared state.

import { Membership } from '../../../src/balance/membership.js';
import {
  BALANCE_DEFAULTS,
  type BalanceKind,
  type BalancePoolPlan,
  LIMIT_DEFAULTS,
  OUTLIER_DEFAULTS,
} from '../../../src/balance/options.js';
import { RETRY_DEFAULTS } from '../../../src/balance/retry.js';
import { createServerState, POOLS_MAX, SERVERS_MAX, ServerState } from '../../../src/balance/server-state.js';

export interface TestPool {
  buffer: SharedArrayBuffer;
  state: ServerState;
  membership: Membership;
  plan: BalancePoolPlan;
}

export interface PoolWish extends Partial<Omit<BalancePoolPlan, 'balance' | 'limits'>> {
  kind?: BalanceKind;
  weights?: number[];
  /** How many backup servers follow, of weight 1. */
  backups?: number;
  panic?: 'fail' | 'try';
  slowStartMs?: number;
  limits?: Partial<BalancePoolPlan['limits']>;
  /** What the shared state may grow to. */
  serversMax?: number;
  poolsMax?: number;
}

/** One pool with a server per weight, at addresses 10.0.0.1:80 and on. Slots start at 0, in order. */
export function pool(wish: PoolWish = {}): TestPool {
  const {
    kind = 'round-robin',
    weights = [1, 1, 1],
    backups = 0,
    panic = 'fail',
    slowStartMs = 0,
    limits,
    serversMax = SERVERS_MAX,
    poolsMax = POOLS_MAX,
    ...rest
  } = wish;
  const buffer = createServerState({ workers: 4, serversMax, poolsMax });
  const state = new ServerState(buffer, 0);
  const membership = new Membership(state);
  const all = [...weights, ...Array<number>(backups).fill(1)];
  const plan = membership.place({
    index: 0,
    name: 'shop',
    balance: { ...BALANCE_DEFAULTS, kind, panic, slowStartMs },
    servers: all.map((weight, i) => ({
      name: `s${i}`,
      address: `10.0.0.${i + 1}:80`,
      endpoint: { kind: 'tcp', host: `10.0.0.${i + 1}`, port: 80 },
      weight,
      backup: i >= weights.length,
    })),
    checked: false,
    outlier: OUTLIER_DEFAULTS,
    session: null,
    retry: RETRY_DEFAULTS,
    ...rest,
    limits: { ...LIMIT_DEFAULTS, ...limits },
  });
  return { buffer, state, membership, plan };
}

/** A repeatable stream of 32-bit keys. */
export function keys(seed: number): () => number {
  let x = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return Math.imul(x, 0x85ebca6b);
  };
}

/** Pearson's chi-squared of counts against weights; compare it with `chiSquaredLimit`. */
export function chiSquared(counts: readonly number[], weights: readonly number[]): number {
  const total = counts.reduce((a, b) => a + b, 0);
  const weightTotal = weights.reduce((a, b) => a + b, 0);
  let sum = 0;
  for (let i = 0; i < counts.length; i++) {
    const expected = (total * weights[i]!) / weightTotal;
    sum += (counts[i]! - expected) ** 2 / expected;
  }
  return sum;
}

/** What chi-squared stays under in all but one of 100 000 honest runs (Wilson and Hilferty's approximation). */
export function chiSquaredLimit(servers: number): number {
  const degrees = servers - 1;
  const a = 2 / (9 * degrees);
  return degrees * (1 - a + 4.265 * Math.sqrt(a)) ** 3;
}
