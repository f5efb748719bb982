// Requests under way in shared memory: never more than allowed, over workers, and given back when one dies.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConcurrencyTable, concurrencyTableBytes, FULL, NO_ROOM } from '../../../src/limits/concurrency-table.js';
import { createLimitBuffers, forgetWorker } from '../../../src/limits/shared-limits.js';

const viewsOf = (workers: number): ConcurrencyTable[] => {
  const buffer = new SharedArrayBuffer(concurrencyTableBytes(workers));
  return Array.from({ length: workers }, (_, worker) => new ConcurrencyTable(buffer, worker));
};

test('as many as allowed are in at once, over all workers, and each that leaves makes room for one', () => {
  const [a, b] = viewsOf(2) as [ConcurrencyTable, ConcurrencyTable];
  const place = a.enter(1, 1, 2);
  assert.ok(place >= 0);
  assert.equal(b.enter(1, 1, 2), place);
  assert.equal(a.enter(1, 1, 2), FULL);
  a.leave(place);
  assert.equal(b.enter(1, 1, 2), place);
  assert.equal(b.enter(1, 1, 2), FULL);
  assert.ok(b.enter(1, 2, 2) >= 0, 'another key of the same bucket');
});

test('a place is given to another key once none of its own is under way, and never before', () => {
  const [table] = viewsOf(1) as [ConcurrencyTable];
  const places = Array.from({ length: 8 }, (_, key) => table.enter(0, key + 1, 1));
  assert.equal(new Set(places).size, 8);
  assert.equal(table.enter(0, 9, 1), NO_ROOM);
  table.leave(places[3]!);
  assert.equal(table.enter(0, 9, 1), places[3]);
  assert.equal(table.enter(0, 4, 1), NO_ROOM);
  for (const key of [1, 2, 3, 5, 6, 7, 8, 9]) assert.equal(table.enter(0, key, 1), FULL, `key ${key}`);
});

test('what a worker held that died is taken back, and nothing else', () => {
  const buffers = createLimitBuffers(2, 1024);
  const a = new ConcurrencyTable(buffers.concurrency, 0);
  const b = new ConcurrencyTable(buffers.concurrency, 1);
  a.enter(1, 1, 3);
  a.enter(1, 1, 3);
  const held = b.enter(1, 1, 3);
  assert.equal(b.enter(1, 1, 3), FULL);
  forgetWorker(buffers, 0);
  assert.ok(b.enter(1, 1, 3) >= 0);
  assert.ok(b.enter(1, 1, 3) >= 0);
  assert.equal(b.enter(1, 1, 3), FULL);
  forgetWorker(buffers, 0);
  assert.equal(b.enter(1, 1, 3), FULL, 'once');
  b.leave(held);
  assert.ok(b.enter(1, 1, 3) >= 0);
});
