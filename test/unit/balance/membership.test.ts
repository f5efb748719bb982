import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Breaker } from '../../../src/balance/limits.js';
import type { UnplacedPool } from '../../../src/balance/membership.js';
import { GATE, POOL, SERVER } from '../../../src/balance/server-state.js';
import { pool } from './fixtures.js';

/** The pool with servers at these addresses, all of weight 1. */
function at(base: UnplacedPool, addresses: string[], more: Partial<UnplacedPool> = {}): UnplacedPool {
  const servers = addresses.map((address) => ({ name: address, address, weight: 1, backup: false }));
  return { ...base, servers, ...more };
}

test('keeps the slot, counts and health of a server that stays', () => {
  const { membership, plan, state } = pool({ weights: [1, 1, 1] });
  state.requestBegins(1);
  state.closeGate(1, GATE.DOWN);
  const again = membership.place(at(plan, ['10.0.0.9:80', '10.0.0.2:80'], { checked: true }));
  assert.equal(again.slot, plan.slot);
  assert.equal(again.servers[1]!.index, 1);
  assert.deepEqual([state.inFlight(1), state.serverStatus(1)], [1, 'DOWN']);
});

test('drains a server that is no longer listed and frees its slot when it is empty', () => {
  const { membership, plan, state } = pool({ weights: [1, 1] });
  state.requestBegins(0);
  membership.place(at(plan, ['10.0.0.2:80']));
  assert.equal(state.serverStatus(0), 'UP', 'workers that run the old plan may know nobody else');
  assert.deepEqual(membership.collect(), []);
  assert.equal(state.serverStatus(0), 'DRAINING');
  state.requestEnds(0);
  assert.deepEqual(membership.collect(), [0]);
  assert.equal(state.serverStatus(0), 'GONE');
});

test('starts a new server unchecked when the pool is checked, open when it is not', () => {
  const { membership, plan, state } = pool({ weights: [1] });
  const checked = membership.place(at(plan, ['10.0.0.7:80'], { name: 'checked', checked: true }));
  const plain = membership.place(at(plan, ['10.0.0.1:80', '10.0.0.8:80']));
  assert.equal(state.serverStatus(checked.servers[0]!.index), 'UNCHECKED');
  assert.equal(state.serverStatus(plain.servers[1]!.index), 'UP');
});

test('opens servers that waited for checks when the pool is no longer checked', () => {
  const { membership, plan, state } = pool({ weights: [1], checked: true });
  assert.equal(state.serverStatus(0), 'UNCHECKED');
  membership.place({ ...plan, checked: false });
  assert.equal(state.serverStatus(0), 'UP');
});

test('drains a server of weight 0, and takes it back when it gets weight', () => {
  const { membership, plan, state } = pool({ weights: [1, 0] });
  assert.equal(state.serverStatus(1), 'DRAINING');
  membership.place(at(plan, ['10.0.0.1:80', '10.0.0.2:80']));
  assert.equal(state.serverStatus(1), 'UP');
  assert.equal(state.words[state.serverAt(1) + SERVER.effectiveWeight], 256);
});

test('counts an ejected server out when it is taken out', () => {
  const { membership, plan, state } = pool({ weights: [1, 1] });
  state.closeGate(0, GATE.EJECTED);
  Atomics.add(state.words, state.poolAt(plan.slot) + POOL.ejected, 1);
  membership.place(at(plan, ['10.0.0.2:80']));
  assert.equal(state.words[state.poolAt(plan.slot) + POOL.ejected], 0);
});

test('changes nothing when the shared state has no room', () => {
  const { membership, plan, state } = pool({ weights: [1] });
  const many = Array.from({ length: 20 }, (_, i) => `10.0.1.${i}:80`);
  assert.throws(() => membership.place(at(plan, many)), /Pool shop: no room for 20 more servers/);
  assert.equal(state.serverStatus(0), 'UP');
});

test('refuses one address twice in a pool', () => {
  const { membership, plan } = pool({ weights: [1] });
  assert.throws(() => membership.place(at(plan, ['a:1', 'a:1'])), /listed twice/);
});

test('gives the slot of a pool to another one only when nothing is counted there any more', () => {
  const { membership, plan, state } = pool({ weights: [1, 1] });
  const breaker = new Breaker({ ...plan, limits: { ...plan.limits, poolRequestsMax: 9 } }, state);
  state.connectionOpens(0);
  breaker.enters();
  membership.remove(plan.name);
  const second = membership.place(at(plan, ['10.0.0.7:80'], { name: 'second' }));
  assert.notEqual(second.slot, plan.slot);
  assert.deepEqual(membership.collect(), [1]);
  const third = at(plan, ['10.0.0.8:80'], { name: 'third' });
  assert.throws(() => membership.place(third), /no room/, 'a server of it still has a connection');
  state.connectionCloses(0);
  assert.deepEqual(membership.collect(), [0]);
  assert.throws(() => membership.place(third), /no room/, 'a request is still counted');
  breaker.leaves();
  membership.collect();
  assert.equal(membership.place(third).slot, plan.slot);
});
