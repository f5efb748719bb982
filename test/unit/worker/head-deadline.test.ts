// From which moment a request head is due: counted in settings of the deadline, not in time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { start as startAnswers } from '../../origins/answers.js';
import { statusOf } from '../../support/messages.js';
import { use } from '../../support/proxy.js';
import { get, WireClient } from '../../support/wire-client.js';
import { useWorker } from './one-worker.js';

test('the clock of a first head starts as the connection is accepted, and not again with its first byte', async (t) => {
  const origin = await use(t, startAnswers());
  const { worker, place } = useWorker(t, {
    routes: [{ rules: [{ pool: 'main' }] }],
    pools: { main: { servers: [{ address: origin.address }] } },
    timeouts: { requestHead: '12s' },
  });
  let started = 0;
  const set = worker.deadlines.set.bind(worker.deadlines);
  worker.deadlines.set = (slot, ticks, expires) => {
    if (ticks === worker.ticks.requestHead) started++;
    set(slot, ticks, expires);
  };
  const client = await WireClient.connect(place);
  for (const request of [1, 2]) {
    const text = get(`/${request}`);
    await client.send(text.slice(0, 20));
    while (worker.llhttp.used === 0) await setImmediate();
    assert.equal(started, request, 'once for the connection, once for the second head');
    await client.send(text.slice(20));
    assert.equal(statusOf(await client.response()), 200);
    client.forget();
  }
  client.close();
});
