// What requests, servers and workers have counted so far, as numbers for programs that draw them: rates are differences of two.
// Owns the shape. Metrics for Prometheus are the same counts in words (metrics.ts).

import type { BalancePoolPlan } from '../balance/options.js';
import { POOL, SERVER, type ServerState, type ServerStatus, WEIGHT_ONE } from '../balance/server-state.js';
import { REASON_ROWS } from '../http/reasons.js';
import {
  ATTEMPTS,
  BUCKETS,
  CLASSES,
  type MetricsMemory,
  OWN,
  SERIES,
  viewOf,
  WORKER_COUNTERS,
  WORKER_GAUGES,
} from '../observe/metrics/layout.js';
import type { SeriesRegistry } from '../observe/metrics/series.js';

/** How often something ended with each class of status (0 for none), and how long it took. */
export interface Counted {
  readonly classes: readonly number[];
  readonly seconds: number;
  /** By the bounds of durations; the last one is above all of them. */
  readonly buckets: readonly number[];
}

/** Requests of one listener, route and pool; connections, where they are passed on unread. */
export interface SeriesStats extends Counted {
  readonly listener: string;
  readonly route: string;
  readonly pool: string;
  readonly raw: boolean;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface ServerStats extends Counted {
  readonly name: string;
  readonly status: ServerStatus;
  readonly weight: number;
  readonly inFlight: number;
  readonly connections: number;
  readonly failed: number;
  readonly retries: number;
}

export interface PoolStats {
  readonly name: string;
  readonly waiting: number;
  readonly servers: readonly ServerStats[];
}

export interface Stats {
  /** Milliseconds on a clock that only goes forward. */
  readonly atMs: number;
  readonly series: readonly SeriesStats[];
  readonly pools: readonly PoolStats[];
  /** How many requests and connections failed, by reason; none for reasons that were never given. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Counters and gauges by their names, one for each worker. */
  readonly workers: readonly Readonly<Record<string, number>>[];
}

interface StatsSource {
  readonly memory: MetricsMemory;
  readonly series: SeriesRegistry;
  readonly state: ServerState;
  readonly pools: readonly BalancePoolPlan[];
}

/** Adds up what all workers have counted. */
export function statsOf({ memory, series, state, pools }: StatsSource): Stats {
  const { words, capacity } = state;
  const requests = memory.sum('series', series.top);
  const attempts = memory.sum('servers', capacity.servers);
  const counted: SeriesStats[] = [];
  for (let place = 0; place < series.top; place++) {
    const labels = series.labels(place);
    const at = place * SERIES.WORDS;
    const classes = part(requests, at + SERIES.byClass, CLASSES);
    if (labels === undefined || classes.every((count) => count === 0)) continue;
    counted.push({
      ...labels,
      classes,
      seconds: requests[at + SERIES.seconds]!,
      buckets: part(requests, at + SERIES.buckets, BUCKETS),
      bytesIn: requests[at + SERIES.bytesIn]!,
      bytesOut: requests[at + SERIES.bytesOut]!,
    });
  }
  return {
    atMs: performance.now(),
    series: counted,
    pools: pools.map(({ name, slot, servers }) => ({
      name,
      waiting: words[state.poolAt(slot) + POOL.waiting]!,
      servers: servers.map(({ name: server, index }) => {
        const at = index * ATTEMPTS.WORDS;
        return {
          name: server,
          status: state.serverStatus(index),
          weight: words[state.serverAt(index) + SERVER.effectiveWeight]! / WEIGHT_ONE,
          inFlight: state.inFlight(index),
          connections: state.connections(index),
          classes: part(attempts, at + ATTEMPTS.byClass, CLASSES),
          seconds: attempts[at + ATTEMPTS.seconds]!,
          buckets: part(attempts, at + ATTEMPTS.buckets, BUCKETS),
          failed: attempts[at + ATTEMPTS.failed]!,
          retries: attempts[at + ATTEMPTS.retries]!,
        };
      }),
    })),
    reasons: reasonsOf(memory),
    workers: memory.workers.map(({ own }) => {
      const view = viewOf(own);
      return Object.fromEntries([
        ...WORKER_COUNTERS.map((name, index) => [name, view[OWN.counters + index]!] as const),
        ...WORKER_GAUGES.map((name, index) => [name, view[OWN.gauges + index]!] as const),
      ]);
    }),
  };
}

function reasonsOf(memory: MetricsMemory): Record<string, number> {
  const own = memory.workers.map((worker) => viewOf(worker.own));
  return Object.fromEntries(
    REASON_ROWS.flatMap(({ code, index }) => {
      const count = own.reduce((sum, words) => sum + words[OWN.reasons + index]!, 0);
      return count === 0 ? [] : [[code, count] as const];
    }),
  );
}

const part = (words: Float64Array, at: number, count: number): number[] => Array.from(words.subarray(at, at + count));
