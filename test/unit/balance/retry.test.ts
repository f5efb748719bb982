import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RetryOptions } from '../../../src/balance/options.js';
import { PoolTicker } from '../../../src/balance/pool-maintenance.js';
import { NO_RETRY, RETRY_DEFAULTS, RETRY_ON, Retries, STALE } from '../../../src/balance/retry.js';
import { ServerState } from '../../../src/balance/server-state.js';
import { pool } from './fixtures.js';

function retrying(options: Partial<RetryOptions> = {}) {
  const made = pool({ retry: { ...RETRY_DEFAULTS, ...options } });
  const ticker = new PoolTicker(new ServerState(made.buffer), 0);
  ticker.apply([made.plan]);
  return { ...made, ticker, retries: new Retries(made.plan, made.state) };
}

const WRITTEN = true;
const REPLAYABLE = true;
const IDEMPOTENT = true;

test('retries any method when the connect failed and nothing was written', () => {
  const { retries } = retrying();
  assert.equal(retries.decide(RETRY_ON.CONNECT, 0, !WRITTEN, REPLAYABLE, !IDEMPOTENT), 0);
});

test('retries only idempotent methods once a byte was written', () => {
  const { retries } = retrying();
  assert.equal(retries.decide(RETRY_ON.RESET, 0, WRITTEN, REPLAYABLE, IDEMPOTENT), 0);
  assert.equal(retries.decide(RETRY_ON.RESET, 0, WRITTEN, REPLAYABLE, !IDEMPOTENT), NO_RETRY.UNSAFE);
});

test('never retries a request whose body is partly gone', () => {
  const { retries } = retrying();
  for (const cause of [RETRY_ON.CONNECT, RETRY_ON.RESET, STALE])
    assert.equal(retries.decide(cause, 0, !WRITTEN, !REPLAYABLE, IDEMPOTENT), NO_RETRY.UNSAFE);
});

test('retries on the causes that were asked for and no others', () => {
  const asked = retrying({ on: RETRY_ON.TIMEOUT | RETRY_ON.STATUS, statuses: [503] }).retries;
  assert.equal(asked.decide(RETRY_ON.TIMEOUT, 0, WRITTEN, REPLAYABLE, IDEMPOTENT), 0);
  assert.equal(asked.decide(RETRY_ON.CONNECT, 0, !WRITTEN, REPLAYABLE, IDEMPOTENT), NO_RETRY.NOT_ASKED);
  assert.deepEqual([asked.asks(503), asked.asks(502), asked.asks(200), asked.asks(999)], [true, false, false, false]);
  assert.equal(retrying({ on: RETRY_ON.CONNECT, statuses: [503] }).retries.asks(503), false);
});

test('stops when the retries are spent, and never starts with none', () => {
  const { retries } = retrying({ retriesMax: 2 });
  assert.ok(retries.decide(RETRY_ON.CONNECT, 1, !WRITTEN, REPLAYABLE, IDEMPOTENT) > 0);
  assert.equal(retries.decide(RETRY_ON.CONNECT, 2, !WRITTEN, REPLAYABLE, IDEMPOTENT), NO_RETRY.TRIES_SPENT);
  const none = retrying({ retriesMax: 0 }).retries;
  assert.equal(none.decide(RETRY_ON.CONNECT, 0, !WRITTEN, REPLAYABLE, IDEMPOTENT), NO_RETRY.TRIES_SPENT);
});

test('replaces a stale connection always when that is safe, at no cost', () => {
  const { retries } = retrying({ on: 0, retriesMax: 0, budgetRatio: 0, budgetPerSecond: 0 });
  for (let i = 0; i < 100; i++) assert.equal(retries.decide(STALE, 0, WRITTEN, REPLAYABLE, IDEMPOTENT), 0);
  assert.equal(retries.decide(STALE, 0, WRITTEN, REPLAYABLE, !IDEMPOTENT), NO_RETRY.UNSAFE);
});

test('goes at once the first time, then waits twice as long each time up to the most, at random from half', () => {
  const { retries } = retrying({ retriesMax: 8, backoffMs: 20, backoffMaxMs: 50 });
  const waits = (made: number) =>
    Array.from({ length: 10 }, () => retries.decide(RETRY_ON.CONNECT, made, !WRITTEN, REPLAYABLE, IDEMPOTENT));
  assert.deepEqual(new Set(waits(0)), new Set([0]));
  for (const [made, most] of [
    [1, 20],
    [2, 40],
    [3, 50],
    [7, 50],
  ] as const)
    for (const wait of waits(made)) assert.ok(wait >= most / 2 && wait <= most, `retry ${made + 1} waits ${wait} ms`);
});

test('spends no more than its budget: ten seconds of the floor to begin with, then a share of the requests', () => {
  const { retries, ticker } = retrying({ budgetRatio: 0.2, budgetPerSecond: 10 });
  const spend = () => {
    let spent = 0;
    while (retries.decide(RETRY_ON.CONNECT, 0, !WRITTEN, REPLAYABLE, IDEMPOTENT) === 0) spent++;
    return spent;
  };
  assert.equal(spend(), 100);
  assert.equal(retries.decide(RETRY_ON.CONNECT, 0, !WRITTEN, REPLAYABLE, IDEMPOTENT), NO_RETRY.BUDGET_SPENT);
  for (let i = 0; i < 500; i++) retries.requestBegins();
  ticker.tick(1000);
  assert.equal(spend(), 110, '0.2 for each of 500 requests, and 10 for the second');
  assert.equal(spend(), 0);
});

test('counts the requests of every worker into the budget', () => {
  const { ticker, plan, buffer } = retrying({ budgetRatio: 0.5, budgetPerSecond: 0 });
  const workers = [0, 1, 2, 3].map((worker) => new Retries(plan, new ServerState(buffer, worker)));
  for (const worker of workers) for (let i = 0; i < 10; i++) worker.requestBegins();
  ticker.tick(100);
  let spent = 0;
  while (workers[3]!.decide(RETRY_ON.CONNECT, 0, !WRITTEN, REPLAYABLE, IDEMPOTENT) === 0) spent++;
  assert.equal(spent, 20);
});

test('lets what was paid in long ago run out', () => {
  const { retries, ticker } = retrying({ budgetRatio: 1, budgetPerSecond: 0 });
  for (let i = 0; i < 1000; i++) retries.requestBegins();
  ticker.tick(100);
  for (let now = 200; now <= 100_000; now += 100) ticker.tick(now);
  assert.equal(retries.decide(RETRY_ON.CONNECT, 0, !WRITTEN, REPLAYABLE, IDEMPOTENT), NO_RETRY.BUDGET_SPENT);
});

test('settles at ten seconds of pay however long it saves', () => {
  const { retries, ticker } = retrying({ budgetRatio: 0, budgetPerSecond: 10 });
  for (let now = 100; now <= 120_000; now += 100) ticker.tick(now);
  let saved = 0;
  while (retries.decide(RETRY_ON.CONNECT, 0, !WRITTEN, REPLAYABLE, IDEMPOTENT) === 0) saved++;
  assert.ok(saved >= 98 && saved <= 101, `saved ${saved}`);
});
