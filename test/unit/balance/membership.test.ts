import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Breaker } from '../../../src/balance/limits.js';
import type { UnplacedPool } from '../../../src/balance/membership.js';
import { GATE, POOL, SERVER, SERVERS_MAX, ServerState, SLICE } from '../../../src/balance/server-state.js';
import { endpointOf } from '../../support/endpoints.js';
import { pool } from './fixtures.js';

/** The pool with servers at these addresses, all of weight 1. */
function at(base: UnplacedPool, addresses: string[], more: Partial<UnplacedPool> = {}): UnplacedPool {
  const servers = addresses.map((address) => ({
    name: address,
    address,
    endpoint: endpointOf(address),
    weight: 1,
    backup: false,
  }));
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

test('has room for servers and pools that were not there at the start', () => {
  const { membership, plan, state, buffer } = pool({ weights: [1] });
  const worker = new ServerState(buffer, 1);
  state.requestBegins(0);
  const names = Array.from({ length: 400 }, (_, i) => `pool ${i}`);
  const plans = names.map((name, i) =>
    membership.place(at(plan, [`10.0.1.1:${i + 1}`, `10.0.2.1:${i + 1}`], { name })),
  );
  assert.equal(new Set([plan, ...plans].map(({ slot }) => slot)).size, 401);
  const indexes = [plan, ...plans].flatMap(({ servers }) => servers.map(({ index }) => index));
  assert.equal(new Set(indexes).size, 801);
  worker.refresh();
  assert.ok(indexes.every((index) => worker.serverStatus(index) === 'UP'));
  assert.equal(worker.inFlight(0), 1);
});

test('places none of several pools when they do not all fit', () => {
  const { membership, plan, state } = pool({ weights: [1], serversMax: 4, poolsMax: 3 });
  const version = state.words[state.poolAt(plan.slot) + POOL.version];
  const fits = at(plan, ['10.0.0.2:80', '10.0.0.3:80']);
  const more = at(plan, ['10.0.1.1:80', '10.0.1.2:80'], { name: 'more' });
  assert.throws(
    () => membership.makeRoom([fits, more]),
    /come to 5 servers in 2 pools.*expected at most 4 servers and 3 pools/,
  );
  const named = ['a', 'b', 'c'].map((name) => at(plan, [], { name }));
  assert.throws(() => membership.makeRoom([plan, ...named]), /come to 1 servers in 4 pools/);
  assert.throws(() => membership.makeRoom([fits, at(plan, ['a:1', 'a:1'], { name: 'more' })]), /a:1 is listed twice/);
  const heavy = { ...more, servers: more.servers.map((server) => ({ ...server, weight: 1001 })) };
  assert.throws(() => membership.makeRoom([fits, heavy]), /Pool more, 10.0.1.1:80: weight 1001, expected 0 to 1000/);
  assert.equal(state.words[state.poolAt(plan.slot) + POOL.version], version);
  assert.equal(state.serverStatus(0), 'UP');
});

test('holds as many servers as one process may have, and says so beyond', () => {
  const { membership, plan } = pool({ weights: [] });
  const addresses = Array.from({ length: SERVERS_MAX + 1 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:80`);
  assert.throws(
    () => membership.place(at(plan, addresses)),
    /65537 servers in 1 pools.*at most 65536 servers and 16384 pools/,
  );
  const { servers } = membership.place(at(plan, addresses.slice(1)));
  assert.equal(new Set(servers.map(({ index }) => index)).size, SERVERS_MAX);
});

test('refuses one address twice in a pool', () => {
  const { membership, plan } = pool({ weights: [1] });
  assert.throws(() => membership.place(at(plan, ['a:1', 'a:1'])), /listed twice/);
});

test('gives the slot of a pool to another one only when nothing is counted there any more', () => {
  const { membership, plan, state } = pool({ weights: [1, 1], poolsMax: 2 });
  const breaker = new Breaker({ ...plan, limits: { ...plan.limits, poolRequestsMax: 9 } }, state);
  state.connectionOpens(0);
  breaker.enters();
  membership.remove(plan.name);
  const second = membership.place(at(plan, ['10.0.0.7:80'], { name: 'second' }));
  assert.notEqual(second.slot, plan.slot);
  assert.deepEqual(membership.collect(), [1]);
  const third = at(plan, ['10.0.0.8:80'], { name: 'third' });
  assert.throws(() => membership.place(third), /found no room/, 'a server of it still has a connection');
  state.connectionCloses(0);
  assert.deepEqual(membership.collect(), [0]);
  assert.throws(() => membership.place(third), /found no room/, 'a request is still counted');
  breaker.leaves();
  const requestsAt = state.sliceAt(0, plan.slot) + SLICE.requests;
  state.words[requestsAt] = 7;
  membership.collect();
  assert.equal(membership.place(third).slot, plan.slot);
  assert.equal(state.words[requestsAt], 0, 'requests of the pool before are not told of this one');
});
