// The primary: everything that is not per request. Opens listeners, starts workers, reloads, drains.
// Owns the order of these steps. Leaves configuration to config/, and sockets, workers and plans to the files beside it.

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Membership } from '../balance/membership.js';
import { createServerState, ServerState } from '../balance/server-state.js';
import type { Config } from '../config/config.js';
import type { CompiledRoutes } from '../routing/compile.js';
import type { ListenerPlan, WorkerPlan } from '../worker/plan.js';
import { Listeners } from './listeners.js';
import { placePools, type Resolved, workerPlan } from './plan.js';
import { Supervisor } from './supervisor.js';

export interface PrimaryOptions {
  workers: number;
  /** Who accepts: this thread, which hands over, or every worker for itself. */
  accept: 'handoff' | 'shared';
  pin: boolean;
  /** One line for the operator about something that happened. */
  log(line: string): void;
  /** The process cannot go on. */
  onHopeless(error: Error): void;
}

/** What was configured, and the routing table made of it. */
export interface Loaded {
  config: Config;
  routes: CompiledRoutes;
}

/** Spare slots in the shared state, for servers and pools that reloads bring. */
const SERVERS_SPARE = 1024;
const POOLS_SPARE = 256;

export class Primary {
  readonly #options: PrimaryOptions;
  readonly #listeners: Listeners;
  readonly #state: ServerState;
  readonly #stateBuffer: SharedArrayBuffer;
  readonly #membership: Membership;
  readonly #supervisor: Supervisor;
  #plan: WorkerPlan;

  /**
   * Opens the listeners and starts the workers. Rejects with a ListenError, or with what kept a worker from starting;
   * nothing is left open then.
   */
  static async start(loaded: Loaded, options: PrimaryOptions): Promise<Primary> {
    const resolved = await resolveNames(loaded.config, options.log);
    const primary = new Primary(loaded, resolved, options);
    try {
      await primary.#supervisor.start();
    } catch (error) {
      await primary.stop();
      throw error;
    }
    primary.#listeners.start(primary.#plan.listeners);
    return primary;
  }

  private constructor(loaded: Loaded, resolved: Resolved, options: PrimaryOptions) {
    this.#options = options;
    this.#listeners = new Listeners(options.accept === 'handoff');
    const pools = Object.values(loaded.config.pools);
    const servers = pools.reduce((sum, pool) => sum + pool.servers.length, 0);
    this.#stateBuffer = createServerState({
      servers: servers + SERVERS_SPARE,
      pools: pools.length + POOLS_SPARE,
      workers: options.workers,
    });
    this.#state = new ServerState(this.#stateBuffer);
    this.#membership = new Membership(this.#state);
    this.#plan = this.#makePlan(1, loaded, resolved, []);
    this.#supervisor = new Supervisor(
      {
        workers: options.workers,
        acceptShared: options.accept === 'shared',
        pin: options.pin,
        servers: this.#stateBuffer,
        onDied: (index, error) => {
          this.#state.forgetWorker(index);
          options.log(`worker ${index} died (${error.message}) and is started again`);
        },
        onHopeless: options.onHopeless,
      },
      this.#plan,
    );
  }

  /** The listeners that are open. */
  get listeners(): readonly ListenerPlan[] {
    return this.#plan.listeners;
  }

  /**
   * Lives by a new configuration: new listeners are opened, every worker gets the new plan between two turns, listeners
   * that are gone are closed. On an error nothing has changed.
   */
  async reload(loaded: Loaded): Promise<void> {
    const resolved = await resolveNames(loaded.config, this.#options.log);
    const before = this.#plan.pools.map((pool) => pool.name);
    this.#plan = this.#makePlan(this.#plan.generation + 1, loaded, resolved, before);
    await this.#supervisor.follow(this.#plan);
    this.#listeners.start(this.#plan.listeners);
    this.#listeners.closeOthers(this.#plan.listeners);
  }

  /** One report of each worker. */
  report(): Promise<Record<string, unknown>[]> {
    return this.#supervisor.report();
  }

  /** Accepts nothing more, lets what runs finish (bounded by timeouts.drain), and ends the workers. */
  async drain(): Promise<void> {
    const drained = this.#supervisor.drain();
    this.#listeners.closeOthers([]);
    await drained;
  }

  /** Ends everything at once. */
  async stop(): Promise<void> {
    this.#listeners.closeOthers([]);
    await this.#supervisor.stop();
  }

  #makePlan(generation: number, { config, routes }: Loaded, resolved: Resolved, before: readonly string[]): WorkerPlan {
    const poolIndex = new Map(Object.keys(config.pools).map((name, index) => [name, index]));
    const listeners = this.#listeners.open(config.listeners, poolIndex);
    const pools = placePools(config, resolved, this.#membership, before);
    return workerPlan(generation, config, routes, listeners, pools);
  }
}

/** All addresses of every host name in the configuration. A name that does not resolve leaves its server out, and is said. */
async function resolveNames(config: Config, log: (line: string) => void): Promise<Resolved> {
  const hosts = new Set<string>();
  for (const pool of Object.values(config.pools)) {
    for (const { endpoint } of pool.servers) if (endpoint.kind === 'tcp') hosts.add(endpoint.host);
  }
  const found = await Promise.all(
    [...hosts].map(async (host): Promise<[string, string[]]> => {
      if (isIP(host) !== 0) return [host, [host]];
      try {
        return [host, (await lookup(host, { all: true })).map(({ address }) => address)];
      } catch (error) {
        log(`server ${host} does not resolve (${(error as NodeJS.ErrnoException).code}): it gets no requests`);
        return [host, []];
      }
    }),
  );
  return new Map(found);
}
