import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBalancer } from '../../../src/balance/balancer.js';
import { keyOfAddress, keyOfBytes } from '../../../src/balance/keys.js';
import { GATE } from '../../../src/balance/server-state.js';
import { Attempted } from '../../../src/balance/view.js';
import { balanceCases } from './balance.cases.js';
import { keys, pool } from './fixtures.js';

balanceCases('consistent-hash');

const NONE = new Attempted();

test('consistent-hash sends a key to one server from every worker, after any restart', () => {
  const first = pool({ kind: 'consistent-hash', weights: [1, 2, 3] });
  const second = pool({ kind: 'consistent-hash', weights: [1, 2, 3] });
  const here = createBalancer(first.plan, first.state, 0);
  const there = createBalancer(second.plan, second.state, 3);
  const next = keys(1);
  for (let i = 0; i < 1000; i++) {
    const key = next();
    assert.equal(here.pick(key, NONE), there.pick(key, NONE));
  }
});

test('consistent-hash moves only the keys of a server that closes, spreads them over all others, and takes them back', () => {
  const { plan, state } = pool({ kind: 'consistent-hash', weights: [1, 1, 1, 1, 1] });
  const balancer = createBalancer(plan, state, 0);
  const next = keys(2);
  const sample = Array.from({ length: 10_000 }, next);
  const before = sample.map((key) => balancer.pick(key, NONE));
  state.closeGate(2, GATE.DOWN);
  const during = sample.map((key) => balancer.pick(key, NONE));
  const heirs = [0, 0, 0, 0, 0];
  for (const [i, server] of during.entries()) {
    if (before[i] === 2) heirs[server]! += 1;
    else assert.equal(server, before[i], 'a key of an open server stays');
  }
  assert.equal(heirs[2], 0);
  for (const i of [0, 1, 3, 4]) assert.ok(heirs[i]! > 400 && heirs[i]! < 600, `heirs got ${heirs}`);
  state.openGate(2, GATE.DOWN);
  assert.deepEqual(
    sample.map((key) => balancer.pick(key, NONE)),
    before,
  );
});

test('consistent-hash retries a key on the server that would inherit it', () => {
  const { plan, state } = pool({ kind: 'consistent-hash', weights: [1, 1, 1] });
  const balancer = createBalancer(plan, state, 0);
  const attempted = new Attempted();
  const home = balancer.pick(42, NONE);
  attempted.add(home);
  const retry = balancer.pick(42, attempted);
  state.closeGate(home, GATE.DOWN);
  assert.equal(balancer.pick(42, NONE), retry);
});

test('keys of similar bytes differ in every bit about half of the time', () => {
  const flips = Array<number>(32).fill(0);
  for (let i = 0; i < 4096; i++) {
    const bytes = Buffer.from(`user-${i}`);
    const a = keyOfBytes(bytes, 0, bytes.length);
    bytes[bytes.length - 1]! ^= 1;
    const b = keyOfBytes(bytes, 0, bytes.length);
    for (let bit = 0; bit < 32; bit++) flips[bit]! += ((a ^ b) >>> bit) & 1;
  }
  for (const flipped of flips) assert.ok(Math.abs(flipped - 2048) < 200, `bits flipped ${flips}`);
});

test('keys of an IPv6 address leave out the half that a host changes at will', () => {
  const address = Buffer.from('20010db8000100020003000400050006', 'hex');
  const other = Buffer.from('20010db800010002ffffffffffffffff', 'hex');
  const elsewhere = Buffer.from('20010db8000100030003000400050006', 'hex');
  assert.equal(keyOfAddress(address, 0, 16), keyOfAddress(other, 0, 16));
  assert.notEqual(keyOfAddress(address, 0, 16), keyOfAddress(elsewhere, 0, 16));
  assert.notEqual(keyOfAddress(Buffer.from([10, 0, 0, 1]), 0, 4), keyOfAddress(Buffer.from([10, 0, 0, 2]), 0, 4));
});
