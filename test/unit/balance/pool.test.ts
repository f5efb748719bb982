import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SESSION_DEFAULTS } from '../../../src/balance/options.js';
import { Pool } from '../../../src/balance/pool.js';
import { GATE } from '../../../src/balance/server-state.js';
import { NO_SESSION } from '../../../src/balance/session.js';
import { ALL_BUSY, Attempted, NO_SERVER } from '../../../src/balance/view.js';
import { pool } from './fixtures.js';

const NONE = new Attempted();

test('sends a sticky request where it was and any other where the balancer says, and counts both', () => {
  const { plan, state } = pool({ session: SESSION_DEFAULTS });
  const shop = new Pool<string>(plan, state);
  for (let i = 0; i < 6; i++) assert.equal(shop.begin(2, 0, NONE), 2);
  assert.deepEqual([shop.begin(NO_SESSION, 0, NONE), shop.begin(NO_SESSION, 0, NONE)].sort(), [0, 1]);
  assert.deepEqual(
    [0, 1, 2].map((s) => state.inFlight(s)),
    [1, 1, 6],
  );
});

test('sends a sticky request elsewhere when its server is down', () => {
  const { plan, state } = pool({ session: SESSION_DEFAULTS });
  state.closeGate(2, GATE.DOWN);
  assert.notEqual(new Pool<string>(plan, state).begin(2, 0, NONE), 2);
});

test('says busy when every place is taken and nobody when every server is closed, and counts neither', () => {
  const { plan, state } = pool({ weights: [1, 1], limits: { serverRequestsMax: 1 } });
  const shop = new Pool<string>(plan, state);
  assert.deepEqual([shop.begin(-1, 0, NONE), shop.begin(-1, 0, NONE), shop.begin(-1, 0, NONE)], [0, 1, ALL_BUSY]);
  state.closeGate(0, GATE.DOWN);
  state.closeGate(1, GATE.DOWN);
  assert.equal(shop.begin(-1, 0, NONE), NO_SERVER);
  assert.deepEqual([state.inFlight(0), state.inFlight(1)], [1, 1]);
});
