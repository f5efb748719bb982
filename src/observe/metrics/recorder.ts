// A worker's side of metrics: counts each exchange as it ends, and copies what the worker counts anyway once a tick.
// Owns the words of its worker in the memory of metrics. Leaves adding up and naming to the primary.

import { ATTEMPT_TIME, type Attempt } from '../../exchange/attempt.js';
import type { Counters } from '../../exchange/counters.js';
import { type Exchange, KIND, TIME } from '../../exchange/exchange.js';
import type { Observer } from '../../exchange/observer.js';
import { REASONS } from '../../http/reasons.js';
import {
  ATTEMPTS,
  BUCKETS,
  CLASSES,
  DURATION_BOUNDS,
  OWN,
  SERIES,
  viewOf,
  WORKER_COUNTERS,
  WORKER_GAUGES,
  type WorkerCounter,
  type WorkerGauge,
  type WorkerMemory,
} from './layout.js';
import { ENTRY_WORDS, FOLDED, NO_POOL, NO_SERIES, type SeriesPart } from './series.js';

/** What a worker knows of itself beside its counters, gathered once a tick. */
export interface WorkerFigures {
  readonly counters: Counters;
  /** Those of the engine that only grow. */
  slabFull: number;
  acceptFailures: number;
  acceptPauses: number;
  /** Seconds in which the thread did something. */
  busySeconds: number;
  /** Of now. */
  readonly gauges: Record<WorkerGauge, number>;
}

export class MetricsRecorder implements Observer {
  readonly #memory: WorkerMemory;
  readonly #epochs: Int32Array;
  readonly #own: Float64Array;
  /** What a worker that died had counted: this one counts on from there. */
  readonly #before: Float64Array;
  #series: Float64Array;
  #servers: Float64Array;
  #unrouted: Int32Array = NO_SERIES.unrouted;

  constructor(memory: WorkerMemory) {
    this.#memory = memory;
    this.#epochs = new Int32Array(memory.epochs);
    this.#own = viewOf(memory.own);
    this.#before = this.#own.slice();
    this.#series = viewOf(memory.series);
    this.#servers = viewOf(memory.servers);
  }

  /** Applies the series of a snapshot: takes in what the memory has grown by. */
  apply({ unrouted }: SeriesPart): void {
    this.#series = viewOf(this.#memory.series);
    this.#servers = viewOf(this.#memory.servers);
    this.#unrouted = unrouted;
  }

  /** Hot: allocates nothing. */
  exchangeEnded(x: Exchange): void {
    const series = this.#series;
    const at = this.#placeOf(x) * SERIES.WORDS;
    const seconds = (x.times[TIME.ended]! - x.times[TIME.begun]!) / 1e6;
    series[at + SERIES.byClass + classOf(x.status)]! += 1;
    series[at + SERIES.seconds]! += seconds;
    series[at + SERIES.buckets + bucketOf(seconds)]! += 1;
    series[at + SERIES.bytesIn]! += x.bytesIn;
    series[at + SERIES.bytesOut]! += x.bytesOut;
  }

  /** Hot: allocates nothing. */
  attemptEnded(x: Exchange, { server, status, reason, times }: Attempt): void {
    const servers = this.#servers;
    const at = server!.index * ATTEMPTS.WORDS;
    const seconds = (times[ATTEMPT_TIME.ended]! - times[ATTEMPT_TIME.begun]!) / 1e6;
    servers[at + ATTEMPTS.byClass + classOf(status)]! += 1;
    servers[at + ATTEMPTS.seconds]! += seconds;
    servers[at + ATTEMPTS.buckets + bucketOf(seconds)]! += 1;
    if (x.attempts > 1) servers[at + ATTEMPTS.retries]! += 1;
    if (reason === null) return;
    servers[at + ATTEMPTS.failed]! += 1;
    this.#own[OWN.attemptReasons + REASONS[reason].index]! += 1;
  }

  /** The place of the series that counts `x`. */
  #placeOf(x: Exchange): number {
    const list = x.rule === null ? this.#unrouted : x.rule.series;
    const listener = x.client.listener.plan.listener;
    const pool = x.pool === null || (x.rule === null && x.kind === KIND.REQUEST) ? NO_POOL : x.pool.plan.slot;
    for (let i = 0; i < list.length; i += ENTRY_WORDS) {
      if (list[i] !== listener || list[i + 1] !== pool) continue;
      const place = list[i + 2]!;
      const epoch = list[i + 3]!;
      if (i > 0) toFront(list, i);
      // An older snapshot named it: the place may be another's by now.
      return this.#epochs[place] === epoch ? place : FOLDED;
    }
    return FOLDED;
  }

  /** Copies what the worker counts and holds. Called once a tick. */
  copy({ counters, slabFull, acceptFailures, acceptPauses, busySeconds, gauges }: WorkerFigures): void {
    counters.reasons.each((index, count) => this.#set(OWN.reasons + index, count));
    this.#count('accepted', counters.accepted);
    this.#count('handshakesNew', counters.handshakes - counters.resumptions);
    this.#count('handshakesResumed', counters.resumptions);
    this.#count('handshakesFailed', counters.handshakesFailed);
    this.#count('handshakesRefused', counters.handshakesRefused);
    this.#count('backendsOpened', counters.opened);
    this.#count('backendsReused', counters.reused);
    this.#count('retries', counters.retries);
    this.#count('fallbacks', counters.fallbacks);
    this.#count('mirrored', counters.mirrored);
    let dropped = 0;
    for (const count of counters.mirrorsDropped.values()) dropped += count;
    this.#count('mirrorsDropped', dropped);
    this.#count('clientsTooSlow', counters.clientsTooSlow);
    this.#count('slabFull', slabFull);
    this.#count('acceptFailures', acceptFailures);
    this.#count('acceptPauses', acceptPauses);
    this.#count('busySeconds', busySeconds);
    for (let i = 0; i < WORKER_GAUGES.length; i++) this.#own[OWN.gauges + i] = gauges[WORKER_GAUGES[i]!];
  }

  #count(name: WorkerCounter, value: number): void {
    this.#set(OWN.counters + COUNTER_AT[name], value);
  }

  #set(word: number, value: number): void {
    this.#own[word] = this.#before[word]! + value;
  }
}

const COUNTER_AT = Object.fromEntries(WORKER_COUNTERS.map((name, index) => [name, index])) as Record<
  WorkerCounter,
  number
>;

/** 0 for no status, else its first digit. */
const classOf = (status: number): number => Math.min((status / 100) | 0, CLASSES - 1);

/** The bucket that counts a duration. */
function bucketOf(seconds: number): number {
  for (let i = 0; i < DURATION_BOUNDS.length; i++) if (seconds <= DURATION_BOUNDS[i]!) return i;
  return BUCKETS - 1;
}

/** Swaps an entry with the first one: the next request is likely to be for the same series. */
function toFront(list: Int32Array, at: number): void {
  for (let i = 0; i < ENTRY_WORDS; i++) {
    const word = list[i]!;
    list[i] = list[at + i]!;
    list[at + i] = word;
  }
}
