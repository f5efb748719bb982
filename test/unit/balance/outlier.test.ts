import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { OUTLIER_DEFAULTS, type OutlierOptions } from '../../../src/balance/options.js';
import { OutlierReports, RESULT, resultOfStatus } from '../../../src/balance/outlier.js';
import { PoolTicker } from '../../../src/balance/pool-maintenance.js';
import { GATE, POOL, SERVER, ServerState } from '../../../src/balance/server-state.js';
import { pool } from './fixtures.js';

function reporting(weights: number[], outlier: Partial<OutlierOptions> = {}, slowStartMs = 0) {
  const made = pool({
    weights,
    slowStartMs,
    outlier: { ...OUTLIER_DEFAULTS, failures: 3, errors: 4, baseEjectionMs: 1000, maxEjectionMs: 2500, ...outlier },
  });
  const reports = new OutlierReports(made.plan, made.state);
  const told: string[] = [];
  const ticker = new PoolTicker(new ServerState(made.buffer), 0, {
    ejected: (_, server) => told.push(`${server} ejected`),
    failing: (_, server) => told.push(`${server} failing`),
    answers: (_, server) => told.push(`${server} answers`),
  });
  ticker.apply([made.plan]);
  const fail = (server: number, times = 1) => {
    let ejected = false;
    for (let i = 0; i < times; i++) ejected = reports.report(server, RESULT.FAILURE) || ejected;
    return ejected;
  };
  const ejectedNow = () => made.state.words[made.state.poolAt(made.plan.slot) + POOL.ejected];
  return { ...made, reports, ticker, fail, ejectedNow, told };
}

test('a server that fails and cannot be ejected is told of once, and once more when it answers', () => {
  const { plan, reports, ticker, fail, told } = reporting([1]);
  const { index, name } = plan.servers[0]!;
  let nowMs = 0;
  const tick = (times: number) => {
    for (let i = 0; i < times; i++) {
      nowMs += 100;
      ticker.tick(nowMs);
    }
  };
  fail(index, 2);
  tick(5);
  assert.deepEqual(told, []);
  for (let i = 0; i < 10; i++) {
    fail(index, 3);
    tick(2);
  }
  assert.deepEqual(told, [`${name} failing`]);
  reports.report(index, RESULT.SUCCESS);
  tick(5);
  assert.deepEqual(told, [`${name} failing`, `${name} answers`]);
  fail(index, 3);
  tick(5);
  assert.equal(told.length, 3);
});

test('ejects a server after so many failures in a row, not one sooner', () => {
  const { state, fail, ejectedNow } = reporting([1, 1, 1]);
  assert.equal(fail(0, 2), false);
  assert.equal(state.serverStatus(0), 'UP');
  assert.equal(fail(0), true);
  assert.equal(state.serverStatus(0), 'EJECTED');
  assert.equal(ejectedNow(), 1);
  assert.equal(state.serverStatus(1), 'UP');
});

test('counts 5xx answers apart from failures, and any better answer ends both rows', () => {
  const { state, reports, fail } = reporting([1, 1, 1]);
  fail(0, 2);
  for (let i = 0; i < 3; i++) reports.report(0, RESULT.ERROR);
  fail(0, 2);
  assert.equal(state.serverStatus(0), 'UP', 'an answer of 500 is an answer');
  reports.report(0, RESULT.SUCCESS);
  fail(0, 2);
  for (let i = 0; i < 3; i++) reports.report(0, RESULT.ERROR);
  assert.equal(state.serverStatus(0), 'UP');
  reports.report(0, RESULT.ERROR);
  assert.equal(state.serverStatus(0), 'EJECTED');
});

test('counts what all workers report about a server', () => {
  const { state, plan, buffer, fail } = reporting([1, 1]);
  const elsewhere = new OutlierReports(plan, new ServerState(buffer, 1));
  fail(0, 2);
  assert.equal(elsewhere.report(0, RESULT.FAILURE), true);
  assert.equal(state.serverStatus(0), 'EJECTED');
});

test('takes 500 and above for an error, everything below for a success', () => {
  assert.deepEqual([200, 304, 404, 499, 500, 503, 599].map(resultOfStatus), [0, 0, 0, 0, 1, 1, 1]);
});

test('never ejects more than its share of the pool, and ejects the next one when a place is free again', () => {
  const { state, ticker, fail, ejectedNow } = reporting([1, 1, 1, 1, 1], { maxEjectedShare: 0.4 });
  for (const server of [0, 1, 2, 3]) fail(server, 5);
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((s) => state.serverStatus(s)),
    ['EJECTED', 'EJECTED', 'UP', 'UP', 'UP'],
  );
  ticker.tick(100);
  ticker.tick(1200);
  assert.equal(ejectedNow(), 0);
  assert.equal(fail(2), true, 'it kept failing, so one more report is enough');
  assert.equal(ejectedNow(), 1);
});

test('ejects one of two servers, but never the only one unless told to', () => {
  assert.equal(reporting([1, 1], { maxEjectedShare: 0.1 }).fail(0, 3), true);
  assert.equal(reporting([1], { maxEjectedShare: 0.9 }).fail(0, 9), false);
  assert.equal(reporting([1], { maxEjectedShare: 1 }).fail(0, 3), true);
  assert.equal(reporting([1, 1], { maxEjectedShare: 0 }).fail(0, 9), false);
});

test('ejects for nothing when both thresholds are 0', () => {
  const { state, reports, fail } = reporting([1, 1], { failures: 0, errors: 0 });
  fail(0, 50);
  for (let i = 0; i < 50; i++) reports.report(0, RESULT.ERROR);
  assert.equal(state.serverStatus(0), 'UP');
});

test('does not eject a server that health checks took out already', () => {
  const { state, fail, ejectedNow } = reporting([1, 1]);
  state.closeGate(0, GATE.DOWN);
  assert.equal(fail(0, 9), false);
  assert.equal(ejectedNow(), 0);
});

test('lets a server back when its time is over, longer each time, never longer than the most', () => {
  const { state, ticker, fail } = reporting([1, 1]);
  let now = 0;
  const lengths: number[] = [];
  for (let round = 0; round < 4; round++) {
    fail(0, 3);
    const from = now;
    while (state.serverStatus(0) === 'EJECTED') {
      now += 100;
      ticker.tick(now);
    }
    lengths.push(now - from - 100); // the tick that stamps it comes 100 ms late
  }
  assert.deepEqual(lengths, [1000, 2000, 2500, 2500]);
});

test('a success ends an ejection: the server was asked for want of another, and is well', () => {
  const { state, ticker, reports, fail, ejectedNow } = reporting([1, 1]);
  fail(0, 3);
  ticker.tick(100);
  assert.equal(ejectedNow(), 1);
  reports.report(0, RESULT.SUCCESS);
  assert.equal(state.serverStatus(0), 'UP');
  assert.equal(ejectedNow(), 0);
  assert.equal(fail(0, 3), true, 'and it can be ejected again');
  assert.equal(ejectedNow(), 1);
});

test('forgives one earlier ejection for every base time a server stays in', () => {
  const { state, ticker, fail } = reporting([1, 1]);
  const ejections = () => state.words[state.serverAt(0) + SERVER.ejections];
  fail(0, 3);
  ticker.tick(100);
  ticker.tick(1100);
  assert.equal(state.serverStatus(0), 'UP');
  assert.equal(ejections(), 1);
  ticker.tick(2000);
  assert.equal(ejections(), 1);
  ticker.tick(2100);
  assert.equal(ejections(), 0);
});

test('forgives nothing when a request ends an ejection: the time in starts there', () => {
  const { state, ticker, reports, fail } = reporting([1, 1]);
  const ejections = () => state.words[state.serverAt(0) + SERVER.ejections];
  ticker.tick(10_000); // it has been in for long
  fail(0, 3);
  ticker.tick(10_100);
  reports.report(0, RESULT.SUCCESS);
  ticker.tick(10_200);
  assert.equal(ejections(), 1);
  ticker.tick(11_200);
  assert.equal(ejections(), 0);
});

test('tells nothing of a server that takes the slot of one that failed', () => {
  const { membership, plan, ticker, fail, told } = reporting([1]);
  const { index, name } = plan.servers[0]!;
  fail(index, 3);
  ticker.tick(100);
  ticker.tick(200);
  assert.deepEqual(told, [`${name} failing`]);
  const place = (address: string) => {
    const servers = [{ ...plan.servers[0]!, name: address, address }];
    const next = membership.place({ ...plan, servers });
    ticker.applyPool(next);
    membership.collect();
    return next.servers[0]!.index;
  };
  place('10.0.1.1:80');
  assert.equal(place('10.0.1.2:80'), index, 'the slot is given out again');
  ticker.tick(300);
  assert.deepEqual(told, [`${name} failing`]);
});

test('counts an ejection at the pool of the server, whichever pool of that name its request has moved to', () => {
  const { membership, plan, state, fail, ejectedNow } = reporting([1, 1]);
  membership.remove(plan.name);
  const next = membership.place({ ...plan, servers: [{ ...plan.servers[0]!, address: '10.0.1.1:80' }] });
  assert.notEqual(next.slot, plan.slot);
  const moved = new OutlierReports(next, state);
  const ejectedNext = () => state.words[state.poolAt(next.slot) + POOL.ejected];
  fail(0, 3);
  moved.report(0, RESULT.SUCCESS);
  assert.deepEqual([ejectedNow(), ejectedNext()], [0, 0]);
  for (let i = 0; i < 3; i++) moved.report(1, RESULT.FAILURE);
  assert.deepEqual([ejectedNow(), ejectedNext()], [1, 0]);
});

test('ejects a server on probation at its first failure, and not after its first success', () => {
  for (const succeeds of [false, true]) {
    const { state, ticker, reports, fail } = reporting([1, 1]);
    fail(0, 3);
    ticker.tick(100);
    ticker.tick(1100);
    if (succeeds) reports.report(0, RESULT.SUCCESS);
    fail(0);
    assert.equal(state.serverStatus(0), succeeds ? 'UP' : 'EJECTED');
  }
});

test('starts a server slowly after an ejection', () => {
  const { state, plan, ticker, fail } = reporting([2, 2], {}, 1000);
  const weight = () => state.words[state.serverAt(0) + SERVER.effectiveWeight];
  const version = () => state.words[state.poolAt(plan.slot) + POOL.version];
  assert.equal(weight(), 512);
  fail(0, 3);
  ticker.tick(100);
  ticker.tick(1100);
  assert.equal(state.serverStatus(0), 'SLOW_START');
  assert.equal(weight(), 51);
  const before = version();
  ticker.tick(1600);
  assert.equal(weight(), 256);
  assert.notEqual(version(), before, 'balancers are told of every step');
  ticker.tick(2100);
  assert.equal(weight(), 512);
  assert.equal(state.serverStatus(0), 'UP');
});

test('survives a clock whose milliseconds wrap in 32 bits', () => {
  const { state, ticker, fail } = reporting([1, 1]);
  const late = 2 ** 31 - 500;
  ticker.tick(late);
  fail(0, 3);
  ticker.tick(late + 100);
  ticker.tick(late + 1000);
  assert.equal(state.serverStatus(0), 'EJECTED');
  ticker.tick(late + 1100);
  assert.equal(state.serverStatus(0), 'UP');
});

test('frees everybody when a reload turns detection off', () => {
  const { state, plan, ticker, fail, ejectedNow } = reporting([1, 1]);
  fail(0, 3);
  ticker.tick(100);
  ticker.apply([{ ...plan, outlier: null }]);
  ticker.tick(200);
  assert.equal(state.serverStatus(0), 'UP');
  assert.equal(ejectedNow(), 0);
});

test('ejects each server once and keeps the share, also when four workers cross the threshold at the same moment', async () => {
  const { state, plan, buffer, ejectedNow } = reporting(Array(8).fill(1), { failures: 50, maxEjectedShare: 0.5 });
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const script = new URL('./reports.worker.ts', import.meta.url).href;
  const boot = `import('tsx/esm/api').then((t) => { t.register(); return import(${JSON.stringify(script)}); })`;
  const ejections = await Promise.all(
    [0, 1, 2, 3].map(
      (worker) =>
        new Promise<number>((resolve, reject) => {
          const thread = new Worker(boot, { eval: true, workerData: { plan, buffer, worker, gate } });
          thread.once('message', resolve);
          thread.once('error', reject);
        }),
    ),
  );
  const out = plan.servers.filter((s) => state.serverStatus(s.index) === 'EJECTED').length;
  assert.equal(out, 4);
  assert.equal(ejectedNow(), 4);
  assert.equal(
    ejections.reduce((a, b) => a + b, 0),
    4,
    'every ejection was somebody’s, and only one’s',
  );
});
