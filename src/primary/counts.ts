// What is counted for metrics, as the primary has it: the memory of the workers, and the places in it.
// Owns both over reloads. Leaves names to series.ts, and what is made of the counts to metrics.ts and stats.ts.

import type { BalancePoolPlan } from '../balance/options.js';
import { SERVERS_MAX, type ServerState } from '../balance/server-state.js';
import type { Exposition } from '../observe/metrics/exposition.js';
import { MetricsMemory, type WorkerMemory } from '../observe/metrics/layout.js';
import { type SeriesPart, SeriesRegistry } from '../observe/metrics/series.js';
import { writeMetrics } from './metrics.js';
import { placeSeries, type SeriesSource } from './series.js';
import { type Stats, statsOf } from './stats.js';

export class Counts {
  readonly #memory: MetricsMemory;
  readonly #series: SeriesRegistry;
  readonly #state: ServerState;
  /** Slots of servers that are gone, whose places still hold their counts. */
  #freed: number[] = [];

  constructor(workers: number, state: ServerState) {
    this.#memory = new MetricsMemory({ workers, serversMax: SERVERS_MAX });
    this.#series = new SeriesRegistry(this.#memory);
    this.#state = state;
  }

  /** What each worker counts in: one that is started again counts on there. */
  get workers(): readonly WorkerMemory[] {
    return this.#memory.workers;
  }

  /** Makes room for the servers that there are now, and empties places that were others': before workers get any of them. */
  grow(): void {
    for (const index of this.#freed) this.#memory.clear('servers', index);
    this.#freed = [];
    this.#memory.grow(0, this.#state.capacity.servers);
  }

  /** Gives every series of a configuration a place. Call it last: what it does not name is given back by `collect`. */
  place(source: SeriesSource): SeriesPart {
    this.grow();
    return placeSeries(this.#series, source);
  }

  /** Every worker has applied the snapshot whose series were placed last. */
  collect(): void {
    this.#series.collect();
  }

  /**
   * The servers at these slots are gone. Their places are emptied as the next servers come, not now: a worker counts an attempt
   * just after it has taken it off the requests in flight.
   */
  serversFreed(indexes: readonly number[]): void {
    this.#freed.push(...indexes);
  }

  /** Writes all that was counted. No worker is stopped, or asked. */
  write(out: Exposition, pools: readonly BalancePoolPlan[]): void {
    writeMetrics(out, this.#with(pools));
  }

  /** The same as numbers. */
  stats(pools: readonly BalancePoolPlan[]): Stats {
    return statsOf(this.#with(pools));
  }

  #with(pools: readonly BalancePoolPlan[]) {
    return { memory: this.#memory, series: this.#series, state: this.#state, pools };
  }
}
