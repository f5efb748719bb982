import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBalancer } from '../../../src/balance/balancer.js';
import { ServerState } from '../../../src/balance/server-state.js';
import { Attempted } from '../../../src/balance/view.js';
import { balanceCases } from './balance.cases.js';
import { pool } from './fixtures.js';

balanceCases('least-requests');

const NONE = new Attempted();

test('least-requests sees the requests of other workers', () => {
  const { plan, state, buffer } = pool({ kind: 'least-requests', weights: [1, 1] });
  const elsewhere = new ServerState(buffer, 1);
  const balancer = createBalancer(plan, state, 0);
  for (let i = 0; i < 3; i++) elsewhere.requestBegins(0);
  for (let i = 0; i < 3; i++) {
    const server = balancer.pick(0, NONE);
    assert.equal(server, 1);
    state.requestBegins(server);
  }
});

test('least-requests fills servers in proportion to their weights', () => {
  const { plan, state } = pool({ kind: 'least-requests', weights: [6, 3, 1] });
  const balancer = createBalancer(plan, state, 0);
  for (let i = 0; i < 100; i++) state.requestBegins(balancer.pick(0, NONE));
  assert.deepEqual(
    [0, 1, 2].map((s) => state.inFlight(s)),
    [60, 30, 10],
  );
});

test('least-requests sends a server that stopped answering next to nothing', () => {
  for (const weights of [
    [1, 1, 1],
    [4, 2, 1],
  ]) {
    const { plan, state } = pool({ kind: 'least-requests', weights });
    const balancer = createBalancer(plan, state, 0);
    const held: number[] = [];
    let frozen = 0;
    for (let i = 0; i < 1000; i++) {
      const server = balancer.pick(0, NONE);
      state.requestBegins(server);
      if (server === 0) frozen++;
      else held.push(server);
      // The others keep eight in flight between them.
      if (held.length > 8) state.requestEnds(held.shift()!);
    }
    assert.ok(frozen <= 18, `${frozen} of 1000 requests went to the frozen server at weights ${weights}`);
  }
});
