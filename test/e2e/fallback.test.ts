// The pool that takes over when a rule's own pool cannot answer: when it does, when it does not, and what it gets.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { start as startNever } from '../origins/never-answers.js';
import { listenRaw, ok, type RawOrigin } from '../origins/raw.js';
import { start as startResets } from '../origins/resets.js';
import { freePlace, written } from '../support/addresses.js';
import { statusOf } from '../support/messages.js';
import { type ProxySpec, type RunningProxy, standIn, startProxy, use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const skip = standIn ? 'nginx stands in, and has no fallback pool' : false;

interface Fallen {
  readonly proxy: RunningProxy;
  /** The server of the fallback pool; it tells that it was it. */
  readonly sorry: RawOrigin;
}

/** A proxy that warns as it starts. */
async function useWarned(t: TestContext, spec: ProxySpec, warning = /The pool has no servers/): Promise<RunningProxy> {
  const proxy = await startProxy(spec);
  t.after(async () => {
    proxy.process.kill('SIGTERM');
    const { code, stderr } = await proxy.process.exited();
    assert.equal(code, 0);
    assert.match(stderr, warning);
  });
  return proxy;
}

/** A proxy whose rule has a pool of these servers, and one that takes over. */
async function useFallback(t: TestContext, servers: readonly string[], pool: object = {}, rule: object = {}) {
  const start = servers.length === 0 ? useWarned : useProxy;
  const sorry = await use(
    t,
    startAnswers((request, visit) => visit.socket.write(ok(`sorry ${request.startLine}`))),
  );
  const proxy = await start(t, {
    routes: [{ rules: [{ pool: 'main', fallback: 'sorry', ...rule }] }],
    pools: {
      main: { servers: servers.map((address) => ({ address })), ...pool },
      sorry: { servers: [{ address: sorry.address }] },
    },
  });
  const fallen: Fallen = { proxy, sorry };
  return fallen;
}

const fallbacks = async ({ proxy }: Fallen): Promise<number | undefined> => (await proxy.counters())[0]!.fallbacks;
const refusing = (): string => written(freePlace());
const POST = 'POST /form HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello';
const PUT = POST.replace('POST', 'PUT');

test('the fallback pool answers while the pool of the rule has no server', { skip }, async (t) => {
  const fallen = await useFallback(t, []);
  const client = await WireClient.connect(fallen.proxy.place);
  await client.send(get('/1') + POST + get('/2'));
  const bodies = (await client.responses(['GET', 'POST', 'GET'])).map(({ body }) => body);
  assert.deepEqual(bodies, ['sorry GET /1 HTTP/1.1', 'sorry POST /form HTTP/1.1', 'sorry GET /2 HTTP/1.1']);
  assert.equal(fallen.sorry.requests[1]!.body, 'hello');
  client.close();
  assert.equal(await fallbacks(fallen), 3);
  await fallen.proxy.heldNothing();
});

test('it answers all requests of a rule whose weights are all 0, and the check says so', { skip }, async (t) => {
  const sorry = await use(t, startAnswers());
  const spec = (weight: number, sorryPool: object = {}): ProxySpec => ({
    routes: [{ rules: [{ backendRefs: [{ pool: 'main', weight }], fallback: 'sorry' }] }],
    pools: {
      main: { servers: [{ address: refusing() }] },
      sorry: { servers: [{ address: sorry.address }], ...sorryPool },
    },
  });
  const proxy = await useWarned(
    t,
    spec(0),
    /Every weight is 0\.\n {2}Every request that matches goes to the fallback pool\./,
  );
  for (const request of [get('/'), POST]) assert.equal(statusOf(await ask(proxy.place, request)), 200);
  assert.equal(sorry.requests[1]!.body, 'hello');
  assert.equal((await proxy.counters())[0]!.fallbacks, 2);
  await proxy.reload(spec(0, { servers: [] }));
  assert.equal(statusOf(await ask(proxy.place, get('/'))), 503);
  await proxy.heldNothing();
});

test('it answers while all servers of the pool have weight 0', { skip }, async (t) => {
  const sorry = await use(t, startAnswers());
  const drained = await use(t, startAnswers());
  const proxy = await useWarned(
    t,
    {
      routes: [{ rules: [{ pool: 'main', fallback: 'sorry' }] }],
      pools: {
        main: { servers: [{ address: drained.address, weight: 0 }] },
        sorry: { servers: [{ address: sorry.address }] },
      },
    },
    /Every server has weight 0/,
  );
  assert.equal(statusOf(await ask(proxy.place, get('/'))), 200);
  assert.equal(drained.accepted, 0);
  assert.equal(sorry.requests.length, 1);
});

test('it answers any method when no connection could be made, after the tries of the pool', { skip }, async (t) => {
  const fallen = await useFallback(t, [refusing(), refusing()], { outlierDetection: { failures: 0 } });
  assert.equal((await ask(fallen.proxy.place, POST)).body, 'sorry POST /form HTTP/1.1');
  assert.equal(fallen.sorry.requests[0]!.body, 'hello');
});

test('it answers what may be sent twice when a server failed over it, with its body', { skip }, async (t) => {
  const bad = await use(t, startResets());
  const fallen = await useFallback(t, [bad.address]);
  assert.equal((await ask(fallen.proxy.place, PUT)).body, 'sorry PUT /form HTTP/1.1');
  assert.equal(fallen.sorry.requests[0]!.body, 'hello');
  await fallen.proxy.heldNothing();
});

test('it does not get what a server may have acted on and cannot be sent twice', { skip }, async (t) => {
  const bad = await use(t, startResets());
  const fallen = await useFallback(t, [bad.address]);
  assert.equal(statusOf(await ask(fallen.proxy.place, POST)), 502);
  assert.equal(fallen.sorry.accepted, 0);
  assert.equal(await fallbacks(fallen), 0);
});

test('it answers when the server is late, and when it answers nonsense', { skip }, async (t) => {
  const late = await use(t, startNever());
  const timeouts = { timeouts: { responseHead: '200ms' } };
  const slow = await useFallback(t, [late.address], { retry: { retriesMax: 0 } }, timeouts);
  assert.equal((await ask(slow.proxy.place, get('/late'))).body, 'sorry GET /late HTTP/1.1');
  const nonsense = await use(t, startAnswers('SMTP ready\r\n\r\n'));
  const odd = await useFallback(t, [nonsense.address]);
  assert.equal((await ask(odd.proxy.place, get('/odd'))).body, 'sorry GET /odd HTTP/1.1');
});

test('an answer of a server is passed on, whatever its status', { skip }, async (t) => {
  const failing = await use(t, startAnswers('HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy'));
  const fallen = await useFallback(t, [failing.address]);
  assert.equal((await ask(fallen.proxy.place, get())).body, 'busy');
  assert.equal(fallen.sorry.accepted, 0);
});

test('an answer that broke off is cut, not followed by another', { skip }, async (t) => {
  const half = await use(
    t,
    listenRaw((visit) => {
      visit.socket.on('data', () => {
        visit.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
      });
    }),
  );
  const fallen = await useFallback(t, [half.address]);
  const client = await WireClient.connect(fallen.proxy.place);
  await client.send(get());
  await client.closed();
  assert.match(client.received, /\r\n\r\nhalf$/);
  assert.equal(fallen.sorry.accepted, 0);
});

for (const [name, limits] of [
  ['has as many requests as it may', { poolRequestsMax: 1 }],
  ['has a full line', { serverRequestsMax: 1, queueMax: 0 }],
  ['lets a request wait too long', { serverRequestsMax: 1, queueTimeout: '200ms' }],
] as const) {
  test(`it answers when the pool ${name}`, { skip }, async (t) => {
    const holds = await use(t, startNever());
    const fallen = await useFallback(t, [holds.address], { limits });
    const holder = await WireClient.connect(fallen.proxy.place);
    await holder.send(get('/held'));
    await holds.until('the request that takes the place', (seen) => seen.requests.length === 1);
    const client = await WireClient.connect(fallen.proxy.place);
    assert.equal((await client.exchange(get('/next'))).body, 'sorry GET /next HTTP/1.1');
    // It left the pool with all it counted there.
    client.forget();
    assert.equal((await client.exchange(get('/again'))).body, 'sorry GET /again HTTP/1.1');
    client.close();
    // Merely closed it would still have a claim to its answer.
    holder.reset();
    await fallen.proxy.heldNothing();
  });
}

test('a fallback pool that fails too is the end of it', { skip }, async (t) => {
  const proxy = await useProxy(t, {
    routes: [{ rules: [{ pool: 'main', fallback: 'sorry' }] }],
    pools: {
      main: { servers: [{ address: refusing() }] },
      sorry: { servers: [{ address: refusing() }] },
    },
  });
  const client = await WireClient.connect(proxy.place);
  for (const path of ['/1', '/2']) {
    const answer = await client.exchange(get(path));
    assert.equal(statusOf(answer), 502);
    assert.match(answer.body, /CONNECT_REFUSED/);
    client.forget();
  }
  client.close();
  const counters = (await proxy.counters())[0]! as Readonly<Record<string, unknown>>;
  assert.equal(counters.fallbacks, 2);
  assert.deepEqual(counters.reasons, { CONNECT_REFUSED: 2 });
  await proxy.heldNothing();
});

test('a request waits for room in the fallback pool as in any other', { skip }, async (t) => {
  const sorry = await use(t, startNever());
  const proxy = await useWarned(t, {
    routes: [{ rules: [{ pool: 'main', fallback: 'sorry' }] }],
    pools: {
      main: { servers: [] },
      sorry: { servers: [{ address: sorry.address }], limits: { serverRequestsMax: 1 } },
    },
  });
  const first = await WireClient.connect(proxy.place);
  await first.send(get('/first'));
  await sorry.until('the first', (seen) => seen.requests.length === 1);
  const second = await WireClient.connect(proxy.place);
  await second.send(get('/second'));
  await proxy.countersUntil('both read', (counters) => counters.fallbacks === 2);
  sorry.visits[0]!.socket.write(ok('first'));
  assert.equal((await first.response()).body, 'first');
  await sorry.until('the second', (seen) => seen.requests.length === 2);
  first.close();
  second.close();
});

test('a reload between the two pools leads the request on', { skip }, async (t) => {
  const held = await use(t, startNever());
  const sorry = await use(t, startAnswers(ok('sorry')));
  const pools = (servers: readonly object[]): Record<string, object> => ({
    main: { servers: [{ address: held.address }], retry: { retriesMax: 0 } },
    sorry: { servers },
  });
  const routes = [{ rules: [{ pool: 'main', fallback: 'sorry' }] }];
  const spec = (servers: readonly object[]) => ({ routes, pools: pools(servers), timeouts: { responseHead: '1s' } });
  const proxy = await useWarned(t, spec([]));
  const client = await WireClient.connect(proxy.place);
  await client.send(get());
  await held.until('the request', (seen) => seen.requests.length === 1);
  // Under the plan that it began with, the fallback pool has no server.
  await proxy.reload(spec([{ address: sorry.address }]));
  assert.equal((await client.response()).body, 'sorry');
  client.close();
});
