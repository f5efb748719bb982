// The access logs of the process: which sets of logs there are, the rings that workers record into, and the log thread that
// writes them.
// Owns the numbers of sets, and keeping the thread running. Leaves recording to the workers, and lines to the thread.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { AccessLogConfig, Config, ListenerConfig } from '../config/config.js';
import { templateParts } from '../config/template.js';
import { type ListenerLogsPlan, NO_LOGS } from '../exchange/log-plan.js';
import type { EventSink } from '../observe/events.js';
import type { LogFormat, LogSet } from '../observe/log/plan.js';
import { createRing, LogWake, RingReader } from '../observe/log/ring.js';
import type { FromLogThread, LogThreadData, ToLogThread } from '../observe/log/thread.js';
import { LogTotals } from '../observe/log/totals.js';
import type { DestinationReport } from '../observe/log/writer.js';

/** A thread that died is started again after this time, twice as long each time, at most RESTART_MS_MAX. */
const RESTART_MS = 100;
const RESTART_MS_MAX = 10_000;
/** How long the thread is waited for at the end. */
const END_MS = 3000;

/** What a report says of access logs. */
export interface AccessLogReport {
  /** Requests that workers recorded, and those dropped because the log thread did not keep up. */
  readonly recorded: number;
  readonly dropped: number;
  /** Times that the log thread died. */
  readonly deaths: number;
  readonly destinations: readonly DestinationReport[];
}

/** An access log cannot be opened; the message is one line. */
export class AccessLogError extends Error {
  override readonly name = 'AccessLogError';
}

type Body = ToLogThread extends infer Message ? (Message extends { id: number } ? Omit<Message, 'id'> : never) : never;

interface Thread {
  readonly worker: Worker;
  readonly waiting: Map<number, (answer: (FromLogThread & { type: 'answer' }) | null) => void>;
}

export class AccessLogs {
  /** By the index of their worker. */
  readonly rings: readonly SharedArrayBuffer[];
  readonly wake: SharedArrayBuffer = new LogWake().shared;
  readonly #readers: readonly RingReader[];
  readonly #totals = new LogTotals();
  readonly #emit: EventSink;
  /** All sets ever: connections of a listener that is gone may still write for theirs. */
  readonly #sets: LogSet[] = [];
  /** What each set was configured as: one that is configured again keeps its number. */
  readonly #configs: (readonly AccessLogConfig[])[] = [];
  #thread: Thread | null = null;
  #messages = 0;
  #deaths = 0;
  #restartMs = RESTART_MS;
  #restart: NodeJS.Timeout | undefined;
  #ending = false;

  constructor(workers: number, emit: EventSink) {
    this.rings = Array.from({ length: workers }, () => createRing());
    this.#readers = this.rings.map((ring) => new RingReader(ring));
    this.#emit = emit;
  }

  /** What workers get of the logs of a listener. Numbers sets that are new; `open` opens them. */
  planOf({ accessLogs }: ListenerConfig, config: Config): ListenerLogsPlan {
    const logs = accessLogs ?? config.accessLogs;
    if (logs.length === 0) return NO_LOGS;
    const number = this.#numberOf(logs);
    const filters = logs.map(({ statuses, minDurationMs, retried, routes, reasons, sample }) => {
      return { statuses, durationMsMin: minDurationMs, retried, routes, reasons, sample };
    });
    return { set: number, filters, headers: this.#sets[number]!.headers };
  }

  #numberOf(logs: readonly AccessLogConfig[]): number {
    const known = this.#configs.findIndex((config) => isDeepStrictEqual(config, logs));
    if (known >= 0) return known;
    const number = this.#sets.length;
    const headers = new Map<string, boolean>();
    for (const log of logs)
      for (const { name, redact } of log.headers) headers.set(name, redact || headers.get(name) === true);
    this.#configs.push(logs);
    this.#sets.push({
      number,
      logs: logs.map((log) => ({ format: formatOf(log), to: log.to, headers: log.headers })),
      headers: [...headers].map(([name, redact]) => ({ name, redact })),
    });
    return number;
  }

  /** Opens what the sets of these plans write to, before any worker writes for them. Rejects with an AccessLogError. */
  async open(plans: readonly ListenerLogsPlan[]): Promise<void> {
    const sets = this.#setsOf(plans);
    if (sets.length === 0) return;
    if (this.#thread === null) this.#start([]);
    const answer = await this.#ask({ type: 'open', sets });
    if (answer?.error !== undefined) throw new AccessLogError(`cannot open an access log: ${answer.error}`);
  }

  /** Every worker has applied these plans: closes what no listener writes to any more. */
  async keepOnly(plans: readonly ListenerLogsPlan[]): Promise<void> {
    if (this.#thread !== null)
      await this.#ask({ type: 'keepOnly', sets: this.#setsOf(plans).map(({ number }) => number) });
  }

  /** Opens all files anew: they may have been moved away. */
  async reopen(): Promise<void> {
    if (this.#thread !== null) await this.#ask({ type: 'reopen' });
  }

  async report(): Promise<AccessLogReport> {
    const answer = this.#thread === null ? null : await this.#ask({ type: 'report' });
    return { ...this.counts(), destinations: answer?.report ?? [] };
  }

  /** What workers recorded and dropped, without asking the thread. */
  counts(): Omit<AccessLogReport, 'destinations'> {
    const sum = (of: (reader: RingReader) => number): number => this.#readers.reduce((all, one) => all + of(one), 0);
    return { recorded: sum(({ recorded }) => recorded), dropped: sum(({ dropped }) => dropped), deaths: this.#deaths };
  }

  /** Lines that destinations did not take, without asking the thread. */
  get linesDropped(): number {
    return this.#totals.dropped;
  }

  /** Writes out what was recorded, and ends the thread. Call it once no worker runs any more. */
  async end(): Promise<void> {
    this.#ending = true;
    clearTimeout(this.#restart);
    const thread = this.#thread;
    if (thread === null) return;
    const late = new Promise<void>((resolve) => setTimeout(resolve, END_MS).unref());
    await Promise.race([this.#ask({ type: 'end' }), late]);
    await thread.worker.terminate();
  }

  #setsOf(plans: readonly ListenerLogsPlan[]): LogSet[] {
    return [...new Set(plans.map(({ set }) => set))].flatMap((set) => this.#sets[set] ?? []);
  }

  #start(sets: readonly LogSet[]): void {
    const data: LogThreadData = { rings: this.rings, wake: this.wake, totals: this.#totals.shared, sets };
    const worker = new Worker(threadFile(), { workerData: data, name: 'log' });
    const thread: Thread = { worker, waiting: new Map() };
    this.#thread = thread;
    let reason = 'it ended';
    worker.on('message', (message: FromLogThread) => {
      this.#restartMs = RESTART_MS;
      if (message.type === 'event') this.#emit(message.event);
      else {
        thread.waiting.get(message.id)?.(message);
        thread.waiting.delete(message.id);
      }
    });
    worker.on('error', (error) => {
      reason = error.message;
    });
    worker.on('exit', () => this.#ended(thread, reason));
  }

  /** The thread has ended. What was recorded waits in the rings for the next one, as far as there is room. */
  #ended(thread: Thread, reason: string): void {
    for (const answer of thread.waiting.values()) answer(null);
    thread.waiting.clear();
    if (this.#ending || this.#thread !== thread) return;
    this.#deaths++;
    // The next thread knows no names: workers give them anew from here on.
    for (const reader of this.#readers) reader.forgetNames();
    this.#emit({ type: 'log.died', reason });
    this.#restart = setTimeout(() => this.#start(this.#sets), this.#restartMs);
    this.#restartMs = Math.min(this.#restartMs * 2, RESTART_MS_MAX);
  }

  /** Asks the thread, and resolves with its answer; null when it died before. */
  #ask(message: Body): Promise<(FromLogThread & { type: 'answer' }) | null> {
    const thread = this.#thread!;
    this.#messages++;
    const id = this.#messages;
    return new Promise((resolve) => {
      thread.waiting.set(id, resolve);
      thread.worker.postMessage({ ...message, id } as ToLogThread);
    });
  }
}

function formatOf({ format, template, query }: AccessLogConfig): LogFormat {
  return format === 'template' ? { type: format, parts: templateParts(template) } : { type: format, query };
}

/** The compiled thread; from the sources (tests) the one that `make build` left in dist/. */
function threadFile(): string {
  const beside = fileURLToPath(new URL('../observe/log/thread.js', import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(new URL('../../dist/observe/log/thread.js', import.meta.url));
}
