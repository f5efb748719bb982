// Which requests are counted together: one series for each listener, route and pool that a configuration can bring together.
// Owns the places of series through reloads. Leaves counting to recorder.ts.

import type { MetricsMemory } from './layout.js';

/** Listener, pool, series and epoch: as many words has each entry of a list. */
export const ENTRY_WORDS = 4;

/** Of an entry for requests that have no pool. */
export const NO_POOL = -1;

/** What a worker gets of it with its snapshot. Lists are entries one after the other, as the recorder looks them up. */
export interface SeriesPart {
  /** By rule: the index of its route in `byRoute`. */
  readonly routeOfRule: Int32Array;
  readonly byRoute: readonly Int32Array[];
  /** For what no rule was found for, and for connections that are passed on unread. */
  readonly unrouted: Int32Array;
}

/** Without metrics: all is counted as folded. */
export const NO_SERIES: SeriesPart = { routeOfRule: new Int32Array(0), byRoute: [], unrouted: new Int32Array(0) };

/** What a series is called. An empty route or pool is none. */
export interface SeriesLabels {
  readonly listener: string;
  readonly route: string;
  readonly pool: string;
  /** It counts connections that are passed on unread, and no requests. */
  readonly raw: boolean;
}

/** One series that is wanted: its labels, and by what workers know it. */
export interface WantedSeries extends SeriesLabels {
  /** The listener's number in the engine's registry, and the pool's slot in the shared state. */
  readonly listenerNumber: number;
  readonly poolSlot: number;
}

/** The place of what finds no place of its own, and of what belongs to a configuration that is gone. */
export const FOLDED = 0;
const FOLDED_LABELS: SeriesLabels = { listener: '_other', route: '_other', pool: '_other', raw: false };

/**
 * Gives places to series. A series keeps its place, and with it its counts, as long as configurations name it. One per
 * process, in the primary.
 */
export class SeriesRegistry {
  readonly #memory: MetricsMemory;
  readonly #places = new Map<string, number>();
  readonly #labels: (SeriesLabels | undefined)[] = [FOLDED_LABELS];
  readonly #free: number[] = [];
  /** No snapshot names them any more, but a worker may not have applied that yet. */
  #leaving: string[] = [];
  #folded = 0;
  #seriesMax = 1;

  constructor(memory: MetricsMemory) {
    this.#memory = memory;
  }

  /** Series that the configuration names and that have no place of their own: there are as many as there may be. */
  get folded(): number {
    return this.#folded;
  }

  /** Places in use, the folded one included. */
  get count(): number {
    return this.#places.size + 1;
  }

  /** Places given out at least once. */
  get top(): number {
    return this.#labels.length;
  }

  /** The labels of a place; undefined for a free one. */
  labels(place: number): SeriesLabels | undefined {
    return this.#labels[place];
  }

  /**
   * Finds or gives a place for each of `routes` and `unrouted`, and makes the lists of the workers. With `seriesMax` places in
   * use, further ones are folded. Call it last: what the snapshot does not name is given back by the next `collect`.
   */
  place(
    routeOfRule: readonly number[],
    routes: readonly (readonly WantedSeries[])[],
    unrouted: readonly WantedSeries[],
    seriesMax: number,
  ): SeriesPart {
    this.#seriesMax = seriesMax;
    const wanted = new Set([...routes, unrouted].flatMap((list) => list.map(keyOf)));
    this.#leaving = [...this.#places.keys()].filter((key) => !wanted.has(key));
    this.#folded = 0;
    const foldedKeys = new Set<string>();
    const lists = [...routes, unrouted].map((list) => this.#list(list, foldedKeys));
    this.#folded = foldedKeys.size;
    const last = lists.pop()!;
    return { routeOfRule: Int32Array.from(routeOfRule), byRoute: lists, unrouted: last };
  }

  /** Every worker has applied the snapshot that was made last: what it does not name is given back. */
  collect(): void {
    for (const key of this.#leaving) {
      const place = this.#places.get(key)!;
      this.#places.delete(key);
      this.#labels[place] = undefined;
      // What ends later with a rule of an older snapshot finds another epoch here, and is folded.
      this.#memory.epochs[place]! += 1;
      this.#free.push(place);
    }
    this.#leaving = [];
  }

  #list(wanted: readonly WantedSeries[], folded: Set<string>): Int32Array {
    const words: number[] = [];
    for (const series of wanted) {
      const place = this.#placeOf(series);
      if (place === FOLDED) folded.add(keyOf(series));
      words.push(series.listenerNumber, series.poolSlot, place, this.#memory.epochs[place]!);
    }
    return Int32Array.from(words);
  }

  #placeOf(series: WantedSeries): number {
    const key = keyOf(series);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    let place = this.#free.pop();
    if (place === undefined) {
      if (this.#labels.length >= this.#seriesMax) return FOLDED;
      place = this.#labels.length;
      this.#memory.grow(place + 1, 0);
    } else this.#memory.clear('series', place);
    const { listener, route, pool, raw } = series;
    this.#places.set(key, place);
    this.#labels[place] = { listener, route, pool, raw };
    return place;
  }
}

const keyOf = ({ listener, route, pool, raw }: SeriesLabels): string => JSON.stringify([listener, route, pool, raw]);
