// Backend connections: reused, replaced when found closed, and requests retried only where that is safe.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { start as startClosesIdle } from '../origins/closes-idle-at-once.js';
import { start as startClosesOnReuse } from '../origins/closes-on-reuse.js';
import { start as startExtra } from '../origins/extra-bytes-after-response.js';
import { type JsonEcho, start as startEcho } from '../origins/json-echo.js';
import { ok, serveRequests, type Visit } from '../origins/raw.js';
import { start as startResets } from '../origins/resets.js';
import { freePlace, written } from '../support/addresses.js';
import { statusOf } from '../support/messages.js';
import { use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const post = 'POST /order HTTP/1.1\r\nHost: test.example\r\nContent-Length: 4\r\n\r\nbody';

test('requests of one client, one after the other, share one backend connection', async (t) => {
  const origin = await use(t, startEcho());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  for (let i = 0; i < 50; i++) assert.equal(statusOf(await client.exchange(get(`/${i}`))), 200);
  client.close();
  assert.equal(origin.requestCount(), 50);
  assert.equal(origin.accepted(), 1);
});

test('requests of different clients share a backend connection', async (t) => {
  const origin = await use(t, startEcho());
  const proxy = await useProxy(t, { servers: [origin.address] });
  for (let i = 0; i < 20; i++) assert.equal(statusOf(await ask(proxy.place, get(`/${i}`))), 200);
  assert.equal(origin.accepted(), 1);
});

test('a response over a reused connection has the time of any other, however long that may be idle', async (t) => {
  const held: Visit[] = [];
  const origin = await use(
    t,
    serveRequests((request, visit) => {
      if (request.startLine.includes('/hold')) held.push(visit);
      else visit.socket.write(ok('at once'));
    }),
  );
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { backendIdle: '300ms' } });
  assert.equal(statusOf(await ask(proxy.place, get('/'))), 200);
  const client = await WireClient.connect(proxy.place);
  await client.send(get('/hold'));
  await origin.until('the held request', () => held[0]);
  // Idle later than the first connection was: once it is closed for that, the time of the first one is over too.
  assert.equal(statusOf(await ask(proxy.place, get('/'))), 200);
  await origin.until('an idle connection closed', ({ visits }) => visits[1]?.ended || visits[1]?.closed || undefined);
  assert.equal(origin.visits.length, 2);
  held[0]!.socket.write(ok('late'));
  await client.until('the response', () => client.received.endsWith('late') || undefined);
  client.close();
});

test('no more backend connections stay idle than idleConnectionsMax', async (t) => {
  const origin = await use(t, startEcho());
  const proxy = await useProxy(t, { servers: [origin.address], limits: { idleConnectionsMax: 3 } });
  const clients = await Promise.all(Array.from({ length: 20 }, () => WireClient.connect(proxy.place)));
  await Promise.all(clients.map((client, i) => client.exchange(get(`/${i}`))));
  await Promise.all(clients.map((client, i) => client.exchange(get(`/again/${i}`))));
  for (const client of clients) client.close();
  await settled(origin, 3);
});

async function settled(origin: JsonEcho, openMax: number): Promise<void> {
  const deadline = Date.now() + 5000;
  while (origin.open() > openMax && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(origin.open() <= openMax, `${origin.open()} backend connections stay open, at most ${openMax} may`);
}

test('a backend connection that its server closed while idle is replaced unnoticed', async (t) => {
  const origin = await use(t, startClosesIdle());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  for (let i = 0; i < 30; i++) assert.equal(statusOf(await client.exchange(get(`/${i}`))), 200);
  client.close();
  assert.equal(origin.requests.length, 30);
});

test('a GET that meets the close of a reused connection is sent again on a new one', async (t) => {
  const origin = await use(t, startClosesOnReuse());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  for (let i = 0; i < 10; i++) assert.equal(statusOf(await client.exchange(get(`/${i}`))), 200);
  client.close();
  assert.equal(origin.accepted, 10);
});

test('a POST whose bytes were sent is not sent again: 502', async (t) => {
  const origin = await use(t, startClosesOnReuse());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  assert.equal(statusOf(await client.exchange(get('/'))), 200);
  assert.equal(statusOf(await client.exchange(post)), 502);
  client.close();
  assert.equal(origin.requests.filter((request) => request.startLine.startsWith('POST')).length, 1);
});

test('a refused connection is retried on the next server, whatever the method', async (t) => {
  const origin = await use(t, startEcho());
  const dead = written(freePlace());
  const proxy = await useProxy(t, { servers: [dead, origin.address] });
  for (let i = 0; i < 6; i++) assert.equal(statusOf(await ask(proxy.place, i % 2 === 0 ? get('/') : post)), 200);
  assert.equal(origin.requestCount(), 6);
});

test('answers 502 when every server refuses', async (t) => {
  const proxy = await useProxy(t, { servers: [written(freePlace()), written(freePlace())] });
  const client = await WireClient.connect(proxy.place);
  assert.equal(statusOf(await client.exchange(get())), 502);
  assert.equal(statusOf(await client.exchange(post)), 502);
  client.close();
});

test('a GET whose server resets goes to another server', async (t) => {
  const bad = await use(t, startResets());
  const good = await use(t, startAnswers());
  const proxy = await useProxy(t, { servers: [bad.address, good.address] });
  for (let i = 0; i < 6; i++) assert.equal(statusOf(await ask(proxy.place, get(`/${i}`))), 200);
  assert.equal(good.requests.length, 6);
});

test('a POST whose server resets after reading it is answered 502 and sent once', async (t) => {
  const bad = await use(t, startResets());
  const proxy = await useProxy(t, { servers: [bad.address] });
  assert.equal(statusOf(await ask(proxy.place, post)), 502);
  assert.equal(bad.requests.length, 1);
});

test('a backend connection that sent more than its answer is not used again', async (t) => {
  const origin = await use(t, startExtra());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  for (let i = 0; i < 5; i++) assert.equal((await client.exchange(get(`/${i}`))).body, 'asked');
  client.close();
  assert.equal(origin.accepted, 5);
});

test('a backend connection that says Connection: close is not used again', async (t) => {
  const origin = await use(
    t,
    serveRequests((_request, visit) => {
      visit.socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
    }),
  );
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  for (let i = 0; i < 4; i++) assert.equal((await client.exchange(get(`/${i}`))).body, 'ok');
  client.close();
  assert.equal(origin.accepted, 4);
});

test('two hundred pipelined requests are answered in order', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  const paths = Array.from({ length: 200 }, (_, i) => `/${i}`);
  await client.send(paths.map((path) => get(path)).join(''));
  const responses = await client.responses(paths.map(() => 'GET'));
  assert.deepEqual(
    responses.map((response) => response.body),
    paths.map((path) => `GET ${path} HTTP/1.1`),
  );
  client.close();
});

test('pipelined requests for a slow and a fast server are answered in order', async (t) => {
  const held: (() => void)[] = [];
  const slow = await use(
    t,
    serveRequests((request, visit) =>
      held.push(() =>
        visit.socket.write(
          `HTTP/1.1 200 OK\r\nContent-Length: ${request.startLine.length}\r\n\r\n${request.startLine}`,
        ),
      ),
    ),
  );
  const fast = await use(t, startAnswers());
  const prefix = (value: string, pool: string): object => ({
    matches: [{ path: { type: 'PathPrefix', value } }],
    pool,
  });
  const proxy = await useProxy(t, {
    routes: [{ rules: [prefix('/slow', 'slow'), prefix('/fast', 'fast')] }],
    pools: { slow: { servers: [{ address: slow.address }] }, fast: { servers: [{ address: fast.address }] } },
  });
  const client = await WireClient.connect(proxy.place);
  await client.send(get('/slow') + get('/fast'));
  await slow.until('held request', () => held.length === 1);
  held[0]!();
  const bodies = (await client.responses(['GET', 'GET'])).map((response) => response.body);
  assert.deepEqual(bodies, ['GET /slow HTTP/1.1', 'GET /fast HTTP/1.1']);
  client.close();
});

test('a request that is sent again carries and drops the same fields as at first', async (t) => {
  const closes = await use(t, startClosesOnReuse());
  const proxy = await useProxy(t, { servers: [closes.address] });
  const client = await WireClient.connect(proxy.place);
  for (let i = 0; i < 4; i++) {
    await client.exchange(get('/', 'Connection: X-Internal', 'X-Internal: secret', 'X-Kept: yes', 'TE: gzip'));
  }
  client.close();
  assert.equal(closes.requests.length, 4 + 3, 'every request but the first is sent twice');
  const names = closes.requests.map((request) => request.fields.map(([name]) => name).sort());
  for (const seen of names) assert.deepEqual(seen, names[0]);
  assert.ok(!names[0]?.includes('x-internal'));
});

test('a request that finds its first server dead drops the same fields at the next', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, { servers: [written(freePlace()), origin.address] });
  for (let i = 0; i < 4; i++) {
    await ask(proxy.place, get('/', 'Connection: close, X-Internal', 'X-Internal: secret', 'X-Kept: yes'));
  }
  for (const request of origin.requests) {
    const names = request.fields.map(([name]) => name);
    assert.ok(!names.includes('x-internal') && names.includes('x-kept') && names.includes('via'), names.join(' '));
  }
});

test('a GET that meets the 408 of a kept connection is sent again on a new one', async (t) => {
  const origin = await use(
    t,
    serveRequests((request, visit) => {
      if (visit.requestCount === 1) visit.socket.write(ok(request.startLine));
      else visit.socket.end('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    }),
  );
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  await client.exchange(get('/warm'));
  assert.equal((await client.exchange(get('/again'))).body, 'GET /again HTTP/1.1');
  assert.equal(origin.accepted, 2);
  client.close();
});
