import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createServerState, GATE, POOL, SERVER, ServerState, SLICE } from '../../../src/balance/server-state.js';
import { pool } from './fixtures.js';

test('starts with every slot free', () => {
  const state = new ServerState(createServerState({ servers: 3, pools: 2, workers: 2 }));
  assert.deepEqual(
    [0, 1, 2].map((s) => state.serverStatus(s)),
    ['GONE', 'GONE', 'GONE'],
  );
});

test('keeps what workers write on other cache lines than what picks read', () => {
  const lineOf = (word: number) => Math.floor(word / 16);
  assert.notEqual(lineOf(SERVER.gate), lineOf(SERVER.inFlight));
  assert.equal(SERVER.WORDS % 16, 0);
  assert.equal(POOL.WORDS % 16, 0);
  assert.equal(SLICE.WORDS % 16, 0);
});

test('gives every word of every record a place of its own', () => {
  const state = new ServerState(createServerState({ servers: 3, pools: 2, workers: 2 }));
  const starts = [
    ...[0, 1].map((p) => [state.poolAt(p), POOL.WORDS] as const),
    ...[0, 1, 2].map((s) => [state.serverAt(s), SERVER.WORDS] as const),
    ...[0, 1].flatMap((w) => [0, 1].map((p) => [state.sliceAt(w, p), SLICE.WORDS] as const)),
  ].sort((a, b) => a[0] - b[0]);
  for (let i = 1; i < starts.length; i++) assert.ok(starts[i]![0] >= starts[i - 1]![0] + starts[i - 1]![1]);
  for (const record of [SERVER, POOL, SLICE]) {
    const { WORDS, ...words } = record;
    const places = Object.values(words);
    assert.equal(new Set(places).size, places.length);
    assert.ok(Math.max(...places) < WORDS);
  }
});

test('names the strongest reason to stay away from a server', () => {
  const { state } = pool({ weights: [1] });
  assert.equal(state.serverStatus(0), 'UP');
  state.closeGate(0, GATE.UNCHECKED);
  assert.equal(state.serverStatus(0), 'UNCHECKED');
  state.closeGate(0, GATE.EJECTED);
  assert.equal(state.serverStatus(0), 'EJECTED');
  state.closeGate(0, GATE.DOWN);
  assert.equal(state.serverStatus(0), 'DOWN');
  state.closeGate(0, GATE.DRAINING);
  assert.equal(state.serverStatus(0), 'DRAINING');
  state.openGate(0, GATE.DRAINING | GATE.DOWN);
  assert.equal(state.serverStatus(0), 'EJECTED', 'a reason that still holds shows when a stronger one goes');
});

test('says who closed a gate first, and moves the version only then', () => {
  const { state, plan } = pool({ weights: [1] });
  const version = () => state.words[state.poolAt(plan.slot) + POOL.version]!;
  const before = version();
  assert.equal(state.closeGate(0, GATE.DOWN), true);
  assert.equal(state.closeGate(0, GATE.DOWN), false);
  assert.equal(state.openGate(0, GATE.DOWN), true);
  assert.equal(state.openGate(0, GATE.DOWN), false);
  assert.equal(version(), before + 2);
});

test('never counts a request beyond the limit, be it one of requests or of connections in use', () => {
  for (const limits of [
    { serverRequestsMax: 2 },
    { serverConnectionsMax: 2 },
    { serverRequestsMax: 2, serverConnectionsMax: 9 },
    { serverRequestsMax: 9, serverConnectionsMax: 2 },
  ]) {
    const { state } = pool({ weights: [1], limits });
    assert.deepEqual([state.requestBegins(0), state.requestBegins(0), state.requestBegins(0)], [true, true, false]);
    state.requestEnds(0);
    assert.equal(state.requestBegins(0), true);
  }
});

test('forgets what a dead worker had open, and only that', () => {
  const { state, buffer } = pool({ weights: [1, 1] });
  const other = new ServerState(buffer, 1);
  const primary = new ServerState(buffer);
  state.requestBegins(0);
  for (let i = 0; i < 5; i++) other.requestBegins(0);
  other.connectionOpens(1);
  primary.connectionOpens(1);
  primary.forgetWorker(1);
  assert.deepEqual([state.inFlight(0), state.connections(1)], [1, 1]);
  primary.forgetWorker(1);
  assert.deepEqual([state.inFlight(0), state.connections(1)], [1, 1], 'once is enough');
});

test('refuses a buffer of another layout, a worker too many, and a capacity that is none', () => {
  assert.throws(() => new ServerState(new SharedArrayBuffer(1024)), /does not hold this layout/);
  const buffer = createServerState({ servers: 1, pools: 1, workers: 2 });
  assert.throws(() => new ServerState(buffer, 2), /worker 2 of 2/);
  assert.throws(() => createServerState({ servers: 0, pools: 1, workers: 1 }), /capacity.servers is 0/);
});
