// Rates in shared memory: exact in burst and rate, over workers, clocks and many keys.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { RateTable, rateOf, rateTableBytes, TICKS_PER_INTERVAL } from '../../../src/limits/rate-table.js';
import { randomFrom, seed } from '../../support/random.js';

const KEYS = 1024;
const tableOf = (keys = KEYS): RateTable => new RateTable(new SharedArrayBuffer(rateTableBytes(keys)), keys);
/** How many of `count` requests at `nowMs` pass. */
const passing = (table: RateTable, rate: ReturnType<typeof rateOf>, nowMs: number, count: number, key = 1): number => {
  let passed = 0;
  for (let i = 0; i < count; i++) if (table.take(key, key, rate, nowMs) >= 0) passed++;
  return passed;
};

test('of requests in no time the burst passes, then one for each interval', () => {
  const table = tableOf();
  const rate = rateOf(10, 1000, 5);
  assert.equal(passing(table, rate, 1000, 50), 5);
  assert.equal(passing(table, rate, 1099, 50), 0);
  assert.equal(passing(table, rate, 1100, 50), 1);
  assert.equal(passing(table, rate, 1300, 50), 2);
  assert.equal(passing(table, rate, 60_000, 50), 5, 'a pause fills the burst, and no more');
});

test('says how long until the next one may come', () => {
  const table = tableOf();
  const rate = rateOf(2, 1000, 1);
  assert.equal(table.take(1, 1, rate, 1000), TICKS_PER_INTERVAL);
  const wait = -1 - table.take(1, 1, rate, 1000);
  assert.equal(wait * rate.tickMs, 500);
  assert.equal(passing(table, rate, 1499, 1), 0);
  assert.equal(passing(table, rate, 1500, 1), 1);
});

test('the rate holds within 1 % over simulated minutes, for odd rates and any spacing', () => {
  const below = randomFrom(seed);
  for (const [count, periodMs, burst] of [
    [10, 1000, 5],
    [7, 1000, 1],
    [600, 60_000, 20],
    [1000, 3_600_000, 3],
    [333, 1000, 50],
  ] as const) {
    const table = tableOf();
    const rate = rateOf(count, periodMs, burst);
    const lengthMs = Math.max(60_000, (500 * periodMs) / count);
    let now = 123_456.789;
    const end = now + lengthMs;
    let passed = 0;
    while (now < end) {
      passed += passing(table, rate, now, 3);
      now += (below(100) / 5000) * (periodMs / count);
    }
    const expected = burst + (lengthMs * count) / periodMs;
    assert.ok(Math.abs(passed / expected - 1) < 0.01, `${passed} of ${expected} at ${count} in ${periodMs} ms`);
  }
});

test('a clock that stands still, or runs for months, loosens nothing', () => {
  const table = tableOf();
  const rate = rateOf(100_000, 1000, 100);
  let now = 0;
  for (let days = 0; days < 100; days++) {
    now = days * 86_400_000 + 17 * days;
    assert.equal(passing(table, rate, now, 300), 100, `day ${days}`);
    assert.equal(passing(table, rate, now, 10), 0);
  }
});

test('a request that is refused costs nothing, and one can be taken back', () => {
  const table = tableOf();
  const rate = rateOf(1, 1000, 2);
  assert.equal(passing(table, rate, 0, 100), 2);
  assert.equal(passing(table, rate, 1000, 100), 1);
  table.giveBack(1, 1);
  assert.equal(passing(table, rate, 1000, 100), 1);
});

test('two workers that count at once let pass no more than one does', async () => {
  const url = new URL('../../../dist/limits/rate-table.js', import.meta.url).href;
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(${JSON.stringify(url)}).then(({ RateTable, rateOf }) => {
      const table = new RateTable(workerData.buffer, ${KEYS});
      const start = new Int32Array(workerData.start);
      parentPort.postMessage('ready');
      Atomics.wait(start, 0, 0);
      const passed = [];
      for (let key = 0; key < 200; key++) {
        let own = 0;
        for (let i = 0; i < 500; i++) if (table.take(key, key + 1, rateOf(1, 60000, 300), 1000) >= 0) own++;
        passed.push(own);
      }
      parentPort.postMessage(passed);
    });`;
  const buffer = new SharedArrayBuffer(rateTableBytes(KEYS));
  const start = new Int32Array(new SharedArrayBuffer(4));
  const workers = [0, 1].map(() => new Worker(code, { eval: true, workerData: { buffer, start: start.buffer } }));
  const message = (worker: Worker): Promise<unknown> => new Promise((resolve) => worker.once('message', resolve));
  await Promise.all(workers.map(message));
  const results = workers.map(message);
  Atomics.store(start, 0, 1);
  Atomics.notify(start, 0);
  const [a, b] = (await Promise.all(results)) as [number[], number[]];
  assert.deepEqual(
    a.map((passed, key) => passed + b[key]!),
    a.map(() => 300),
  );
  await Promise.all(workers.map((worker) => worker.terminate()));
});

test('a million keys take bounded memory, and push out the keys that are free first', () => {
  const keys = 65_536;
  const buffer = new SharedArrayBuffer(rateTableBytes(keys));
  const table = new RateTable(buffer, keys);
  const slow = rateOf(1, 3_600_000, 2);
  const quick = rateOf(100, 1000, 1);
  const below = randomFrom(seed);
  const word = (): number => below(65_536) * 65_536 + below(65_536);
  assert.equal(passing(table, slow, 1000, 5, 77), 2);
  for (let i = 0; i < 1_000_000; i++) table.take(word() | 0, word() | 0, quick, 1000 + i / 1000);
  assert.equal(buffer.byteLength, 4 * (16 + 8192 + 65_536 * 4));
  assert.equal(passing(table, slow, 2000, 5, 77), 0, 'a flood does not make a client new that still has to wait');
  assert.ok(table.evicted > 0);
});
