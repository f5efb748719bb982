// What the primary remembers of pools: as long as a configuration has them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createServerState, ServerState } from '../../../src/balance/server-state.js';
import { checkValue } from '../../../src/config/load.js';
import { PoolWatch } from '../../../src/primary/pool-watch.js';

const configOf = (...pools: string[]) =>
  checkValue({
    listeners: [{ address: '127.0.0.1:1' }],
    routes: [{ rules: [{ matches: [{ path: { value: '/' } }], pool: pools[0] }] }],
    pools: Object.fromEntries(pools.map((name) => [name, { servers: [{ address: '127.0.0.1:1' }] }])),
  }).config;

test('the servers of a pool are forgotten once a configuration without it is applied, and not before', async (t) => {
  const state = new ServerState(createServerState({ workers: 1 }));
  const watch = new PoolWatch({ state, emit: () => {}, onMoved: () => {}, onTick: () => {} });
  t.after(() => watch.stop());
  await watch.resolve(configOf('stays', 'goes'));
  assert.equal(watch.servers('goes').length, 1);
  await watch.resolve(configOf('stays'));
  assert.equal(watch.servers('goes').length, 1, 'the configuration may still be refused');
  watch.apply([]);
  assert.deepEqual([watch.servers('stays').length, watch.servers('goes').length], [0, 0]);
});
