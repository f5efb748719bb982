import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createServerState, GATE, POOL, SERVER, ServerState, SLICE } from '../../../src/balance/server-state.js';
import { pool } from './fixtures.js';

test('starts with every slot free', () => {
  const state = new ServerState(createServerState({ workers: 2 }));
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
  const state = new ServerState(createServerState({ workers: 2 }));
  state.grow(600, 130);
  const below = (count: number) => Array.from({ length: count }, (_, i) => i);
  const { servers, pools, workers } = state.capacity;
  assert.deepEqual([servers, pools], [768, 192]);
  const starts = [
    ...below(pools).map((p) => [state.poolAt(p), POOL.WORDS] as const),
    ...below(servers).map((s) => [state.serverAt(s), SERVER.WORDS] as const),
    ...below(workers).flatMap((w) => below(pools).map((p) => [state.sliceAt(w, p), SLICE.WORDS] as const)),
  ].sort((a, b) => a[0] - b[0]);
  for (let i = 1; i < starts.length; i++) assert.ok(starts[i]![0] >= starts[i - 1]![0] + starts[i - 1]![1]);
  for (const record of [SERVER, POOL, SLICE]) {
    const { WORDS, ...words } = record;
    const places = Object.values(words);
    assert.equal(new Set(places).size, places.length);
    assert.ok(Math.max(...places) < WORDS);
  }
});

test('keeps every count as it grows, also of threads that have not noticed', () => {
  const buffer = createServerState({ workers: 2 });
  const [primary, early, late] = [new ServerState(buffer), new ServerState(buffer, 0), new ServerState(buffer, 1)];
  primary.openGate(3, GATE.GONE);
  early.requestBegins(3);
  late.connectionOpens(3);
  const { words } = late;
  primary.grow(5000, 1000);
  assert.deepEqual([primary.inFlight(3), primary.connections(3), primary.serverStatus(4999)], [1, 1, 'GONE']);
  assert.equal(late.words, words, 'nothing changes under a thread that is not asked');
  late.requestBegins(3);
  early.refresh();
  assert.ok(early.capacity.servers >= 5000 && early.capacity.pools >= 1000);
  early.requestBegins(4999);
  words[late.serverAt(3) + SERVER.failuresInRow] = 7;
  assert.deepEqual([primary.inFlight(3), early.inFlight(3), primary.inFlight(4999)], [2, 2, 1]);
  assert.equal(early.words[early.serverAt(3) + SERVER.failuresInRow], 7, 'an old view is of the same memory');
  primary.forgetWorker(0);
  assert.deepEqual([primary.inFlight(3), primary.inFlight(4999), primary.connections(3)], [1, 0, 1]);
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

test('refuses a buffer of another layout, a worker too many, and a size that is none', () => {
  assert.throws(() => new ServerState(new SharedArrayBuffer(1024)), /does not hold this layout/);
  const buffer = createServerState({ workers: 2 });
  assert.throws(() => new ServerState(buffer, 2), /worker 2 of 2/);
  assert.throws(() => createServerState({ workers: 0 }), /workers is 0, expected a whole number from 1 to/);
  assert.throws(() => createServerState({ workers: 1, serversMax: 65_537 }), /serversMax is 65537, .* 1 to 65536/);
});
