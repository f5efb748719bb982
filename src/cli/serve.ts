// Runs a configuration until a signal ends it: what `run` and `demo` have in common.
// SIGHUP reloads, SIGUSR1 opens access logs anew, SIGTERM and SIGINT drain (a second one ends at once), SIGUSR2 prints one JSON line about workers, pools and servers.

import { Admin } from '../admin/admin.js';
import { EventLog } from '../admin/event-log.js';
import { ServiceRecord } from '../admin/record.js';
import type { AdminTarget, ReloadOutcome } from '../admin/target.js';
import type { Problem } from '../base/problems.js';
import type { Config } from '../config/config.js';
import { ConfigError } from '../config/config-error.js';
import type { LoadedRoutes } from '../config/routes.js';
import { EngineUnusableError } from '../engine/addon.js';
import type { EventSink, ProcessEvent } from '../observe/events.js';
import { AccessLogError } from '../primary/access-logs.js';
import { inheritSockets, reportUnused } from '../primary/inherited.js';
import { ListenError } from '../primary/listeners.js';
import { OperatorLayer } from '../primary/operator.js';
import { Primary } from '../primary/primary.js';
import { Log } from './log.js';
import type { ServeOptions } from './options.js';
import { reloadEvents } from './reload-events.js';
import { ServiceManager } from './service-manager.js';
import { type HeldSignal, takeSignals } from './signals.js';
import { version } from './version.js';

const EXIT_FAILED = 1;
const EXIT_CONFIG = 2;

/** A configuration that can be loaded again. */
export interface Source {
  /** Its name in messages. */
  name: string;
  /** Throws ConfigError. */
  load(): Promise<LoadedRoutes>;
  /** It cannot change while the process runs: there is nothing to reload. */
  fixed?: boolean;
  /** Calls back when the configuration has changed, until the function it returns is called. */
  watch?(changed: () => void): () => void;
}

/** What `demo` does around serving. */
interface ServeHooks {
  /** Text for the person at the keyboard, once everything listens. */
  welcome?(): string;
  /** Runs after the last connection, or when the service could not start. */
  end?(): Promise<void>;
}

/**
 * Starts and serves. Resolves when the process has nothing left to do: after a drain, or when it could not start.
 */
export async function serve(source: Source, options: ServeOptions, hooks: ServeHooks = {}): Promise<void> {
  const service = new Service(source, options, hooks);
  await service.run();
}

/**
 *   LOADING ──► STARTING ──► READY ◄──► reloading, one after the other, the newest file last
 *      │           │           │
 *      └───────────┴───────────┴── SIGTERM, SIGINT ──► ENDING ──► ended; a second one ends at once
 *
 * A reload or a report that is asked for before READY is made as soon as it is.
 */
class Service implements AdminTarget {
  readonly #source: Source;
  readonly #options: ServeOptions;
  readonly #hooks: ServeHooks;
  readonly #log: Log;
  readonly #manager: ServiceManager;
  readonly #starting = new AbortController();
  readonly #admin = new Admin(this);
  readonly record = new ServiceRecord();
  readonly events = new EventLog();
  readonly version = version;
  #primary: Primary | null = null;
  /** What the primary runs. */
  #loaded: LoadedRoutes | null = null;
  #ending = false;
  /** Fulfils what `run` waits for at its end. */
  #ended: () => void = () => {};
  #reloading = false;
  /** Asked for while one is under way, or before the service is ready. */
  #reloadAgain = false;
  /** Who waits for the reload that begins next. */
  #reloadWaiting: ((outcome: ReloadOutcome) => void)[] = [];
  #reportAgain = false;
  #unwatch: () => void = () => {};

  constructor(source: Source, options: ServeOptions, hooks: ServeHooks) {
    this.#source = source;
    this.#options = options;
    this.#hooks = hooks;
    this.#log = new Log(options.log);
    this.#manager = new ServiceManager(process.env, (reason) => this.#emit({ type: 'service.unnotified', reason }));
  }

  get primary(): Primary | null {
    return this.#primary;
  }

  get loaded(): LoadedRoutes | null {
    return this.#loaded;
  }

  get ending(): boolean {
    return this.#ending;
  }

  get linesLost(): number {
    return this.#log.linesLost;
  }

  async run(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    const release = takeSignals((signal) => this.#signalled(signal));
    if (await this.#start()) await ended;
    this.#unwatch();
    this.#admin.close();
    this.#manager.end();
    release();
    await this.#hooks.end?.();
    this.#log.end();
    // What is still waited for, by a module of the user's or of the DNS, is of no use any more.
    process.exit();
  }

  #signalled(signal: HeldSignal): void {
    if (signal === 'SIGHUP') this.#reload();
    else if (signal === 'SIGUSR1') void this.#primary?.reopenLogs();
    else if (signal === 'SIGUSR2') this.#report();
    else this.#end();
  }

  /** False, with the exit code set, when it could not start, or was ended before it was ready. */
  async #start(): Promise<boolean> {
    const { workers, accept, pin } = this.#options;
    try {
      const loaded = await this.#load();
      if (loaded === null) {
        this.#emit({ type: 'service.ended-early' });
        return false;
      }
      this.#warn(loaded.warnings);
      const inherited = inheritSockets(process.env);
      (await this.#admin.move(loaded.config)).keep();
      for (const { address, protocol } of ownListeners(loaded.config)) {
        this.#emit({ type: 'listener.opened', address, protocol, families: '', atStart: true });
      }
      const primary = await Primary.start(
        loaded,
        {
          workers,
          accept,
          pin,
          operator: savedChanges(loaded.config),
          emit: this.#emit,
          onFatal: (error) => this.#giveUp(`workers keep dying (${error.message}); giving up`),
        },
        this.#starting.signal,
      );
      this.#primary = primary;
      this.#loaded = loaded;
      reportUnused(inherited, this.#emit);
    } catch (error) {
      if (this.#ending) this.#emit({ type: 'service.ended-early' });
      else this.#cannotStart(error);
      return false;
    }
    if (this.#hooks.welcome !== undefined) this.#log.print(this.#hooks.welcome());
    this.#watch();
    this.#emit({ type: 'service.ready' });
    this.#manager.ready(async () => this.#primary?.report());
    if (this.#reportAgain) this.#report();
    if (this.#reloadAgain) this.#reload();
    return true;
  }

  /** The configuration as it is now, or null when the service ends meanwhile: with a module that may take its time. */
  #load(): Promise<LoadedRoutes | null> {
    return Promise.race([this.#source.load(), this.#untilAborted()]);
  }

  /** Fulfilled with null when the service ends. */
  #untilAborted(): Promise<null> {
    const { signal } = this.#starting;
    return new Promise((resolve) => {
      if (signal.aborted) resolve(null);
      else this.#onAbort = () => resolve(null);
    });
  }

  #onAbort: () => void = () => {};

  /** Tells a mistake of the user's, or one of ours, and sets the exit code. */
  #cannotStart(error: unknown): void {
    process.exitCode = EXIT_CONFIG;
    if (error instanceof ConfigError) this.#mistakes(error);
    else {
      if (!(error instanceof ListenError || error instanceof AccessLogError || error instanceof EngineUnusableError))
        process.exitCode = EXIT_FAILED;
      this.#emit({ type: 'service.failed', reason: (error as Error).message });
    }
  }

  #mistakes({ problems }: ConfigError): void {
    for (const problem of problems) this.#emit({ type: 'config.problem', ...problem });
  }

  #warn(problems: readonly Problem[]): void {
    for (const problem of problems) this.#emit({ type: 'config.warning', ...problem });
  }

  #watch(): void {
    this.#unwatch = this.#source.watch?.(() => this.#reload()) ?? (() => {});
  }

  /** Reloads now, or once more after the reload under way: that one may have read the file before it changed. */
  #reload(): void {
    if (this.#ending) return;
    if (this.#source.fixed) {
      this.#emit({ type: 'reload.needless', source: this.#source.name });
      return;
    }
    this.#reloadAgain = true;
    if (this.#primary !== null && !this.#reloading) void this.#reloadAll(this.#primary);
  }

  /** Reloads, and resolves with what became of it. */
  reload(): Promise<ReloadOutcome> {
    if (this.#ending) return Promise.resolve({ result: 'ending' });
    if (this.#source.fixed) return Promise.resolve({ result: 'needless' });
    return new Promise((resolve) => {
      this.#reloadWaiting.push(resolve);
      this.#reload();
    });
  }

  async #reloadAll(primary: Primary): Promise<void> {
    this.#reloading = true;
    while (this.#reloadAgain && !this.#ending) {
      this.#reloadAgain = false;
      const waiting = this.#reloadWaiting.splice(0);
      const outcome = await this.#reloadOnce(primary);
      for (const done of waiting) done(outcome);
    }
    this.#reloading = false;
    for (const done of this.#reloadWaiting.splice(0)) done({ result: 'ending' });
  }

  /** Reloads the configuration. A bad one is logged and changes nothing. */
  async #reloadOnce(primary: Primary): Promise<ReloadOutcome> {
    const { name: source } = this.#source;
    this.#manager.reloading();
    try {
      const loaded = await this.#load();
      if (loaded === null) return { result: 'ending' };
      this.#warn(loaded.warnings);
      if (!(await this.#apply(primary, loaded))) return { result: 'ending' };
      const events = reloadEvents(source, this.#loaded!, loaded);
      this.#loaded = loaded;
      for (const event of events) this.#emit(event);
      this.#manager.reloaded(true);
      return { result: 'applied', changes: events };
    } catch (error) {
      const isMistake = error instanceof ConfigError;
      if (isMistake) this.#mistakes(error);
      const reason = isMistake ? undefined : (error as Error).message;
      this.#emit({ type: 'reload.refused', source, reason });
      this.#manager.reloaded(false);
      return { result: 'refused', reason, problems: isMistake ? error.problems : [] };
    }
  }

  /** Applies a configuration everywhere, or nowhere. False when a drain came first. */
  async #apply(primary: Primary, loaded: LoadedRoutes): Promise<boolean> {
    const moved = await this.#admin.move(loaded.config);
    let applied = false;
    try {
      applied = await primary.reload(loaded);
    } finally {
      if (applied) moved.keep();
      else moved.undo();
    }
    return applied;
  }

  /** Prints the report: one line of JSON. */
  #report(): void {
    const primary = this.#primary;
    if (primary === null) {
      this.#reportAgain = true;
      return;
    }
    this.#reportAgain = false;
    void Promise.all([primary.report(), primary.accessLogs()]).then(([engine, accessLogs]) => {
      const { tlsContexts, pools } = primary;
      const { linesLost } = this.#log;
      this.#log.print(JSON.stringify({ engine, tlsContexts, pools, accessLogs, linesLost }));
    });
  }

  #end(): void {
    if (this.#ending) this.#exitNow();
    this.#ending = true;
    this.#unwatch();
    this.#starting.abort(new Error('the service ends'));
    this.#onAbort();
    const primary = this.#primary;
    if (primary === null) return; // #start sees it
    const { drainLeadMs = 0, drainMs = 0 } = this.#loaded?.config.timeouts ?? {};
    this.#manager.stopping(drainLeadMs + drainMs);
    primary.drain().then(
      () => this.#ended(),
      (error: Error) => this.#giveUp(error.message),
    );
  }

  emit(event: ProcessEvent): void {
    this.#emit(event);
  }

  readonly #emit: EventSink = (event) => {
    this.record.note(event);
    this.events.add(event);
    this.#log.event(event);
  };

  #giveUp(why: string): void {
    this.#emit({ type: 'service.failed', reason: why });
    this.#exitNow();
  }

  #exitNow(): never {
    this.#admin.close();
    this.#log.end();
    process.exit(EXIT_FAILED);
  }
}

/** Where the process listens for those who run it. */
function ownListeners({ admin, metrics }: Config): { address: string; protocol: string }[] {
  return [
    ...(admin === undefined ? [] : [{ address: admin.address, protocol: 'admin' }]),
    ...(metrics.listener === undefined ? [] : [{ address: metrics.listener.address, protocol: 'metrics' }]),
  ];
}

/** What an operator has saved about servers. Throws an Error that names the file when it cannot be used. */
function savedChanges({ admin }: Config): OperatorLayer {
  if (admin?.stateFile === undefined) return new OperatorLayer();
  return OperatorLayer.read(admin.stateFile);
}
