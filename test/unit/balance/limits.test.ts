import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Breaker } from '../../../src/balance/limits.js';
import { ServerState } from '../../../src/balance/server-state.js';
import { pool } from './fixtures.js';

test('lets no more requests into a pool than its breaker holds, over all workers', () => {
  const { plan, state, buffer } = pool({ limits: { poolRequestsMax: 3 } });
  const here = new Breaker(plan, state);
  const there = new Breaker(plan, new ServerState(buffer, 1));
  assert.deepEqual(
    [here.enters(), there.enters(), here.enters(), there.enters(), here.enters()],
    [true, true, true, false, false],
  );
  here.leaves();
  assert.equal(there.enters(), true);
});

test('holds nobody up without a limit', () => {
  const { plan, state } = pool();
  const breaker = new Breaker(plan, state);
  for (let i = 0; i < 1000; i++) assert.equal(breaker.enters(), true);
  breaker.leaves();
});

test('gives back what a dead worker had in flight', () => {
  const { plan, buffer, state } = pool({ limits: { poolRequestsMax: 2 } });
  const dying = new Breaker(plan, new ServerState(buffer, 2));
  dying.enters();
  dying.enters();
  assert.equal(new Breaker(plan, state).enters(), false);
  new ServerState(buffer).forgetWorker(2);
  assert.equal(new Breaker(plan, state).enters(), true);
});

test('counts on what another plan of the pool has let in, also beyond its own limit', () => {
  const { plan, state } = pool({ limits: { poolRequestsMax: 3 } });
  const before = new Breaker(plan, state);
  const after = new Breaker({ ...plan, limits: { ...plan.limits, poolRequestsMax: 1 } }, state);
  for (let i = 0; i < 3; i++) {
    assert.equal(before.enters(), true);
    before.leaves();
    after.joins();
  }
  assert.equal(after.enters(), false);
  for (let i = 0; i < 3; i++) after.leaves();
  assert.equal(after.enters(), true);
});
