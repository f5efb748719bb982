// What the primary keeps watching about pools: names, health, and all that time changes.
// Owns the clock that drives them. Leaves each to its file in health/ and balance/, and plans to primary.ts.

import { PoolTicker } from '../balance/pool-maintenance.js';
import type { ServerState } from '../balance/server-state.js';
import { TICK_MS } from '../base/tick.js';
import type { Config } from '../config/config.js';
import { HealthChecker } from '../health/checker.js';
import { Discovery, type ResolvedServer } from '../health/discovery.js';
import type { CheckedPoolPlan } from '../health/options.js';
import { probe } from '../health/probe.js';
import { type Resolver, resolverAt, systemResolver } from '../health/resolvers.js';
import { realTimers } from '../health/timers.js';
import type { EventSink } from '../observe/events.js';

/** Longest time between two resolutions of a name, in milliseconds; a shorter TTL is followed. */
const RESOLVE_INTERVAL_MS = 30_000;
/** Longest time a start or a reload waits for the DNS, in milliseconds. */
const RESOLVE_WAIT_MS = 5000;

interface PoolWatchParts {
  state: ServerState;
  emit: EventSink;
  /** Names of this pool lead elsewhere than when `servers` was asked last. */
  onMoved(pool: string): void;
  /** Every tick: a moment to tidy up. */
  onTick(): void;
}

/** Made once per process. It does not keep the process alive. */
export class PoolWatch {
  readonly #ticker: PoolTicker;
  readonly #checker: HealthChecker;
  readonly #discovery: Discovery;
  readonly #timer: NodeJS.Timeout;
  readonly #servers = new Map<string, readonly ResolvedServer[]>();
  readonly #system: Resolver = systemResolver();
  /** Of the configuration that is followed. */
  #resolver: Resolver = this.#system;

  constructor({ state, emit, onMoved, onTick }: PoolWatchParts) {
    const timers = realTimers;
    this.#ticker = new PoolTicker(state, timers.now(), {
      ejected: (pool, server, ejectedMs, index) => {
        emit({ type: 'server.ejected', pool, server, ejectedMs });
        this.#checker.hurry(index);
      },
      failing: (pool, server) => emit({ type: 'server.failing', pool, server }),
      answers: (pool, server) => emit({ type: 'server.answering', pool, server }),
    });
    this.#checker = new HealthChecker({ state, ticker: this.#ticker, timers, probe, random: Math.random, emit });
    this.#discovery = new Discovery({
      resolver: {
        addresses: (host) => this.#resolver.addresses(host),
        services: (name) => this.#resolver.services(name),
      },
      timers,
      intervalMs: RESOLVE_INTERVAL_MS,
      emit,
      onChange: ({ pool, servers }) => {
        this.#servers.set(pool, servers);
        onMoved(pool);
      },
    });
    this.#timer = setInterval(() => {
      this.#ticker.tick(timers.now());
      onTick();
    }, TICK_MS);
    this.#timer.unref();
  }

  /** Resolves the names of a configuration, now and from now on. Fulfilled when all were tried, in bounded time. */
  resolve(config: Config): Promise<void> {
    const { nameservers } = config;
    this.#resolver = nameservers.length === 0 ? this.#system : resolverAt(nameservers);
    const pools = Object.values(config.pools).map(({ name, servers }) => ({ name, servers }));
    this.#discovery.apply(pools);
    return this.#discovery.firstRound(RESOLVE_WAIT_MS);
  }

  /** The servers of a pool as its names resolve now. */
  servers(pool: string): readonly ResolvedServer[] {
    return this.#servers.get(pool) ?? [];
  }

  /** Maintains and checks these pools from now on. Those that are not among them are gone for good. */
  apply(plans: readonly CheckedPoolPlan[]): void {
    const names = new Set(plans.map(({ name }) => name));
    for (const name of this.#servers.keys()) if (!names.has(name)) this.#servers.delete(name);
    this.#ticker.apply(plans);
    this.#checker.apply(plans);
  }

  /** Applies a new plan of one pool. */
  applyPool(plan: CheckedPoolPlan): void {
    this.#ticker.applyPool(plan);
    this.#checker.applyPool(plan);
  }

  /** Fulfilled once every server was checked: after one check's timeout at most. */
  checked(): Promise<void> {
    return this.#checker.firstRound();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#checker.stop();
    this.#discovery.stop();
  }
}
