// How much copies of requests may take: bounded in number and in time, and the limits of their pool hold for them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { start as startEarly } from '../origins/early-answer.js';
import { start as startNever } from '../origins/never-answers.js';
import { ok } from '../origins/raw.js';
import { statusOf } from '../support/messages.js';
import { type ProxySpec, type RunningProxy, standIn, use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const skip = standIn ? 'nginx stands in, and bounds no mirrors' : false;

const mirrored = (main: string, mirror: string, rest: ProxySpec = {}, pool: object = {}): ProxySpec => ({
  routes: [{ rules: [{ pool: 'main', filters: [{ type: 'RequestMirror', requestMirror: { pool: 'mirror' } }] }] }],
  pools: { main: { servers: [{ address: main }] }, mirror: { servers: [{ address: mirror }], ...pool } },
  ...rest,
});

/** Asks `count` times over one connection; every answer must be that of the main pool. */
async function askOften(proxy: RunningProxy, count: number): Promise<void> {
  const client = await WireClient.connect(proxy.place);
  for (let i = 0; i < count; i++) assert.equal(statusOf(await client.exchange(get(`/${i}`))), 200);
  client.close();
}

/** What became of copies, of the one worker. */
const copies = async (proxy: RunningProxy): Promise<object> => {
  const { mirrors, mirrored, mirrorsDropped } = (await proxy.counters())[0]!;
  return { mirrors, mirrored, mirrorsDropped };
};

test('a mirror that never answers holds no more connections than mirrorsMax, by default 128', { skip }, async (t) => {
  const main = await use(t, startAnswers());
  const mirror = await use(t, startNever());
  const proxy = await useProxy(t, mirrored(main.address, mirror.address));
  await askOften(proxy, 140);
  assert.equal(mirror.accepted, 128);
  assert.deepEqual(await copies(proxy), { mirrors: 128, mirrored: 128, mirrorsDropped: { mirrorsMax: 12 } });
  assert.equal(main.requests.length, 140);
});

test('a copy that is not answered within timeouts.mirror is closed, and makes room for the next', {
  skip,
}, async (t) => {
  const main = await use(t, startAnswers());
  const mirror = await use(t, startNever());
  const spec = mirrored(main.address, mirror.address, { limits: { mirrorsMax: 1 }, timeouts: { mirror: '200ms' } });
  const proxy = await useProxy(t, spec);
  for (const count of [1, 2]) {
    await askOften(proxy, 1);
    await mirror.until('a copy that was given up', (seen) => seen.accepted === count && seen.open === 0);
  }
  assert.deepEqual(await copies(proxy), { mirrors: 0, mirrored: 2, mirrorsDropped: { late: 2 } });
  await proxy.heldNothing();
});

for (const limit of ['poolRequestsMax', 'serverRequestsMax', 'serverConnectionsMax']) {
  test(`${limit} of the mirror's pool holds for copies: those beyond it are dropped, and do not wait`, {
    skip,
  }, async (t) => {
    const main = await use(t, startAnswers());
    const mirror = await use(t, startNever());
    const spec = mirrored(main.address, mirror.address, {}, { limits: { [limit]: 2 } });
    const proxy = await useProxy(t, spec);
    await askOften(proxy, 5);
    assert.equal(mirror.accepted, 2);
    assert.deepEqual(await copies(proxy), { mirrors: 2, mirrored: 2, mirrorsDropped: { poolLimits: 3 } });
    // What the copies took of the pool is given back with them.
    for (const { socket } of mirror.visits) socket.destroy();
    await proxy.countersUntil('no copy under way', (counters) => counters.mirrors === 0);
    await askOften(proxy, 2);
    await mirror.until('two more', (seen) => seen.accepted === 4);
  });
}

test('a copy whose client is slow to upload waits for the client, not for timeouts.mirror', { skip }, async (t) => {
  const main = await use(t, startAnswers());
  // Answers uploads, and lets everything else wait.
  const mirror = await use(
    t,
    startAnswers((request, visit) => {
      if (request.startLine.startsWith('POST')) visit.socket.write(ok('copied'));
    }),
  );
  const proxy = await useProxy(t, mirrored(main.address, mirror.address, { timeouts: { mirror: '200ms' } }));
  const client = await WireClient.connect(proxy.place);
  await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello');
  await mirror.until('the first copy', (seen) => seen.accepted === 1);
  // The pause of the client is longer than the deadline of a copy: one that began later has passed it.
  await askOften(proxy, 1);
  await mirror.until('a copy that was late', (seen) => seen.visits[1]?.closed);
  await client.send('world');
  assert.equal(statusOf(await client.response('POST')), 200);
  await mirror.until('the whole copy', (seen) => seen.requests.some(({ body }) => body === 'helloworld'));
  client.close();
});

test('mirrorsMax 0 copies nothing', { skip }, async (t) => {
  const main = await use(t, startAnswers());
  const mirror = await use(t, startNever());
  const proxy = await useProxy(t, mirrored(main.address, mirror.address, { limits: { mirrorsMax: 0 } }));
  await askOften(proxy, 3);
  assert.equal(mirror.accepted, 0);
  assert.deepEqual(await copies(proxy), { mirrors: 0, mirrored: 0, mirrorsDropped: { mirrorsMax: 3 } });
});

test('copies count in poolRequestsMax of a pool that serves clients as well', { skip }, async (t) => {
  const main = await use(t, startAnswers());
  const shared = await use(t, startNever());
  const { routes, pools } = mirrored(main.address, shared.address, {}, { limits: { poolRequestsMax: 2 } });
  const direct = { rules: [{ matches: [{ path: { value: '/direct' } }], pool: 'mirror' }] };
  const proxy = await useProxy(t, { routes: [...routes!, direct], pools: pools! });
  await askOften(proxy, 2);
  await shared.until('two copies', (seen) => seen.accepted === 2);
  assert.equal(statusOf(await ask(proxy.place, get('/direct'))), 503);
  for (const { socket } of shared.visits) socket.destroy();
  await proxy.countersUntil('no copy under way', ({ mirrors }) => mirrors === 0);
  const client = await WireClient.connect(proxy.place);
  await client.send(get('/direct'));
  await shared.until('the request of a client', (seen) => seen.accepted === 3);
  client.close();
});

test('a copy ends with its request: also when that is answered before all of its body came', { skip }, async (t) => {
  const main = await use(t, startEarly());
  const mirror = await use(t, startNever());
  const proxy = await useProxy(t, mirrored(main.address, mirror.address));
  const client = await WireClient.connect(proxy.place, { halfOpen: true });
  await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf');
  assert.equal(statusOf(await client.response('POST')), 200);
  assert.equal(await client.closed(), 'end');
  // The client is still there, and lingers.
  await mirror.until('a copy that was given up', (seen) => seen.accepted === 1 && seen.open === 0, 1500);
  await proxy.checkInvariants();
  client.close();
});
