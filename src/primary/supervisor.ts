// Keeps the workers running: Piscina's threads, one long task each, started again when one dies.

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { LimitBuffers } from '../limits/shared-limits.js';
import type { WorkerMemory } from '../observe/metrics/layout.js';
import type { Snapshot, SnapshotChange } from '../worker/snapshot.js';
import type { FromWorker, Seen, ToWorker, WorkerReport, WorkerTask } from '../worker/thread.js';

interface SupervisorOptions {
  workers: number;
  acceptShared: boolean;
  /** Run worker i on core i. */
  pin: boolean;
  servers: SharedArrayBuffer;
  /** What each worker counts in for metrics: one that is started again counts on there. */
  metrics: readonly WorkerMemory[];
  limits: LimitBuffers;
  /** By the index of their worker. One that is started again goes on with the same. */
  logRings: readonly SharedArrayBuffer[];
  logWake: SharedArrayBuffer;
  /** A worker died; it is started again. Its counts in the shared state are to be taken back. */
  onDied(index: number, error: Error): void;
  /** It runs again. */
  onRestarted(index: number): void;
  /** A worker could not be started again and again: the process is of no use any more. */
  onFatal(error: Error): void;
}

/** A worker that dies this often within RESTART_WINDOW_MS, one after the other, is not started any more. */
const RESTARTS_MAX = 20;
const RESTART_WINDOW_MS = 60_000;

/** Waits for a message of a worker; called with undefined when the worker ends first. */
interface Waiting {
  fits(message: FromWorker): boolean;
  done(message: FromWorker | undefined): void;
}

interface Running {
  readonly port: MessagePort;
  /** Who waits for it. Nothing is hung on the promise of its end, which lives as long as the worker does. */
  readonly waiting: Set<Waiting>;
  /** Client connections that its drain has cut; undefined while it runs, and when it died. */
  cut: number | undefined;
}

/** The compiled thread; from the sources (tests) the one that `make build` left in dist/. */
function threadFile(): string {
  const beside = fileURLToPath(new URL('../worker/thread.js', import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(new URL('../../dist/worker/thread.js', import.meta.url));
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #pool: Piscina;
  readonly #stop = new AbortController();
  readonly #running: (Running | undefined)[] = [];
  readonly #deaths: number[] = [];
  /** For workers that are started again. */
  #snapshot: Snapshot;
  #draining = false;
  #looks = 0;

  constructor(options: SupervisorOptions, snapshot: Snapshot) {
    this.#options = options;
    this.#snapshot = snapshot;
    this.#pool = new Piscina({
      filename: threadFile(),
      minThreads: options.workers,
      maxThreads: options.workers,
      idleTimeout: Number.POSITIVE_INFINITY,
      // A worker's loop must never sleep on a lock: it has sockets to watch.
      atomics: 'disabled',
      recordTiming: false,
    });
    // A worker that dies at work rejects its task. This event is for a thread that could not boot: it had no task yet.
    this.#pool.on('error', (error: Error) => this.#countDeath(error));
  }

  /** Starts every worker and waits until each is ready. Rejects when one cannot start. */
  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.workers }, (_, index) => this.#run(index)));
  }

  /**
   * Gives every worker what `snapshot` changes, and waits until each has applied it. Workers get changes in the order of the
   * calls; one that is started later begins with the newest snapshot.
   */
  async apply(snapshot: Snapshot, change: SnapshotChange): Promise<void> {
    this.#snapshot = snapshot;
    const { generation } = change;
    await Promise.all(
      this.#running.map((running) => {
        if (running === undefined) return undefined;
        const applied = reply(running, (message) => message.type === 'applied' && message.generation === generation);
        this.#post(running, { type: 'apply', change });
        return applied;
      }),
    );
  }

  /** One report of each worker that is alive. */
  async report(): Promise<WorkerReport[]> {
    const reports = await Promise.all(
      this.#running.map((running) => {
        if (running === undefined) return undefined;
        const answer = reply(running, (message) => message.type === 'report');
        this.#post(running, { type: 'report' });
        return answer;
      }),
    );
    return reports.flatMap((message) => (message?.type === 'report' ? [message.report] : []));
  }

  /** The oldest things under way in each worker that is alive: at most `most` of each kind, exchanges for at least `olderMs`. */
  async look(most: number, olderMs: number): Promise<Seen[]> {
    const id = ++this.#looks;
    const seen = await Promise.all(
      this.#running.map((running) => {
        if (running === undefined) return undefined;
        const answer = reply(running, (message) => message.type === 'seen' && message.id === id);
        this.#post(running, { type: 'look', id, most, olderMs });
        return answer;
      }),
    );
    return seen.flatMap((message) => (message?.type === 'seen' ? [message] : []));
  }

  /** Lets every worker finish what it has, and ends the threads. Returns how many client connections were cut. */
  async drain(): Promise<number> {
    this.#draining = true;
    const running = this.#running.filter((each) => each !== undefined);
    const ended = running.map((each) => reply(each, () => false));
    for (const each of running) this.#post(each, { type: 'drain' });
    await Promise.all(ended);
    await this.stop();
    return running.reduce((sum, { cut }) => sum + (cut ?? 0), 0);
  }

  /** Ends the threads at once. */
  async stop(): Promise<void> {
    this.#draining = true;
    this.#stop.abort();
    await this.#pool.destroy();
  }

  #post(running: Running, message: ToWorker): void {
    running.port.postMessage(message);
  }

  /** Starts worker `index`; resolves when it is ready, rejects when it ends before. */
  #run(index: number): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    const { workers: _, ...rest } = this.#options;
    const task: WorkerTask = {
      index,
      snapshot: this.#snapshot,
      servers: rest.servers,
      metrics: rest.metrics[index]!,
      limits: rest.limits,
      logRing: rest.logRings[index]!,
      logWake: rest.logWake,
      acceptShared: rest.acceptShared,
      core: rest.pin ? index % availableParallelism() : null,
      port: port2,
    };
    const running: Running = { port: port1, waiting: new Set(), cut: undefined };
    this.#running[index] = running;
    port1.on('message', (message: FromWorker) => {
      for (const waiting of [...running.waiting]) if (waiting.fits(message)) waiting.done(message);
    });
    const ready = reply(running, ({ type }) => type === 'ready');
    return new Promise((resolve, reject) => {
      void ready.then((message) => {
        if (message !== undefined) resolve();
      });
      this.#pool.run(task, { transferList: [port2], signal: this.#stop.signal }).then(
        (cut: number) => {
          running.cut = cut;
          this.#ended(index, running);
          resolve();
        },
        (error: Error) => {
          this.#died(index, running, error);
          reject(error);
        },
      );
    });
  }

  #ended(index: number, running: Running): void {
    running.port.close();
    if (this.#running[index] === running) this.#running[index] = undefined;
    for (const { done } of [...running.waiting]) done(undefined);
  }

  #died(index: number, running: Running, error: Error): void {
    this.#ended(index, running);
    if (this.#draining) return;
    this.#options.onDied(index, error);
    if (!this.#countDeath(error)) return;
    // A further death comes the same way.
    this.#run(index).then(
      () => this.#options.onRestarted(index),
      () => {},
    );
  }

  /** Returns false, and gives up, when there were too many of late. */
  #countDeath(error: Error): boolean {
    const now = performance.now();
    this.#deaths.push(now);
    while (this.#deaths[0]! < now - RESTART_WINDOW_MS) this.#deaths.shift();
    if (this.#deaths.length <= RESTARTS_MAX) return true;
    this.#options.onFatal(error);
    return false;
  }
}

/** The next message of a worker that `fits`, or undefined when the worker ends first. */
function reply(running: Running, fits: (message: FromWorker) => boolean): Promise<FromWorker | undefined> {
  return new Promise((resolve) => {
    const waiting: Waiting = {
      fits,
      done: (message) => {
        running.waiting.delete(waiting);
        resolve(message);
      },
    };
    running.waiting.add(waiting);
  });
}
