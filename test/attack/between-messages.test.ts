// The bytes behind a request whose exchange ended early: they are the next request, all of them and from its first byte on.
// Each case is one segment whose second request carries a third in a field value, right where a reader that is off by the
// length of the first body would go on.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { listenRaw, ok, type RawOrigin, serveRequests } from '../origins/raw.js';
import { freePlace, written } from '../support/addresses.js';
import { reset } from '../support/endings.js';
import { statusOf } from '../support/messages.js';
import { type ProxySpec, use, useProxy } from '../support/proxy.js';
import { get, WireClient } from '../support/wire-client.js';

const SECOND = 'GET /second HTTP/1.1\r\nX: ';
const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: a.example\r\n\r\n';
const FIRST = `PUT /first HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${SECOND.length}\r\n\r\n${'b'.repeat(SECOND.length)}`;

const path = (line: string): string => line.split(' ')[1]!;

/** Resets on every PUT, answers everything else. */
const startResetsPuts = (): Promise<RawOrigin> =>
  serveRequests((request, visit) => {
    if (request.startLine.startsWith('PUT ')) reset(visit.socket);
    else visit.socket.write(ok(request.startLine));
  });

/** Sends the segment, and expects `status`, then the answer to the second request; the servers must have seen no third. */
async function attack(t: Parameters<typeof useProxy>[0], spec: ProxySpec, status: number, origins: RawOrigin[]) {
  const proxy = await useProxy(t, spec);
  for (let i = 0; i < 6; i++) {
    const client = await WireClient.connect(proxy.place);
    await client.send(FIRST + SECOND + HIDDEN);
    const answers = await client.responses(['PUT', 'GET']);
    assert.equal(statusOf(answers[0]!), status);
    assert.equal(statusOf(answers[1]!), 200);
    assert.equal(answers[1]!.body, 'GET /second HTTP/1.1');
    // The connection stays in step: the next request is answered next.
    client.forget();
    await client.send(get('/third'));
    assert.equal((await client.response()).body, 'GET /third HTTP/1.1');
    client.close();
  }
  for (const origin of origins) {
    assert.deepEqual(origin.malformed, []);
    for (const { startLine } of origin.requests) assert.ok(['/first', '/second', '/third'].includes(path(startLine)));
  }
  await proxy.heldNothing();
}

test('behind a request that its only server resets, the next one is read from its first byte', async (t) => {
  const origin = await use(t, startResetsPuts());
  await attack(t, { servers: [origin.address] }, 502, [origin]);
});

test('behind a request that one server resets and another refuses, the next one is read from its first byte', async (t) => {
  const origin = await use(t, startResetsPuts());
  const servers = [origin.address, written(freePlace())];
  const outlierDetection = { failures: 0 };
  const spec = {
    pools: { main: { servers: servers.map((address) => ({ address })), balance: 'round-robin', outlierDetection } },
  };
  await attack(t, spec, 502, [origin]);
});

test('behind a request that waits for its next try when its time is over, the next one is read from its first byte', async (t) => {
  const origins = await Promise.all([1, 2, 3, 4].map(() => use(t, startResetsPuts())));
  const main = {
    servers: origins.map(({ address }) => ({ address })),
    outlierDetection: { failures: 0 },
    retry: { retriesMax: 3, backoff: '10s', maxBackoff: '10s', budgetPercent: 100, budgetPerSecond: 1000 },
  };
  await attack(t, { pools: { main }, timeouts: { request: '300ms' } }, 504, origins);
});

test('behind a request that is tried again and finds all servers full, the next one is read from its first byte', async (t) => {
  // The first server resets; the second has its one place taken, by a request that is never answered.
  const full = await use(
    t,
    serveRequests((request, visit) => {
      if (request.startLine.includes('/hold')) return;
      visit.socket.write(ok(request.startLine));
    }),
  );
  const resets = await use(
    t,
    serveRequests((request, visit) => {
      if (request.startLine.startsWith('PUT ')) reset(visit.socket);
      else visit.socket.write(ok(request.startLine));
    }),
  );
  const rule = (value: string, pool: string): object => ({ matches: [{ path: { type: 'PathPrefix', value } }], pool });
  const proxy = await useProxy(t, {
    pools: {
      main: {
        servers: [{ address: resets.address, weight: 1 }, { address: full.address }],
        balance: 'round-robin',
        outlierDetection: { failures: 0 },
        limits: { serverRequestsMax: 1, queueMax: 10, queueTimeout: '300ms' },
      },
      free: { servers: [{ address: resets.address }] },
    },
    routes: [{ rules: [rule('/second', 'free'), rule('/', 'main')] }],
  });
  const holders = await Promise.all([1, 2].map(() => WireClient.connect(proxy.place)));
  await holders[0]!.send(get('/hold'));
  await Promise.race([
    full.until('the request that holds the place', (origin) => origin.requests.length === 1),
    holders[0]!.response(),
  ]);
  if (full.requests.length === 0) {
    await holders[1]!.send(get('/hold'));
    await full.until('the request that holds the place', (origin) => origin.requests.length === 1);
  }
  const client = await WireClient.connect(proxy.place);
  await client.send(FIRST + SECOND + HIDDEN);
  const answers = await client.responses(['PUT', 'GET']);
  assert.deepEqual(answers.map(statusOf), [503, 200]);
  assert.equal(answers[1]!.body, 'GET /second HTTP/1.1');
  client.close();
  for (const holder of holders) holder.close();
  for (const { requests } of [full, resets])
    for (const { startLine } of requests) assert.notEqual(path(startLine), '/hidden');
});

test('behind a request that is answered here, its body passed over, the next one is read from its first byte', async (t) => {
  const origin = await use(t, startResetsPuts());
  const closed = await use(
    t,
    listenRaw((visit) => reset(visit.socket)),
  );
  const match = (value: string): object => ({ matches: [{ path: { type: 'PathPrefix', value } }] });
  const direct = { type: 'DirectResponse', directResponse: { status: 429, body: 'later' } };
  const mirror = { type: 'RequestMirror', requestMirror: { pool: 'closed' } };
  const spec = {
    pools: { main: { servers: [{ address: origin.address }] }, closed: { servers: [{ address: closed.address }] } },
    routes: [
      {
        rules: [
          { ...match('/first'), filters: [direct] },
          { ...match('/'), filters: [mirror], pool: 'main' },
        ],
      },
    ],
  };
  await attack(t, spec, 429, [origin]);
});

test('what a server sends on an idle connection is no answer to the request that comes at the same moment', async (t) => {
  const origin = await use(
    t,
    serveRequests((request, visit) => visit.socket.write(ok(request.startLine))),
  );
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  for (const method of ['POST', 'GET']) {
    await client.exchange(get('/warm'));
    client.forget();
    // While the process stands still both arrive, the request first: it finds them in one batch of events.
    proxy.process.kill('SIGSTOP');
    const stopped = (): boolean => /\) [Tt] /.test(readFileSync(`/proc/${proxy.pid}/stat`, 'latin1'));
    while (!stopped()) await new Promise((resolve) => setImmediate(resolve));
    await client.send(`${method} /real HTTP/1.1\r\nHost: a\r\n\r\n`);
    const { socket } = origin.visits.at(-1)!;
    await new Promise((resolve) => socket.write(ok('nobody asked'), resolve));
    proxy.process.kill('SIGCONT');
    const answer = await client.response(method);
    // A POST may have been acted on: it is not sent again.
    if (method === 'GET') assert.equal(answer.body, 'GET /real HTTP/1.1');
    else assert.equal(statusOf(answer), 502);
    await client.exchange(get('/warm'));
    client.forget();
  }
  client.close();
});

test('behind a request that a reload leads to another pool between two tries, the next one is read from its first byte', async (t) => {
  const origins = await Promise.all([1, 2, 3].map(() => use(t, startResetsPuts())));
  const good = await use(
    t,
    serveRequests((request, visit) => visit.socket.write(ok(request.startLine))),
  );
  const retry = { retriesMax: 3, backoff: '60s', maxBackoff: '60s', budgetPercent: 100, budgetPerSecond: 1000 };
  const main = { servers: origins.map(({ address }) => ({ address })), outlierDetection: { failures: 0 }, retry };
  const proxy = await useProxy(t, { pools: { main } });
  const client = await WireClient.connect(proxy.place);
  await client.send(FIRST + SECOND + HIDDEN);
  // The second retry waits: only the reload ends that wait.
  await proxy.countersUntil('two retries', (counters) => counters.retries === 2);
  await proxy.reload({
    pools: { other: { servers: [{ address: good.address }] } },
    routes: [
      {
        rules: [
          // What is hidden in a field value must never be taken for a request, not even where it would look the same.
          {
            matches: [{ path: { value: '/hidden' } }],
            filters: [{ type: 'DirectResponse', directResponse: { status: 418 } }],
          },
          { pool: 'other' },
        ],
      },
    ],
  });
  const answers = await client.responses(['PUT', 'GET']);
  assert.deepEqual(
    answers.map(({ body }) => body),
    ['PUT /first HTTP/1.1', 'GET /second HTTP/1.1'],
  );
  client.close();
  assert.deepEqual(
    good.requests.map(({ startLine, body }) => [path(startLine), body]),
    [
      ['/first', 'b'.repeat(SECOND.length)],
      ['/second', ''],
    ],
  );
  assert.deepEqual(good.malformed, []);
  await proxy.heldNothing();
});
