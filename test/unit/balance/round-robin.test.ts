import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBalancer } from '../../../src/balance/balancer.js';
import { GATE } from '../../../src/balance/server-state.js';
import { Attempted } from '../../../src/balance/view.js';
import { balanceCases, spread } from './balance.cases.js';
import { pool } from './fixtures.js';

balanceCases('round-robin');

function order(weights: number[], picks: number, seed = 0): string {
  const { plan, state } = pool({ weights });
  const balancer = createBalancer(plan, state, seed);
  const attempted = new Attempted();
  return Array.from({ length: picks }, () => 'abcdefg'[balancer.pick(0, attempted)]).join('');
}

test('round-robin takes equal servers in turn', () => {
  assert.equal(order([1, 1, 1], 7), 'abcabca');
});

test('round-robin with another seed starts elsewhere in the same round', () => {
  assert.equal(order([2, 2, 2], 6, 1), 'bcabca');
  assert.equal(order([5, 1, 1], 7, 2), 'bacaaaa');
});

test('round-robin interleaves a heavy server smoothly', () => {
  assert.equal(order([5, 1, 1], 14), 'aabacaaaabacaa');
});

test('round-robin hits the weights exactly in every full round', () => {
  assert.deepEqual(spread(pool({ weights: [5, 3, 2] }), 1000), [500, 300, 200]);
});

test('round-robin goes on with its turn when a server leaves and comes back', () => {
  const { plan, state } = pool({ weights: [1, 1, 1] });
  const balancer = createBalancer(plan, state, 0);
  const attempted = new Attempted();
  let picked = '';
  for (let i = 0; i < 10; i++) {
    if (i === 3) state.closeGate(1, GATE.DOWN);
    if (i === 7) state.openGate(1, GATE.DOWN);
    picked += 'abc'[balancer.pick(0, attempted)];
  }
  assert.equal(picked, 'abc' + 'acac' + 'cab');
});

test('round-robin keeps the weights in a pool too large to look at every server', () => {
  const weights = Array.from({ length: 100 }, (_, i) => 1 + (i % 4));
  const counts = spread(pool({ weights }), 25_000);
  for (const [i, count] of counts.entries())
    assert.ok(Math.abs(count - 100 * weights[i]!) <= 6, `server ${i} of weight ${weights[i]} got ${count} of 25000`);
});
