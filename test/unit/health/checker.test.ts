import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutlierReports, RESULT } from '../../../src/balance/outlier.js';
import { PoolTicker } from '../../../src/balance/pool-maintenance.js';
import { GATE, POOL, SERVER } from '../../../src/balance/server-state.js';
import { hostPortText } from '../../../src/base/endpoint.js';
import { HealthChecker } from '../../../src/health/checker.js';
import { type CheckedPoolPlan, HEALTH_CHECK_DEFAULTS, type HealthCheckOptions } from '../../../src/health/options.js';
import type { CheckResult } from '../../../src/health/probe.js';
import type { ProcessEvent } from '../../../src/observe/events.js';
import { pool } from '../balance/fixtures.js';
import { FakeTimers } from './fake-timers.js';

const OPTIONS: HealthCheckOptions = {
  ...HEALTH_CHECK_DEFAULTS,
  intervalMs: 1000,
  doubtIntervalMs: 200,
  timeoutMs: 300,
  jitter: 0,
  unhealthyThreshold: 3,
  healthyThreshold: 2,
};

type Behaviour = 'passes' | 'fails' | 'hangs';

function checking(options: Partial<HealthCheckOptions> = {}, slowStartMs = 0, random = 0.5) {
  const made = pool({ weights: [1, 1], checked: true, slowStartMs });
  const plan: CheckedPoolPlan = { ...made.plan, healthCheck: { ...OPTIONS, ...options } };
  const timers = new FakeTimers();
  const ticker = new PoolTicker(made.state, 0);
  const behaviour = new Map<string, Behaviour>();
  const checks: { address: string; at: number }[] = [];
  const events: ProcessEvent[] = [];
  const checker = new HealthChecker({
    state: made.state,
    ticker,
    timers,
    random: () => random,
    emit: (event) => events.push(event),
    probe: ({ endpoint }, _options, signal) => {
      const address = endpoint.kind === 'tcp' ? hostPortText(endpoint.host, endpoint.port) : endpoint.path;
      checks.push({ address, at: timers.now() });
      const does = behaviour.get(address) ?? 'passes';
      if (does !== 'hangs') return Promise.resolve({ passed: does === 'passes', says: does });
      return new Promise<CheckResult>((resolve) => {
        signal.addEventListener('abort', () => resolve({ passed: false, says: String(signal.reason) }));
      });
    },
  });
  const [first, second] = made.plan.servers.map((server) => server.address) as [string, string];
  const timesOf = (address: string) => checks.filter((check) => check.address === address).map((check) => check.at);
  return { ...made, plan, timers, ticker, behaviour, checks, events, checker, first, second, timesOf };
}

test('trusts no server before its first check', async () => {
  const { state, checker, timers, plan, behaviour, second } = checking();
  behaviour.set(second, 'fails');
  assert.deepEqual([state.serverStatus(0), state.serverStatus(1)], ['UNCHECKED', 'UNCHECKED']);
  checker.apply([plan]);
  await timers.turn(0);
  assert.deepEqual([state.serverStatus(0), state.serverStatus(1)], ['UP', 'DOWN']);
});

test('delays the start until the first round is over, one timeout at most', async () => {
  const { checker, timers, plan, behaviour, second, state } = checking();
  behaviour.set(second, 'hangs');
  checker.apply([plan]);
  let over = false;
  void checker.firstRound().then(() => {
    over = true;
  });
  await timers.turn(299);
  assert.equal(over, false);
  await timers.turn(1);
  assert.equal(over, true);
  assert.equal(state.serverStatus(1), 'DOWN');
});

test('does not delay the start when nothing is checked', async () => {
  await checking().checker.firstRound();
});

test('checks each server once per interval while all agrees', async () => {
  const { checker, timers, plan, timesOf, first } = checking();
  checker.apply([plan]);
  await timers.turn(3500);
  assert.deepEqual(timesOf(first), [0, 1000, 2000, 3000]);
});

test('looks sooner while in doubt, and takes a dead server out within an interval and the doubts', async () => {
  const { checker, timers, plan, behaviour, events, timesOf, first, state } = checking();
  checker.apply([plan]);
  await timers.turn(500);
  behaviour.set(first, 'fails');
  await timers.turn(1500);
  assert.deepEqual(timesOf(first), [0, 1000, 1200, 1400]);
  assert.equal(state.serverStatus(0), 'DOWN');
  assert.deepEqual(events, [
    { type: 'server.down', pool: 'shop', server: 's0', sent: 'GET / with Host 10.0.0.1', found: 'fails' },
  ]);
});

test('brings a server back after enough passes, slowly', async () => {
  const { checker, timers, plan, behaviour, first, state } = checking({}, 10_000);
  behaviour.set(first, 'fails');
  checker.apply([plan]);
  await timers.turn(500);
  behaviour.set(first, 'passes');
  await timers.turn(600);
  assert.equal(state.serverStatus(0), 'DOWN', 'one pass is not enough');
  await timers.turn(200);
  assert.equal(state.serverStatus(0), 'SLOW_START');
  assert.equal(state.words[state.serverAt(0) + SERVER.effectiveWeight], 26);
});

test('counts a check that takes longer than its timeout as failed, and says so', async () => {
  const { checker, timers, plan, behaviour, first, events } = checking();
  behaviour.set(first, 'hangs');
  checker.apply([plan]);
  await timers.turn(300);
  assert.deepEqual(
    events.map((event) => (event.type === 'server.down' ? event.found : event.type)),
    ['no answer within 300 ms'],
  );
});

test('spreads intervals by the jitter asked for, both ways', async () => {
  for (const [random, expected] of [
    [0, 800],
    [0.999, 1200],
  ] as const) {
    const { checker, timers, plan } = checking({ jitter: 0.2 }, 0, random);
    checker.apply([plan]);
    await timers.turn(0);
    assert.ok(Math.abs(timers.nextIn - expected) <= 1, `next check in ${timers.nextIn}`);
  }
});

test('keeps the verdict and the schedule of a server that stays through a reload', async () => {
  const { checker, timers, plan, behaviour, first, state, timesOf } = checking();
  behaviour.set(first, 'fails');
  checker.apply([plan]);
  await timers.turn(400);
  checker.apply([{ ...plan, healthCheck: { ...OPTIONS, intervalMs: 2000 } }]);
  await timers.turn(3000);
  assert.equal(state.serverStatus(0), 'DOWN');
  assert.deepEqual(timesOf(first), [0, 1000, 3000], 'the running interval ends as it began, the next is the new one');
});

test('checks no more what a reload took out, also when a check is under way', async () => {
  const { checker, timers, plan, behaviour, first, second, timesOf, state, events } = checking();
  behaviour.set(first, 'hangs');
  checker.apply([plan]);
  checker.apply([{ ...plan, servers: plan.servers.slice(1) }]);
  await checker.firstRound();
  await timers.turn(2500);
  assert.deepEqual([timesOf(first), timesOf(second)], [[0], [0, 1000, 2000]]);
  assert.equal(state.gate(0), GATE.UNCHECKED);
  assert.deepEqual(events, [], 'that a server is well at the start is no news');
});

test('checks a server that a reload adds at once', async () => {
  const { checker, timers, plan, second, timesOf } = checking();
  checker.apply([{ ...plan, servers: plan.servers.slice(0, 1) }]);
  await timers.turn(500);
  checker.apply([plan]);
  assert.deepEqual(timesOf(second), [500]);
});

test('leaves nothing running when stopped', async () => {
  const { checker, timers, plan, behaviour, first } = checking();
  behaviour.set(first, 'hangs');
  checker.apply([plan]);
  await timers.turn(100);
  checker.stop();
  assert.equal(timers.pending, 0);
});

/** Ejects the first server as the worker does that sees the last failure, and lets the primary see it, 100 ms later. */
async function eject({ plan, state, ticker, checker, timers }: ReturnType<typeof checking>): Promise<void> {
  const reports = new OutlierReports(plan, state);
  for (let i = 0; i < plan.outlier!.failures; i++) reports.report(0, RESULT.FAILURE);
  ticker.apply([plan]);
  await timers.turn(100);
  ticker.tick(timers.now());
  checker.hurry(0);
}

test('ends the ejection of a server that passes as many checks in a row as bring back one that is down', async () => {
  const made = checking({ intervalMs: 5000, healthyThreshold: 3 });
  const { checker, timers, plan, state, timesOf, first, events } = made;
  checker.apply([plan]);
  await timers.turn(0);
  await eject(made);
  assert.equal(state.serverStatus(0), 'EJECTED');
  await timers.turn(599);
  assert.equal(state.serverStatus(0), 'EJECTED', 'two passes are not enough');
  await timers.turn(1);
  assert.equal(state.serverStatus(0), 'UP');
  assert.equal(state.words[state.poolAt(plan.slot) + POOL.ejected], 0);
  await timers.turn(5000);
  assert.deepEqual(timesOf(first), [0, 300, 500, 700, 5700], 'the interval is the long one again');
  assert.deepEqual(events, [{ type: 'server.returned', pool: 'shop', server: 's0', checksPassed: 3 }]);
});

test('leaves a server ejected for its time that failed again right after its checks had brought it back', async () => {
  const made = checking({ intervalMs: 5000, healthyThreshold: 1 });
  const { checker, timers, plan, state, events } = made;
  checker.apply([plan]);
  await timers.turn(0);
  await eject(made);
  await timers.turn(500);
  assert.equal(state.serverStatus(0), 'UP');
  await eject(made);
  await timers.turn(2000);
  assert.equal(state.serverStatus(0), 'EJECTED');
  assert.equal(events.length, 1);
});

test('leaves a server ejected whose checks fail now and then', async () => {
  const made = checking({ intervalMs: 5000 });
  const { checker, timers, plan, state, behaviour, first } = made;
  checker.apply([plan]);
  await timers.turn(0);
  await eject(made);
  for (let i = 0; i < 5; i++) {
    behaviour.set(first, i % 2 === 0 ? 'passes' : 'fails');
    await timers.turn(200);
  }
  assert.equal(state.serverStatus(0), 'EJECTED');
});

test('counts no check for an ejected server that began before the ejection', async () => {
  const made = checking({ healthyThreshold: 1 });
  const { checker, timers, plan, state, behaviour, first } = made;
  checker.apply([plan]);
  await timers.turn(0);
  behaviour.set(first, 'hangs');
  await timers.turn(1000);
  await eject(made);
  behaviour.set(first, 'passes');
  await timers.turn(100);
  assert.equal(state.serverStatus(0), 'EJECTED');
  await timers.turn(400);
  assert.equal(state.serverStatus(0), 'UP');
});
