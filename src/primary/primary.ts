// The primary: everything that is not per request. Opens listeners, starts workers, reloads, drains.
// Owns the order of these steps. Leaves configuration to config/, and sockets, workers and plans to the files beside it.

import { setTimeout } from 'node:timers/promises';
import { Membership } from '../balance/membership.js';
import { createServerState, ServerState } from '../balance/server-state.js';
import type { Config, ListenerConfig } from '../config/config.js';
import { tlsContextCount } from '../engine/tls.js';
import type { ListenerLogsPlan } from '../exchange/log-plan.js';
import type { PoolPart } from '../exchange/pool-part.js';
import type { ListenerPlan } from '../exchange/settings.js';
import type { ResolvedServer } from '../health/discovery.js';
import type { CheckedPoolPlan } from '../health/options.js';
import { createLimitBuffers, forgetWorker } from '../limits/shared-limits.js';
import type { EventSink, ListenerEvent } from '../observe/events.js';
import type { Exposition } from '../observe/metrics/exposition.js';
import type { CompiledRoutes } from '../routing/compile.js';
import type { Snapshot, SnapshotChange } from '../worker/snapshot.js';
import type { Seen, WorkerReport } from '../worker/thread.js';
import { type AccessLogReport, AccessLogs } from './access-logs.js';
import { defaultSlabBytes } from './cgroup.js';
import { Counts } from './counts.js';
import { Listeners } from './listeners.js';
import { writeLinesDropped } from './metrics.js';
import { type LayeredServer, type OperatorChange, OperatorLayer } from './operator.js';
import { PoolWatch } from './pool-watch.js';
import { type PoolReport, poolReports } from './report.js';
import { changeBetween, placePool, placePools, poolPart, snapshotOf, unplacedPool } from './snapshot.js';
import type { Stats } from './stats.js';
import { Supervisor } from './supervisor.js';
import {
  closeTlsContexts,
  openTlsContexts,
  renewTlsContext,
  type TlsContexts,
  type TlsUse,
  takeEnded,
} from './tls-contexts.js';
import { TlsWatch } from './tls-watch.js';

interface PrimaryOptions {
  workers: number;
  /** Who accepts: this thread, which hands over, or every worker for itself. */
  accept: 'handoff' | 'shared';
  pin: boolean;
  /** What an operator has saved about servers; nothing by default. */
  operator?: OperatorLayer;
  /** Takes what happens to listeners, workers, servers and certificates. */
  emit: EventSink;
  /** The process cannot go on. */
  onFatal(error: Error): void;
}

/** What was configured, and the routing table made of it. */
interface Loaded {
  config: Config;
  routes: CompiledRoutes;
}

/** How long a listener that a reload closes still takes connections whose TCP handshake was under way. */
const LAST_HANDSHAKES_MS = 250;

export class Primary {
  readonly #options: PrimaryOptions;
  readonly #listeners: Listeners;
  readonly #state: ServerState;
  readonly #membership: Membership;
  readonly #supervisor: Supervisor;
  readonly #counts: Counts;
  readonly #logs: AccessLogs;
  readonly #watch: PoolWatch;
  #loaded: Loaded;
  /** What every worker has applied, or applies as soon as the change under way has reached it. */
  #snapshot: Snapshot;
  /** What `limits.slabBytes: auto` stands for; workers take it as they start, so it stays. */
  readonly #autoSlabBytes: number;
  /** Its pools, with the checks of their servers. */
  #pools: readonly CheckedPoolPlan[] = [];
  /** What an operator has changed about servers. */
  #operator: OperatorLayer;
  /** Of what is loaded. */
  #tls: TlsContexts;
  readonly #tlsWatch: TlsWatch<TlsUse>;
  /** What was said last about files that cannot be used, by who uses them. */
  readonly #tlsTrouble = new Map<string, string>();
  /** Ends when every worker has applied the last change: changes are made one after the other. */
  #changing: Promise<void> = Promise.resolve();
  /** Changes under way or waiting. While there are any, workers may have applied different snapshots. */
  #changes = 0;
  /** Pools whose names lead elsewhere than the snapshot says. */
  readonly #moved = new Set<string>();
  /** A drain or an end has begun: no change is made any more. */
  #ending = false;

  /**
   * Opens the listeners and starts the workers, after the names were resolved and the servers checked for the first
   * time. Rejects with a ListenError, with what kept a worker from starting, or with the reason of `signal` once that is
   * aborted; nothing is left open then.
   */
  static async start(loaded: Loaded, options: PrimaryOptions, signal: AbortSignal): Promise<Primary> {
    const buffer = createServerState({ workers: options.workers });
    const state = new ServerState(buffer);
    let primary: Primary | null = null;
    const watch = new PoolWatch({
      state,
      emit: options.emit,
      onMoved: (pool) => {
        if (primary !== null) primary.#poolMoved(pool);
      },
      onTick: () => {
        if (primary !== null) primary.#tidy();
      },
    });
    // What waits for names, or for checks, ends with it.
    const abort = (): void => watch.stop();
    signal.addEventListener('abort', abort, { once: true });
    try {
      signal.throwIfAborted();
      await watch.resolve(loaded.config);
      signal.throwIfAborted();
      primary = new Primary(loaded, buffer, state, watch, options);
      await watch.checked();
      await primary.#logs.open(primary.#logPlans());
      signal.throwIfAborted();
      await primary.#supervisor.start();
      signal.throwIfAborted();
    } catch (error) {
      watch.stop();
      await primary?.stop();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
    primary.#listeners.start(primary.listeners);
    for (const listener of primary.listeners) options.emit(opened(listener, true));
    for (let worker = 0; worker < options.workers; worker++) {
      options.emit({ type: 'worker.ready', worker, accept: options.accept });
    }
    return primary;
  }

  private constructor(
    loaded: Loaded,
    buffer: SharedArrayBuffer,
    state: ServerState,
    watch: PoolWatch,
    options: PrimaryOptions,
  ) {
    this.#options = options;
    this.#loaded = loaded;
    this.#operator = options.operator ?? new OperatorLayer();
    this.#watch = watch;
    this.#listeners = new Listeners(options.accept === 'handoff');
    this.#state = state;
    this.#autoSlabBytes = defaultSlabBytes(options.workers);
    this.#membership = new Membership(this.#state);
    this.#counts = new Counts(options.workers, this.#state);
    this.#logs = new AccessLogs(options.workers, options.emit);
    this.#tls = openTlsContexts(loaded.config);
    this.#snapshot = this.#makeSnapshot(1, loaded, [], this.#tls);
    this.#watch.apply(this.#pools);
    this.#tlsWatch = new TlsWatch({
      onChanged: (use) => void this.#change(async () => this.#renew(use)),
      onLook: (use) => {
        for (const { ocsp, cert } of takeEnded(use, Date.now())) {
          options.emit({ type: 'tls.staple-ended', user: use.name, ocsp, certificate: cert });
        }
      },
    });
    this.#tlsWatch.watch(this.#tls.uses);
    const limits = createLimitBuffers(options.workers, loaded.config.limits.rateKeysMax);
    this.#supervisor = new Supervisor(
      {
        workers: options.workers,
        acceptShared: options.accept === 'shared',
        pin: options.pin,
        servers: buffer,
        metrics: this.#counts.workers,
        limits,
        logRings: this.#logs.rings,
        logWake: this.#logs.wake,
        onDied: (index, error) => {
          this.#state.forgetWorker(index);
          forgetWorker(limits, index);
          options.emit({ type: 'worker.died', worker: index, reason: error.message });
        },
        onRestarted: (index) => options.emit({ type: 'worker.restarted', worker: index }),
        onFatal: options.onFatal,
      },
      this.#snapshot,
    );
  }

  /** The listeners that are open. */
  get listeners(): readonly ListenerPlan[] {
    return this.#snapshot.settings.listeners;
  }

  /**
   * Applies a new configuration: new listeners are opened, every worker gets what is new between two turns, listeners
   * that are gone are closed. On an error nothing has changed. False, and nothing changed, when a drain came first.
   */
  async reload(loaded: Loaded): Promise<boolean> {
    let applied = false;
    await this.#change(async () => {
      await this.#watch.resolve(loaded.config);
      if (this.#ending) return;
      const before = this.listeners;
      try {
        await this.#apply(loaded);
      } catch (error) {
        if (!this.#ending) await this.#watch.resolve(this.#loaded.config);
        throw error;
      }
      this.#compareListeners(before, this.listeners);
      applied = true;
    });
    return applied;
  }

  /** TLS contexts of the process: one for each listener and pool with TLS, and older ones that connections still use. */
  get tlsContexts(): number {
    return tlsContextCount();
  }

  /** What every pool and server is doing now, by the pool's name. */
  get pools(): Record<string, PoolReport> {
    return poolReports(this.#snapshot.pools, this.#state);
  }

  /** What an operator has changed about servers. */
  get operator(): OperatorLayer {
    return this.#operator;
  }

  /** The servers of a pool as the configuration and its names have them, without what an operator says. */
  serversBelow(pool: string): readonly ResolvedServer[] {
    return this.#watch.servers(pool);
  }

  /**
   * Puts a change of one server over the configuration, or takes back all of its changes, and resolves when every worker has
   * applied it. `change` gets what was said of the server before, when its turn has come, and throws to refuse it; `save` gets the
   * new layer before it is applied, and the old one if that fails. False when a drain came first.
   */
  async operate(
    pool: string,
    server: string,
    change: (now: OperatorChange | undefined) => OperatorChange | undefined,
    save: (layer: OperatorLayer) => void,
  ): Promise<boolean> {
    let applied = false;
    await this.#change(async () => {
      const before = this.#operator;
      const after = before.with(pool, server, change(before.get(pool, server)));
      save(after);
      this.#operator = after;
      try {
        await this.#applyPools(new Set([pool]));
      } catch (error) {
        save(before);
        this.#operator = before;
        throw error;
      }
      applied = true;
    });
    return applied;
  }

  /** Number of the snapshot that the workers apply. */
  get generation(): number {
    return this.#snapshot.generation;
  }

  /** The certificates that clients are shown: who shows them, their file and what is in it, and when they end, in milliseconds since 1970. */
  get certificates(): { user: string; file: string; pem: string; endsMs: number }[] {
    return this.#tls.uses.flatMap(({ name, shown }) =>
      shown.map(({ cert, chain, until }) => ({ user: name, file: cert, pem: chain, endsMs: until })),
    );
  }

  get workerCount(): number {
    return this.#options.workers;
  }

  /** The same as numbers, for programs that draw them. */
  get stats(): Stats {
    return this.#counts.stats(this.#snapshot.pools);
  }

  /** Writes all that requests, pools, servers and workers have counted. No worker is stopped, or asked. */
  writeMetrics(out: Exposition): void {
    this.#counts.write(out, this.#snapshot.pools);
    writeLinesDropped(out, this.#logs.linesDropped);
  }

  /** What workers recorded for access logs and dropped, and how often the thread that writes them died. */
  get accessLogCounts(): Omit<AccessLogReport, 'destinations'> {
    return this.#logs.counts();
  }

  /** What access logs were written, and what was dropped. */
  accessLogs(): Promise<AccessLogReport> {
    return this.#logs.report();
  }

  /** Opens the files of access logs anew: they may have been moved away. */
  async reopenLogs(): Promise<void> {
    await this.#logs.reopen();
    this.#options.emit({ type: 'log.reopened' });
  }

  #logPlans(): ListenerLogsPlan[] {
    return this.listeners.map(({ accessLogs }) => accessLogs);
  }

  /** One report of each worker. */
  report(): Promise<WorkerReport[]> {
    return this.#supervisor.report();
  }

  /** The oldest requests and connections under way: at most `most` of each in each worker, requests for at least `olderMs`. */
  look(most: number, olderMs: number): Promise<Seen[]> {
    return this.#supervisor.look(most, olderMs);
  }

  /**
   * Serves as ever for timeouts.drainLead; then accepts nothing more, lets what runs finish (bounded by timeouts.drain), and
   * ends the workers. It is final: a change under way ends first, and those behind it are not made.
   */
  async drain(): Promise<void> {
    const { emit } = this.#options;
    const leadMs = this.#loaded.config.timeouts.drainLeadMs;
    emit({ type: 'drain.began', leadMs });
    // Servers go on being checked, and names resolved: requests still come.
    if (leadMs > 0) await setTimeout(leadMs);
    this.#ending = true;
    const from = performance.now();
    this.#watch.stop();
    this.#tlsWatch.stop();
    await this.#changing;
    // First: a client whose connection is ended must not reach this process again.
    this.#listeners.closeOthers([]);
    const connectionsCut = await this.#supervisor.drain();
    await this.#logs.end();
    closeTlsContexts(this.#tls);
    emit({ type: 'drain.ended', tookMs: performance.now() - from, connectionsCut });
  }

  /** Ends everything at once. */
  async stop(): Promise<void> {
    this.#ending = true;
    this.#watch.stop();
    this.#tlsWatch.stop();
    this.#listeners.closeOthers([]);
    await this.#supervisor.stop();
    await this.#logs.end();
    closeTlsContexts(this.#tls);
  }

  /** Makes one change after those that are under way, unless the process ends. */
  #change(make: () => Promise<void>): Promise<void> {
    this.#changes++;
    const made = this.#changing
      .then(() => (this.#ending ? undefined : make()))
      .finally(() => {
        this.#changes--;
        this.#applyMoved();
      });
    this.#changing = made.catch(() => {});
    return made;
  }

  /**
   * Applies a configuration: what it changes goes to every worker, part by part. Listeners that are gone take nothing new from
   * before that on; what came to them is handed over, and they are closed last.
   */
  async #apply(loaded: Loaded): Promise<void> {
    const before = this.#snapshot;
    const names = before.pools.map(({ name }) => name);
    const tlsBefore = this.#tls;
    const tls = openTlsContexts(loaded.config, tlsBefore);
    const operatorBefore = this.#operator;
    this.#operator = operatorBefore.saved();
    try {
      await this.#logs.open(loaded.config.listeners.map((listener) => this.#logs.planOf(listener, loaded.config)));
      this.#snapshot = this.#makeSnapshot(before.generation + 1, loaded, names, tls);
    } catch (error) {
      closeTlsContexts(tls, tlsBefore);
      this.#operator = operatorBefore;
      await this.#logs.keepOnly(this.#logPlans());
      throw error;
    }
    for (const what of dropped(operatorBefore)) {
      this.#options.emit({ type: 'operator.changed', by: 'the reload', what, says: 'as configured' });
    }
    // The new snapshot has them all. One that is refused leaves them to be applied once this change is over.
    this.#moved.clear();
    this.#loaded = loaded;
    this.#tls = tls;
    const closing = this.#listeners.retireOthers(this.listeners);
    this.#watch.apply(this.#pools);
    await this.#reachWorkers(changeBetween(before, this.#snapshot));
    this.#counts.collect();
    this.#listeners.start(this.listeners);
    if (closing) await setTimeout(LAST_HANDSHAKES_MS);
    this.#listeners.closeOthers(this.listeners);
    await this.#logs.keepOnly(this.#logPlans());
    this.#tlsTrouble.clear();
    this.#tlsWatch.watch(tls.uses);
    closeTlsContexts(tlsBefore, tls);
  }

  /** Reports what a reload opened and closed. */
  #compareListeners(before: readonly ListenerPlan[], after: readonly ListenerPlan[]): void {
    const { emit } = this.#options;
    const numbers = (plans: readonly ListenerPlan[]): Set<number> => new Set(plans.map(({ listener }) => listener));
    const [had, have] = [numbers(before), numbers(after)];
    for (const plan of after) if (!had.has(plan.listener)) emit(opened(plan, false));
    for (const { listener, address } of before) if (!have.has(listener)) emit({ type: 'listener.closed', address });
  }

  /** Applies what the names of these pools lead to now. Nothing else is looked at: certificates may be half written. */
  async #applyPools(names: ReadonlySet<string>): Promise<void> {
    const { config } = this.#loaded;
    const unplaced = this.#pools
      .filter(({ name }) => names.has(name))
      .map(({ name, index }) => unplacedPool(config.pools[name]!, index, this.#serversOf));
    this.#membership.makeRoom(unplaced);
    this.#counts.grow();
    const pools = [...this.#pools];
    const parts = [...this.#snapshot.pools];
    const changed: PoolPart[] = [];
    for (const pool of unplaced) {
      const plan = placePool(pool, this.#membership);
      const part = poolPart(plan, config, this.#tls);
      pools[plan.index] = plan;
      parts[plan.index] = part;
      changed.push(part);
      this.#watch.applyPool(plan);
    }
    this.#pools = pools;
    this.#snapshot = { ...this.#snapshot, generation: this.#snapshot.generation + 1, pools: parts };
    const { generation } = this.#snapshot;
    await this.#reachWorkers({
      generation,
      routing: null,
      settings: null,
      poolNames: null,
      pools: changed,
      series: null,
    });
  }

  /** Gives every worker a change, and frees what it leaves behind once all have applied it. */
  async #reachWorkers(change: SnapshotChange): Promise<void> {
    await this.#supervisor.apply(this.#snapshot, change);
    // No worker knows the servers that are gone: changes one after the other must not wait for a tick to find room.
    this.#collect();
  }

  /** Frees what servers that are gone have left, and empties their places in the metrics for those that come. */
  #collect(): void {
    this.#counts.serversFreed(this.#membership.collect());
  }

  /** Files of a TLS context have changed: new connections get what they make, if it can be used. */
  #renew(use: TlsUse): void {
    if (!this.#tls.uses.includes(use)) return; // a reload was faster
    const { emit } = this.#options;
    const user = use.name;
    try {
      const { certificates, warnings } = renewTlsContext(use);
      this.#tlsTrouble.delete(user);
      for (const { found, expected } of warnings) emit({ type: 'tls.warning', user, found, expected });
      emit({ type: 'tls.renewed', user, certificates });
    } catch (error) {
      const reason = (error as Error).message;
      if (this.#tlsTrouble.get(user) !== reason) emit({ type: 'tls.refused', user, reason });
      this.#tlsTrouble.set(user, reason);
    }
  }

  /** Names of a pool lead elsewhere: one change for all such pools, after the changes under way. */
  #poolMoved(pool: string): void {
    this.#moved.add(pool);
    this.#applyMoved();
  }

  #applyMoved(): void {
    if (this.#ending || this.#changes > 0 || this.#moved.size === 0) return;
    const names = new Set(this.#moved);
    this.#moved.clear();
    this.#change(() => this.#applyPools(names)).catch((error: Error) => {
      this.#options.emit({ type: 'discovery.refused', reason: error.message });
    });
  }

  /** Frees what servers that are gone have left, once no worker can know them. */
  #tidy(): void {
    if (this.#changes === 0) this.#collect();
  }

  #makeSnapshot(generation: number, loaded: Loaded, before: readonly string[], tls: TlsContexts): Snapshot {
    const { config, routes } = loaded;
    const poolIndex = new Map(Object.keys(config.pools).map((name, index) => [name, index]));
    const unplaced = Object.values(config.pools).map((pool, index) => unplacedPool(pool, index, this.#serversOf));
    // All that can fail comes first: on an error no pool is placed, and no listener stays open that was not.
    this.#membership.makeRoom(unplaced);
    const logsOf = (listener: ListenerConfig): ListenerLogsPlan => this.#logs.planOf(listener, config);
    const listeners = this.#listeners.open(config.listeners, poolIndex, tls.listeners, routes.listenerFilters, logsOf);
    this.#pools = placePools(unplaced, this.#membership, before);
    const series = this.#counts.place({ config, rules: routes.rules, listeners, pools: this.#pools });
    return snapshotOf(generation, loaded, listeners, this.#pools, tls, this.#autoSlabBytes, series);
  }

  readonly #serversOf = (pool: string): readonly LayeredServer[] =>
    this.#operator.over(pool, this.#watch.servers(pool));
}

function opened({ address, protocol, families }: ListenerPlan, atStart: boolean): ListenerEvent {
  return { type: 'listener.opened', address, protocol, families, atStart };
}

/** The servers whose changes a reload takes back. */
function dropped(layer: OperatorLayer): string[] {
  return [...layer.pools].flatMap(([pool, servers]) =>
    [...servers].filter(([, { keep }]) => keep === 'reload').map(([server]) => `server ${pool}/${server}`),
  );
}
