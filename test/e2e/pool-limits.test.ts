// What a pool's limits do to its clients: they wait, in order, or are told to come back.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { freePlace, written } from '../support/addresses.js';
import { standIn, useProxy } from '../support/proxy.js';

const skip = standIn ? 'nginx stands in, and waits for nobody' : false;

/** An origin that answers when it is told to, and remembers what came. */
async function holding(t: TestContext) {
  const place = freePlace();
  const held: ServerResponse[] = [];
  const arrivals: string[] = [];
  const perConnection = new Map<Socket, number>();
  let most = 0;
  let wake = () => {};
  const server = createServer((request, response) => {
    arrivals.push(request.url!);
    perConnection.set(request.socket, (perConnection.get(request.socket) ?? 0) + 1);
    held.push(response);
    most = Math.max(most, held.length);
    wake();
  });
  server.listen(place.port, place.host);
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    address: written(place),
    arrivals,
    perConnection,
    most: () => most,
    /** Waits until `count` requests are held at once. */
    async holds(count: number): Promise<void> {
      while (held.length < count) await new Promise<void>((resolve) => (wake = resolve));
    },
    answerOne(): void {
      held.shift()!.end('done');
    },
    /** Answers everything that comes until `count` requests have been answered. */
    async answerAll(count: number): Promise<void> {
      for (let i = 0; i < count; i++) {
        await this.holds(1);
        this.answerOne();
      }
    },
  };
}

const statusOf = async (asked: Promise<Response>): Promise<number> => (await asked).status;

for (const workers of ['1', '3']) {
  test(`no server gets more requests at once than it may, with ${workers} workers, and nobody is forgotten`, {
    skip,
  }, async (t) => {
    const origin = await holding(t);
    const pool = { servers: [{ address: origin.address }], limits: { serverRequestsMax: 2 } };
    const proxy = await useProxy(t, { pools: { main: pool }, args: ['--workers', workers] });
    const asked = Array.from({ length: 40 }, (_, i) => statusOf(fetch(`${proxy.url}/${i}`)));
    await origin.holds(2);
    await origin.answerAll(40);
    assert.deepEqual(new Set(await Promise.all(asked)), new Set([200]));
    assert.equal(origin.most(), 2);
  });
}

test('requests that wait are served in the order they came', { skip }, async (t) => {
  const origin = await holding(t);
  const pool = { servers: [{ address: origin.address }], limits: { serverRequestsMax: 1 } };
  const proxy = await useProxy(t, { pools: { main: pool } });
  const asked: Promise<number>[] = [];
  for (let i = 0; i < 5; i++) {
    asked.push(statusOf(fetch(`${proxy.url}/${i}`)));
    if (i === 0) await origin.holds(1);
    else await proxy.countersUntil('read', (counters) => counters.requests === i + 1);
  }
  await origin.answerAll(5);
  await Promise.all(asked);
  assert.deepEqual(origin.arrivals, ['/0', '/1', '/2', '/3', '/4']);
});

test('a request that finds the queue full gets 503 and is told when to come back', { skip }, async (t) => {
  const origin = await holding(t);
  const limits = { serverRequestsMax: 1, queueMax: 1 };
  const proxy = await useProxy(t, { pools: { main: { servers: [{ address: origin.address }], limits } } });
  const first = statusOf(fetch(proxy.url));
  await origin.holds(1);
  const second = statusOf(fetch(proxy.url));
  await proxy.countersUntil('read', (counters) => counters.requests === 2);
  const third = await fetch(proxy.url);
  assert.equal(third.status, 503);
  assert.match(await third.text(), /QUEUE_FULL/);
  assert.match(third.headers.get('retry-after')!, /^[1-9]\d*$/);
  await origin.answerAll(2);
  assert.deepEqual([await first, await second], [200, 200]);
});

test('a request that waited too long gets 503, and its place is free again', { skip }, async (t) => {
  const origin = await holding(t);
  const limits = { serverRequestsMax: 1, queueMax: 1, queueTimeout: '200ms' };
  const proxy = await useProxy(t, { pools: { main: { servers: [{ address: origin.address }], limits } } });
  const first = statusOf(fetch(proxy.url));
  await origin.holds(1);
  for (let i = 0; i < 2; i++) {
    const late = await fetch(proxy.url);
    assert.equal(late.status, 503);
    assert.match(await late.text(), /QUEUE_TIMEOUT/);
  }
  await origin.answerAll(1);
  assert.equal(await first, 200);
});

test('a client that leaves while it waits makes room for the next', { skip }, async (t) => {
  const origin = await holding(t);
  const limits = { serverRequestsMax: 1, queueMax: 1 };
  const proxy = await useProxy(t, { pools: { main: { servers: [{ address: origin.address }], limits } } });
  const first = statusOf(fetch(`${proxy.url}/first`));
  await origin.holds(1);
  const leaver = new AbortController();
  const left = fetch(`${proxy.url}/left`, { signal: leaver.signal });
  await proxy.countersUntil('read', (counters) => counters.requests === 2);
  leaver.abort();
  await assert.rejects(left);
  await proxy.countersUntil('gone', (counters) => counters.clientConnections === 1);
  const next = statusOf(fetch(`${proxy.url}/next`));
  await origin.answerAll(2);
  assert.deepEqual([await first, await next], [200, 200]);
  assert.deepEqual(origin.arrivals, ['/first', '/next']);
});

test('a pool refuses at once what its circuit breaker does not let in', { skip }, async (t) => {
  const origin = await holding(t);
  const limits = { poolRequestsMax: 2 };
  const proxy = await useProxy(t, { pools: { main: { servers: [{ address: origin.address }], limits } } });
  const inside = [statusOf(fetch(proxy.url)), statusOf(fetch(proxy.url))];
  await origin.holds(2);
  const refused = await fetch(proxy.url);
  assert.equal(refused.status, 503);
  assert.match(await refused.text(), /POOL_FULL/);
  await origin.answerAll(2);
  assert.deepEqual(await Promise.all(inside), [200, 200]);
  const again = statusOf(fetch(proxy.url));
  await origin.answerAll(1);
  assert.equal(await again, 200);
});

test('a backend connection is closed after the requests it may carry', { skip }, async (t) => {
  const origin = await holding(t);
  const limits = { connectionRequestsMax: 3 };
  const proxy = await useProxy(t, { pools: { main: { servers: [{ address: origin.address }], limits } } });
  for (let i = 0; i < 7; i++) {
    const asked = statusOf(fetch(proxy.url));
    await origin.answerAll(1);
    assert.equal(await asked, 200);
  }
  assert.deepEqual([...origin.perConnection.values()], [3, 3, 1]);
});
