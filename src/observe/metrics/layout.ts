// What workers count for metrics: shared memory of doubles, one declared layout, one writer per word.
// Owns the layout. Leaves counting to recorder.ts, giving out places to series.ts, and the text to exposition.ts.

import { REASON_ROWS } from '../../http/reasons.js';

/*
 * Each worker has three buffers that it alone counts in, and that outlive it: a worker that takes the place of a dead one
 * counts on. The primary adds them up while they count. A double counts exactly to 2^53, and is written in one piece by the
 * 64-bit machines there are builds for.
 *
 *   series    what requests counted in, by listener, route and pool   grows by the primary, before a snapshot names new ones
 *   servers   what attempts counted in, by server                     grows by the primary, with the shared state
 *   own       what the worker counts of itself, copied every tick     fixed
 *
 * Places are reused: the primary empties one that is given out again, when no worker can still count in it.
 */

/** Upper bounds of the buckets of durations, in seconds: those of OpenTelemetry, and two below for a proxy. */
export const DURATION_BOUNDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
] as const;

/** Buckets of a duration, the one above all bounds included. Each counts what the one before does not. */
export const BUCKETS = DURATION_BOUNDS.length + 1;

/** Classes of statuses: 0 for what ended without one, 1 to 5 by the first digit. */
export const CLASSES = 6;

/** One series of requests: those of one listener, route and pool. */
export const SERIES = {
  /** By class of the status, CLASSES of them. */
  byClass: 0,
  /** Seconds, all together, and how many took how long. */
  seconds: CLASSES,
  buckets: CLASSES + 1,
  /** Bytes of bodies that came from clients, and that went to them. */
  bytesIn: CLASSES + 1 + BUCKETS,
  bytesOut: CLASSES + 2 + BUCKETS,
  WORDS: 32,
} as const;

/** The attempts at one server, by its index in the shared state. */
export const ATTEMPTS = {
  /** Answers by class of the status; 0 for attempts that ended without one. */
  byClass: 0,
  /** Seconds to the end of the attempt, all together, and how many took how long. */
  seconds: CLASSES,
  buckets: CLASSES + 1,
  /** Attempts after the first one of their request. */
  retries: CLASSES + 1 + BUCKETS,
  /** Attempts that ended in a failure. */
  failed: CLASSES + 2 + BUCKETS,
  WORDS: 32,
} as const;

/** What only ever grows, of one worker. */
export const WORKER_COUNTERS = [
  'accepted',
  'handshakesNew',
  'handshakesResumed',
  'handshakesFailed',
  'handshakesRefused',
  'backendsOpened',
  'backendsReused',
  'retries',
  'fallbacks',
  'mirrored',
  'mirrorsDropped',
  'clientsTooSlow',
  'slabFull',
  'acceptFailures',
  'acceptPauses',
  'busySeconds',
] as const;

/** What goes up and down. */
export const WORKER_GAUGES = [
  'clientConnections',
  'backendConnections',
  'handshaking',
  'mirrors',
  'slabChunksUsed',
  'slabChunks',
  'queuedBytes',
  'loopDelaySeconds',
] as const;

export type WorkerCounter = (typeof WORKER_COUNTERS)[number];
export type WorkerGauge = (typeof WORKER_GAUGES)[number];

/** Where things of one worker begin in `own`: failures by reason, failures of attempts by reason, counters, gauges. */
export const OWN = {
  reasons: 0,
  attemptReasons: REASON_ROWS.length,
  counters: 2 * REASON_ROWS.length,
  gauges: 2 * REASON_ROWS.length + WORKER_COUNTERS.length,
  WORDS: 2 * REASON_ROWS.length + WORKER_COUNTERS.length + WORKER_GAUGES.length,
} as const;

const DOUBLE = Float64Array.BYTES_PER_ELEMENT;
/** Servers that there is room for at first; the memory grows by as many. */
const SERVERS_STEP = 256;
const SERIES_STEP = 256;

/** Series that one process can count; `metrics.seriesMax` may allow fewer. Room for them is reserved in the address space only. */
const SERIES_MAX = 100_000;

/** A SharedArrayBuffer that grows in place (ECMAScript 2024; Node 20 has it, the language level here does not declare it). */
interface GrowableBuffer extends SharedArrayBuffer {
  grow(bytes: number): void;
}
type GrowableConstructor = new (bytes: number, options: { maxByteLength: number }) => GrowableBuffer;

/** The buffers of one worker. */
export interface WorkerMemory {
  readonly series: SharedArrayBuffer;
  readonly servers: SharedArrayBuffer;
  readonly own: SharedArrayBuffer;
  /** By series, one Int32 each: how often its place was given back. Only the primary writes; the same for all workers. */
  readonly epochs: SharedArrayBuffer;
}

interface MemorySize {
  readonly workers: number;
  readonly serversMax: number;
}

/** The memory of all workers, as the primary has it. */
export class MetricsMemory {
  readonly workers: readonly WorkerMemory[];
  readonly epochs: Int32Array;
  #seriesCount = SERIES_STEP;
  #serverCount = SERVERS_STEP;

  constructor({ workers, serversMax }: MemorySize) {
    const epochs = new SharedArrayBuffer(SERIES_MAX * Int32Array.BYTES_PER_ELEMENT);
    this.epochs = new Int32Array(epochs);
    const series = stepped(SERIES_MAX, SERIES_STEP);
    const servers = stepped(serversMax, SERVERS_STEP);
    this.workers = Array.from({ length: workers }, () => ({
      series: growable(SERIES_STEP * SERIES.WORDS, series * SERIES.WORDS),
      servers: growable(SERVERS_STEP * ATTEMPTS.WORDS, servers * ATTEMPTS.WORDS),
      own: new SharedArrayBuffer(OWN.WORDS * DOUBLE),
      epochs,
    }));
  }

  /** Makes room for this many series and servers. */
  grow(seriesCount: number, serverCount: number): void {
    this.#seriesCount = Math.max(this.#seriesCount, stepped(seriesCount, SERIES_STEP));
    this.#serverCount = Math.max(this.#serverCount, stepped(serverCount, SERVERS_STEP));
    for (const { series, servers } of this.workers) {
      growTo(series, this.#seriesCount * SERIES.WORDS);
      growTo(servers, this.#serverCount * ATTEMPTS.WORDS);
    }
  }

  /** The sums over all workers of `count` places of `words` words each. */
  sum(kind: 'series' | 'servers', count: number): Float64Array {
    const words = kind === 'series' ? SERIES.WORDS : ATTEMPTS.WORDS;
    const sums = new Float64Array(count * words);
    for (const memory of this.workers) {
      const view = viewOf(memory[kind]);
      const end = Math.min(sums.length, view.length);
      for (let i = 0; i < end; i++) sums[i]! += view[i]!;
    }
    return sums;
  }

  /** Empties the place of a series, or of a server, that is given to another. */
  clear(kind: 'series' | 'servers', index: number): void {
    const words = kind === 'series' ? SERIES.WORDS : ATTEMPTS.WORDS;
    for (const memory of this.workers) {
      const view = viewOf(memory[kind]);
      if ((index + 1) * words <= view.length) view.fill(0, index * words, (index + 1) * words);
    }
  }
}

/** All words there are now. */
export const viewOf = (buffer: SharedArrayBuffer): Float64Array =>
  new Float64Array(buffer, 0, Math.floor(buffer.byteLength / DOUBLE));

const stepped = (count: number, step: number): number => Math.ceil(count / step) * step;

function growable(words: number, wordsMax: number): SharedArrayBuffer {
  const Growable = SharedArrayBuffer as unknown as GrowableConstructor;
  return new Growable(words * DOUBLE, { maxByteLength: Math.max(words, wordsMax) * DOUBLE });
}

function growTo(buffer: SharedArrayBuffer, words: number): void {
  if (buffer.byteLength < words * DOUBLE) (buffer as GrowableBuffer).grow(words * DOUBLE);
}
