// What every balancer promises, whatever its algorithm. Each balancer's test runs this suite and adds its own.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { createBalancer } from '../../../src/balance/balancer.js';
import type { BalanceKind } from '../../../src/balance/options.js';
import { GATE, SERVER } from '../../../src/balance/server-state.js';
import { ALL_BUSY, Attempted, NO_SERVER } from '../../../src/balance/view.js';
import { chiSquared, chiSquaredLimit, keys, type PoolWish, pool, type TestPool } from './fixtures.js';

/** Makes `picks` picks with fresh keys and counts them by server. */
export function spread({ plan, state }: TestPool, picks: number, seed = 1): number[] {
  const balancer = createBalancer(plan, state, seed);
  const next = keys(seed);
  const attempted = new Attempted();
  const counts = Array<number>(state.capacity.servers).fill(0);
  for (let i = 0; i < picks; i++) counts[balancer.pick(next(), attempted)]! += 1;
  return counts.slice(0, plan.servers.length);
}

/** The same from four threads at once over one shared state, each holding 31 requests in flight. */
export async function spreadOverWorkers({ plan, buffer }: TestPool, picks: number): Promise<number[]> {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const script = new URL('./picks.worker.ts', import.meta.url);
  const threads = [0, 1, 2, 3].map(
    (worker) =>
      new Promise<number[]>((resolve, reject) => {
        // A .ts worker needs the loader again: it is not inherited by URL imports on every Node version.
        const boot = `import('tsx/esm/api').then((t) => { t.register(); return import(${JSON.stringify(script.href)}); })`;
        const thread = new Worker(boot, { eval: true, workerData: { plan, buffer, worker, picks, gate } });
        thread.once('message', resolve);
        thread.once('error', reject);
      }),
  );
  const counts = await Promise.all(threads);
  return plan.servers.map((_, i) => counts.reduce((sum, of) => sum + of[i]!, 0));
}

export function balanceCases(kind: BalanceKind): void {
  const make = (wish: PoolWish = {}) => pool({ ...wish, kind });
  const NONE = new Attempted();

  describe(`every balancer: ${kind}`, () => {
    test('spreads evenly over equal servers', () => {
      const counts = spread(make({ weights: [1, 1, 1, 1, 1] }), 20_000);
      assert.ok(chiSquared(counts, [1, 1, 1, 1, 1]) < chiSquaredLimit(5) * 3, `spread was ${counts}`);
    });

    test('spreads evenly over servers that stay, though others come and go between any three picks', () => {
      const made = make({ weights: [1, 1, 1, 1, 1, 1] });
      const { membership, state } = made;
      const servers = made.plan.servers;
      const next = keys(7);
      const counts = Array<number>(state.capacity.servers).fill(0);
      let balancer = createBalancer(made.plan, state, 0);
      for (let round = 0; round < 2000; round++) {
        const plan = membership.place({ ...made.plan, servers: round % 2 === 0 ? servers.slice(0, 5) : servers });
        balancer = createBalancer(plan, state, 0, balancer);
        for (let picks = 0; picks < 3; picks++) counts[balancer.pick(next(), NONE)]! += 1;
        membership.collect();
      }
      const stayed = counts.slice(0, 5);
      const total = stayed.reduce((a, b) => a + b, 0);
      assert.ok(
        stayed.every((count) => count > total / 7 && count < total / 3),
        `spread was ${counts.slice(0, 8)}`,
      );
    });

    test('spreads by weight', () => {
      const weights = [5, 1, 3, 1];
      const counts = spread(make({ weights }), 20_000);
      assert.ok(chiSquared(counts, weights) < chiSquaredLimit(4) * 3, `spread was ${counts} for weights ${weights}`);
    });

    test('spreads by weight over four workers together', async () => {
      const weights = [4, 2, 1, 1];
      const made = make({ weights });
      const counts = await spreadOverWorkers(made, 20_000);
      const total = counts.reduce((a, b) => a + b, 0);
      assert.equal(total, 80_000);
      // Two at random only level what they draw, so they come less close than those who look at everybody.
      const slack = kind === 'random' ? 0.25 : 0.1;
      for (const [i, count] of counts.entries()) {
        const due = (total * weights[i]!) / 8;
        assert.ok(Math.abs(count - due) < due * slack, `spread was ${counts} for weights ${weights}`);
      }
      assert.deepEqual(
        made.plan.servers.map((s) => made.state.inFlight(s.index)),
        [0, 0, 0, 0],
        'every request that began has ended',
      );
    });

    test('never picks a closed server, whatever closed it', () => {
      for (const bit of [GATE.DOWN, GATE.EJECTED, GATE.UNCHECKED, GATE.DRAINING]) {
        const made = make({ weights: [1, 1, 1] });
        made.state.closeGate(1, bit);
        assert.equal(spread(made, 3000)[1], 0);
      }
    });

    test('follows a gate that closes and opens between picks', () => {
      const { plan, state } = make({ weights: [1, 1] });
      const balancer = createBalancer(plan, state, 0);
      const next = keys(7);
      const seen = () => new Set(Array.from({ length: 200 }, () => balancer.pick(next(), NONE)));
      assert.deepEqual([...seen()].sort(), [0, 1]);
      state.closeGate(0, GATE.DOWN);
      assert.deepEqual([...seen()], [1]);
      state.openGate(0, GATE.DOWN);
      assert.deepEqual([...seen()].sort(), [0, 1]);
    });

    test('never picks a server twice for one request, and says so when all were tried', () => {
      const { plan, state } = make({ weights: [3, 1, 1, 2] });
      const balancer = createBalancer(plan, state, 0);
      const next = keys(3);
      const attempted = new Attempted();
      for (let request = 0; request < 200; request++) {
        attempted.clear();
        const key = next();
        for (let i = 0; i < 4; i++) {
          const server = balancer.pick(key, attempted);
          assert.ok(server >= 0 && !attempted.has(server));
          attempted.add(server);
        }
        assert.equal(balancer.pick(key, attempted), NO_SERVER);
      }
    });

    test('says that nobody is open', () => {
      const { plan, state } = make({ weights: [1, 1] });
      state.closeGate(0, GATE.DOWN);
      state.closeGate(1, GATE.DRAINING);
      assert.equal(createBalancer(plan, state, 0).pick(1, NONE), NO_SERVER);
    });

    test('asks an ejected server rather than nobody, once every open one was tried', () => {
      const { plan, state } = make({ weights: [1, 1, 1] });
      const balancer = createBalancer(plan, state, 0);
      state.closeGate(0, GATE.DOWN);
      state.closeGate(1, GATE.EJECTED);
      const attempted = new Attempted();
      assert.equal(balancer.pick(1, attempted), 2);
      attempted.add(2);
      assert.equal(balancer.pick(1, attempted), 1);
      attempted.add(1);
      assert.equal(balancer.pick(1, attempted), NO_SERVER);
      state.closeGate(2, GATE.DOWN);
      assert.equal(createBalancer(plan, state, 0).pick(1, NONE), 1, 'the only one that is not known to be down');
    });

    test('tries anyway in panic, but never a draining server', () => {
      const made = make({ weights: [1, 1, 1], panic: 'try' });
      made.state.closeGate(0, GATE.DOWN);
      made.state.closeGate(1, GATE.EJECTED);
      made.state.closeGate(2, GATE.DRAINING);
      const counts = spread(made, 1000);
      assert.ok(counts[0]! > 0 && counts[1]! > 0);
      assert.equal(counts[2], 0);
    });

    test('leaves backups alone while another server is open, and uses them when none is', () => {
      const made = make({ weights: [1, 1], backups: 2 });
      assert.deepEqual(spread(made, 1000).slice(2), [0, 0]);
      made.state.closeGate(0, GATE.DOWN);
      assert.equal(spread(made, 1000)[1], 1000);
      made.state.closeGate(1, GATE.DOWN);
      const counts = spread(made, 1000);
      assert.deepEqual(counts.slice(0, 2), [0, 0]);
      assert.ok(counts[2]! > 300 && counts[3]! > 300, `spread was ${counts}`);
    });

    test('turns a retry to a backup once every other server was tried', () => {
      const { plan, state } = make({ weights: [1], backups: 1 });
      const attempted = new Attempted();
      attempted.add(0);
      assert.equal(createBalancer(plan, state, 0).pick(5, attempted), 1);
    });

    test('passes by a full server, and says busy when all are full', () => {
      const { plan, state } = make({ weights: [1, 1], limits: { serverRequestsMax: 2 } });
      const balancer = createBalancer(plan, state, 0);
      const next = keys(11);
      for (let i = 0; i < 4; i++) {
        const server = balancer.pick(next(), NONE);
        assert.ok(server >= 0 && state.requestBegins(server));
      }
      assert.deepEqual([state.inFlight(0), state.inFlight(1)], [2, 2]);
      assert.equal(balancer.pick(next(), NONE), ALL_BUSY);
      assert.equal(state.requestBegins(0), false);
      state.requestEnds(1);
      assert.equal(balancer.pick(next(), NONE), 1);
    });

    test('does not wait for a full server that was tried already', () => {
      const { plan, state } = make({ weights: [1], limits: { serverRequestsMax: 1 } });
      const attempted = new Attempted();
      attempted.add(0);
      state.requestBegins(0);
      assert.equal(createBalancer(plan, state, 0).pick(1, attempted), NO_SERVER);
    });

    test('gives a slowly starting server its present share', () => {
      if (kind === 'consistent-hash' || kind === 'ip-hash') return; // a key has one home, however young
      const made = make({ weights: [1, 1] });
      made.state.words[made.state.serverAt(1) + SERVER.effectiveWeight] = 64; // a quarter
      made.state.changed(made.plan.slot);
      const counts = spread(made, 10_000);
      assert.ok(Math.abs(counts[1]! - 2000) < 250, `spread was ${counts}`);
    });

    test('picks from a pool without servers nobody, and does not fail', () => {
      const { plan, state } = make({ weights: [] });
      assert.equal(createBalancer(plan, state, 0).pick(1, NONE), NO_SERVER);
    });

    test('picks the only server every time', () => {
      assert.deepEqual(spread(make({ weights: [7] }), 100), [100]);
    });

    test('spreads over a thousand servers and misses none', () => {
      const made = make({ weights: Array<number>(1000).fill(1) });
      const counts = spread(made, 50_000);
      assert.ok(Math.min(...counts) > 0);
      assert.ok(Math.max(...counts) < 150, `the busiest of a thousand got ${Math.max(...counts)} of 50000`);
    });
  });
}
