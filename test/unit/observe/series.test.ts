// Which place a series of requests has, and keeps.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MetricsMemory, SERIES, viewOf } from '../../../src/observe/metrics/layout.js';
import { ENTRY_WORDS, FOLDED, SeriesRegistry, type WantedSeries } from '../../../src/observe/metrics/series.js';

const wanted = (route: string, pool = 'api', listenerNumber = 1): WantedSeries => ({
  listener: 'web',
  route,
  pool,
  raw: false,
  listenerNumber,
  poolSlot: 7,
});

function registry(seriesMax = 100) {
  const memory = new MetricsMemory({ workers: 2, serversMax: 1 });
  const series = new SeriesRegistry(memory);
  /** The places of the routes, one series each. */
  const place = (...names: string[]) =>
    series
      .place(
        names.map((_, index) => index),
        names.map((name) => [wanted(name)]),
        [],
        seriesMax,
      )
      .byRoute.map((list) => list[2]!);
  return { memory, series, place };
}

test('a series keeps its place while configurations name it, and gives it back once no worker counts there', () => {
  const { series, place } = registry();
  assert.deepEqual(place('a', 'b', 'c'), [1, 2, 3]);
  assert.deepEqual(place('c', 'a'), [3, 1]);
  assert.deepEqual(place('c', 'a', 'd'), [3, 1, 4], 'a worker may still count in the place of b');
  place('c', 'a');
  series.collect();
  assert.equal(series.labels(2), undefined);
  const [, , again] = place('c', 'a', 'e');
  assert.ok(again === 2 || again === 4);
  assert.deepEqual(series.labels(again!), { listener: 'web', route: 'e', pool: 'api', raw: false });
});

test('a place that is given to another series is empty, and entries of older snapshots have another epoch', () => {
  const { memory, series, place } = registry();
  place('a', 'b');
  const before = series.place([0, 1], [[wanted('a')], [wanted('b')]], [], 100).byRoute[1]!;
  for (const { series: buffer } of memory.workers) viewOf(buffer)[2 * SERIES.WORDS] = 5;
  place('a');
  series.collect();
  const after = series.place([0, 1], [[wanted('a')], [wanted('c')]], [], 100).byRoute[1]!;
  assert.equal(after[2], before[2]);
  assert.notEqual(after[3], before[3]);
  assert.equal(memory.epochs[2], after[3]);
  assert.equal(memory.sum('series', 3)[2 * SERIES.WORDS], 0);
});

test('a configuration that is refused after its series were placed takes none of the places in use', () => {
  const { series, place } = registry();
  const [a] = place('a');
  place('b');
  // The one before goes on: it is placed again with the next change, before anything is given back.
  assert.deepEqual(place('a', 'c').at(0), a);
  series.collect();
  assert.equal(series.labels(a!)?.route, 'a');
});

test('series beyond the limit are counted together, and how many is known', () => {
  const { series, place } = registry(3);
  assert.deepEqual(place('a', 'b', 'c', 'd'), [1, 2, FOLDED, FOLDED]);
  assert.equal(series.folded, 2);
  place('a', 'c');
  series.collect();
  assert.deepEqual(place('a', 'c'), [1, 2]);
  assert.equal(series.folded, 0);
});

test('the sums are those of all workers, and the memory grows with its series', () => {
  const { memory, place } = registry(1000);
  const places = place(...Array.from({ length: 600 }, (_, index) => `route ${index}`));
  for (const { series } of memory.workers) viewOf(series)[places[599]! * SERIES.WORDS + SERIES.bytesIn] = 21;
  assert.equal(memory.sum('series', 601)[places[599]! * SERIES.WORDS + SERIES.bytesIn], 42);
});

test('an entry names the listener, the pool, the place and its epoch', () => {
  const { series } = registry();
  const { byRoute, unrouted, routeOfRule } = series.place([0, 0], [[wanted('a')]], [wanted('', '', 3)], 10);
  assert.deepEqual([...byRoute[0]!], [1, 7, 1, 0]);
  assert.deepEqual([...unrouted], [3, 7, 2, 0]);
  assert.equal(unrouted.length, ENTRY_WORDS);
  assert.deepEqual([...routeOfRule], [0, 0]);
});
