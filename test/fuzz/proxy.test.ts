// Runs the siege of a real proxy for a while, and proves on a proxy that passes everything on that it would be found out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { use, useProxy } from '../support/proxy.js';
import { eachSeed, firstSeed } from './duration.js';
import { fuzzRound, startOrigin, TIMEOUTS } from './proxy.js';
import { Random } from './random.js';

test('mutated requests and answers do not get through, crash anything, or leave anything behind', async (t) => {
  let random = new Random(firstSeed);
  const origin = await use(
    t,
    startOrigin(() => random),
  );
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: TIMEOUTS });
  const ran = await eachSeed(async (seed) => {
    random = new Random(seed);
    await fuzzRound(proxy, origin, seed);
  });
  t.diagnostic(`${ran} rounds from seed ${firstSeed}`);
  const zero = ['clientConnections', 'chunksUsed', 'parsersUsed', 'spansQueued', 'bytesQueued'] as const;
  await proxy.countersUntil('back to nothing', (counters) => zero.every((name) => counters[name] === 0));
});

test('the target finds a proxy that passes on what it does not understand', async (t) => {
  const random = new Random(1);
  const origin = await use(
    t,
    startOrigin(() => random),
  );
  const proxy = await useProxy(t, {
    servers: [origin.address],
    listeners: [{ protocol: 'tcp', pool: 'main' }],
    timeouts: TIMEOUTS,
  });
  await assert.rejects(fuzzRound(proxy, origin, 1), /no request/);
});
