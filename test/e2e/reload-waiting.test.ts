// Requests that wait for a server, or for another try, while the configuration changes: they go on under the new one.

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { issueCertificate } from '../../src/cli/issue-certificate.js';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin, serveRequests, type Visit } from '../origins/raw.js';
import { freePlace, written } from '../support/addresses.js';
import { authority, authorityFile, makeIdentity } from '../support/identity.js';
import { fieldValues, statusOf } from '../support/messages.js';
import { type ProxySpec, type RunningProxy, standIn, startProxy, use, useProxy } from '../support/proxy.js';
import { get, WireClient } from '../support/wire-client.js';

const skip = standIn ? 'nginx stands in, and waits for nobody' : false;
const WAITING = 6;

/** A server that holds its requests until they are answered by hand. */
async function useHolding(t: TestContext): Promise<{ origin: RawOrigin; held: Visit[] }> {
  const held: Visit[] = [];
  const origin = await use(
    t,
    serveRequests((_request, visit) => void held.push(visit)),
  );
  return { origin, held };
}

/** Clients whose requests the proxy has read. */
async function startAll(proxy: RunningProxy, count: number, request: (i: number) => string): Promise<WireClient[]> {
  const before = (await proxy.counters()).reduce((sum, counters) => sum + counters.requests!, 0);
  const clients: WireClient[] = [];
  for (let i = 0; i < count; i++) {
    const client = await WireClient.connect(proxy.place);
    await client.send(request(i));
    clients.push(client);
  }
  for (let read = 0; read < before + count; ) {
    read = (await proxy.counters()).reduce((sum, counters) => sum + counters.requests!, 0);
  }
  return clients;
}

/** Status and body of each client's answer; the clients are closed. */
async function answers(clients: readonly WireClient[]): Promise<string[]> {
  const all = await Promise.all(clients.map((client) => client.response()));
  for (const client of clients) client.close();
  return all.map((answer) => `${statusOf(answer)} ${answer.body.trim()}`);
}

const one = (address: string, more: object = {}): Record<string, object> => ({
  main: { servers: [{ address }], limits: { serverRequestsMax: 1 }, ...more },
});

describe('a reload while requests wait', { skip, concurrency: 1 }, () => {
  test('one that is routed anew is not bound to the pool that the split before led it to', async (t) => {
    const { origin, held } = await useHolding(t);
    const next = await use(t, startAnswers(ok('next')));
    const backendRefs = [{ pool: 'main' }, { pool: 'spare', weight: 0 }];
    const proxy = await useProxy(t, {
      routes: [{ rules: [{ backendRefs, sessionPersistence: { secure: false } }] }],
      pools: { ...one(origin.address), spare: { servers: [{ address: next.address }] } },
    });
    const [first, second] = await startAll(proxy, 2, () => get('/'));
    await origin.until('request', () => held.length === 1);
    await proxy.reload({
      routes: [{ rules: [{ pool: 'other' }] }],
      pools: { other: { servers: [{ address: next.address }] } },
    });
    const answer = await second!.response();
    assert.deepEqual([answer.body, fieldValues(answer, 'set-cookie')], ['next', []]);
    held[0]!.socket.write(ok('held'));
    await first!.response();
    for (const client of [first, second]) client!.close();
  });

  for (const workers of ['1', '2']) {
    test(`they go to the server that took the place of theirs (${workers} workers)`, async (t) => {
      const { origin, held } = await useHolding(t);
      const next = await use(t, startAnswers(ok('next')));
      const args = ['--workers', workers];
      const proxy = await useProxy(t, { pools: one(origin.address), args });
      const clients = await startAll(proxy, WAITING, () => get('/'));
      await origin.until('request', () => held.length === 1);
      await proxy.reload({ pools: one(next.address), args });
      await next.until('the others', () => next.requests.length === WAITING - 1);
      held[0]!.socket.write(ok('held'));
      assert.deepEqual((await answers(clients)).sort(), ['200 held', ...Array(WAITING - 1).fill('200 next')].sort());
      await proxy.heldNothing();
    });
  }

  test('they stay in the line, in order, when their pool stays', async (t) => {
    const { origin, held } = await useHolding(t);
    const proxy = await useProxy(t, { pools: one(origin.address) });
    const clients = await startAll(proxy, 4, (i) => get(`/${i}`));
    for (let i = 0; i < 4; i++) {
      await origin.until('request', () => held.length === i + 1);
      if (i < 3) await proxy.reload({ pools: one(origin.address), timeouts: { connect: `${i + 1}s` } });
      held[i]!.socket.write(ok(`${i}`));
    }
    const seen = origin.requests.map(({ startLine }) => startLine.split(' ')[1]);
    assert.deepEqual(
      await answers(clients),
      seen.map((_, i) => `200 ${seen.indexOf(`/${i}`)}`),
    );
  });

  test('they are all served at once when the limit is lifted', async (t) => {
    const { origin, held } = await useHolding(t);
    const proxy = await useProxy(t, { pools: one(origin.address) });
    const clients = await startAll(proxy, WAITING, () => get('/'));
    await origin.until('request', () => held.length === 1);
    await proxy.reload({ pools: one(origin.address, { limits: {} }) });
    await origin.until('all of them', () => held.length === WAITING);
    for (const visit of held) visit.socket.write(ok('held'));
    assert.deepEqual(await answers(clients), Array(WAITING).fill('200 held'));
  });

  test('they are routed anew when their pool is gone: to its new name, to an answer, or to 404', async (t) => {
    const { origin, held } = await useHolding(t);
    const next = await use(t, startAnswers());
    const rules = (pool: string): object[] => [
      {
        matches: [{ path: { value: '/a' } }],
        filters: [
          {
            type: 'URLRewrite',
            urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: `/${pool}` } },
          },
        ],
        pool,
      },
    ];
    const before: ProxySpec = {
      routes: [{ rules: [...rules('main'), { pool: 'main' }] }],
      pools: one(origin.address, { limits: { serverRequestsMax: 1, poolRequestsMax: 10 } }),
    };
    const direct = { type: 'DirectResponse', directResponse: { status: 200, body: 'direct' } };
    const after: ProxySpec = {
      routes: [{ rules: [...rules('renamed'), { matches: [{ path: { value: '/b' } }], filters: [direct] }] }],
      pools: { renamed: { servers: [{ address: next.address }] } },
    };
    const proxy = await useProxy(t, before);
    const [first] = await startAll(proxy, 1, () => get('/a/held'));
    await origin.until('request', () => held.length === 1);
    const paths = ['/a/x', '/b/x', '/c/x', '/a/y'];
    const clients = await startAll(proxy, paths.length, (i) => get(paths[i]!));
    await proxy.reload(after);
    const bodies = await answers(clients);
    assert.equal(bodies[0], '200 GET /renamed/x HTTP/1.1');
    assert.equal(bodies[1], '200 direct');
    assert.match(bodies[2]!, /^404 .*NO_ROUTE/);
    assert.equal(bodies[3], '200 GET /renamed/y HTTP/1.1');
    held[0]!.socket.write(ok('held'));
    assert.deepEqual(await answers([first!]), ['200 held']);
    await proxy.heldNothing();
  });

  test('a body that came with its request goes to the new server whole', async (t) => {
    const { origin, held } = await useHolding(t);
    const next = await use(
      t,
      startAnswers((request, visit) => visit.socket.write(ok(request.body))),
    );
    const proxy = await useProxy(t, { pools: one(origin.address) });
    const clients = await startAll(proxy, 4, (i) =>
      i === 0 ? get('/') : `POST /${i} HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nbody ${i}`,
    );
    await origin.until('request', () => held.length === 1);
    await proxy.reload({
      pools: { renamed: { servers: [{ address: next.address }] } },
      routes: [{ rules: [{ pool: 'renamed' }] }],
    });
    held[0]!.socket.write(ok('held'));
    assert.deepEqual(await answers(clients), ['200 held', '200 body 1', '200 body 2', '200 body 3']);
    await proxy.heldNothing();
  });

  test('the next try goes to the new server', async (t) => {
    const next = await use(t, startAnswers(ok('next')));
    const retry = { on: ['connect-failure'], retriesMax: 3, backoff: '1s', maxBackoff: '1s', budgetPercent: 100 };
    const nobody = [0, 1, 2].map(() => ({ address: written(freePlace()) }));
    const pool = (servers: object[]): Record<string, object> => ({ main: { servers, retry } });
    const proxy = await useProxy(t, { pools: pool(nobody) });
    const clients = await startAll(proxy, WAITING, () => get('/'));
    await proxy.countersUntil('in their second try', ({ retries }) => retries! >= WAITING * 2);
    await proxy.reload({ pools: pool([{ address: next.address }]) });
    assert.deepEqual(await answers(clients), Array(WAITING).fill('200 next'));
  });

  test('a response on its way ends whatever becomes of its pool, and the limits of the new one count right', async (t) => {
    const { origin, held } = await useHolding(t);
    const limits = { poolRequestsMax: 2 };
    const proxy = await useProxy(t, { pools: one(origin.address, { limits }) });
    const clients = await startAll(proxy, 2, () => get('/'));
    await origin.until('requests', () => held.length === 2);
    held[0]!.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha');
    await clients[0]!.until('the beginning', () => (clients[0]!.received.endsWith('ha') ? true : undefined));
    for (const limit of [2, 0, 2])
      await proxy.reload({ pools: one(origin.address, { limits: { poolRequestsMax: limit } }) });
    held[0]!.socket.write('lf');
    held[1]!.socket.write(ok('held'));
    assert.deepEqual(await answers(clients), ['200 half', '200 held']);
    const again = await startAll(proxy, 2, () => get('/'));
    await origin.until('both again', () => held.length === 4);
    const [refused] = await startAll(proxy, 1, () => get('/'));
    assert.match((await answers([refused!]))[0]!, /^503 .*POOL_FULL/);
    for (const visit of held.slice(2)) visit.socket.write(ok('again'));
    assert.deepEqual(await answers(again), ['200 again', '200 again']);
  });
});

/** A server of https that answers with its name. */
async function useSecure(
  t: TestContext,
  name: string,
  cert: { key: string; cert: string },
): Promise<{ address: string; asked: number }> {
  const server: Server = createServer({ key: cert.key, cert: cert.cert }, (_request, response) => {
    seen.asked++;
    response.end(name);
  });
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const seen = { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked: 0 };
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return seen;
}

describe('a reload while requests wait for a server that is verified', { skip, concurrency: 1 }, () => {
  const identity = makeIdentity({ names: ['backend.example'] });
  const foreign = issueCertificate({ subject: 'foreign authority', authority: true });
  const stranger = issueCertificate({ subject: 'stranger', names: ['backend.example'], issuer: foreign });
  const ca = authorityFile(authority());
  const strangers = authorityFile(foreign);
  const tls = { serverName: 'backend.example', ca };
  const retry = { on: ['connect-failure'], retriesMax: 8, backoff: '200ms', maxBackoff: '200ms', budgetPercent: 100 };

  test('nobody is refused, and nobody meets a stranger', async (t) => {
    const good = await useSecure(t, 'good', { key: identity.issued.key, cert: identity.issued.cert });
    const bad = await useSecure(t, 'stranger', stranger);
    const aliases = [2, 3, 4, 5].map((i) => ({ address: bad.address.replace('127.0.0.1', `127.0.0.${i}`) }));
    const main = (servers: object[]): object => ({ servers, tls, retry });
    const other = { servers: [{ address: bad.address }], tls: { ...tls, ca: strangers } };
    const routes = [{ rules: [{ matches: [{ path: { value: '/other' } }], pool: 'other' }, { pool: 'main' }] }];
    for (let round = 0; round < 3; round++) {
      const proxy = await startProxy({ routes, pools: { main: main([{ address: bad.address }, ...aliases]), other } });
      t.after(() => proxy.stop());
      const clients = await startAll(proxy, WAITING, () => get('/'));
      await proxy.countersUntil('in their second try', ({ retries }) => retries! >= WAITING * 2);
      // The places of closed contexts are taken by others: in another order, so that each is taken by the other's.
      await proxy.reload({ routes, pools: { main: main([{ address: good.address }]), other } });
      await proxy.reload({ routes, pools: { other, main: main([{ address: good.address }]) } });
      assert.deepEqual(await answers(clients), Array(WAITING).fill('200 good'));
      assert.equal(bad.asked, 0);
    }
  });

  test('a reload that changes nothing but the contexts refuses nobody', async (t) => {
    const good = await useSecure(t, 'good', { key: identity.issued.key, cert: identity.issued.cert });
    const pools = { main: { servers: [{ address: good.address }], tls, limits: { serverRequestsMax: 1 } } };
    const proxy = await useProxy(t, { pools });
    let over = false;
    const seen = new Map<string, number>();
    const clients = Array.from({ length: 12 }, async () => {
      const client = await WireClient.connect(proxy.place);
      while (!over) {
        const status = String(statusOf(await client.exchange(get())));
        seen.set(status, (seen.get(status) ?? 0) + 1);
      }
      client.close();
    });
    for (let i = 0; i < 20; i++) await proxy.reload({ pools, timeouts: { connect: `${1 + (i % 2)}s` } });
    over = true;
    await Promise.all(clients);
    assert.deepEqual([...seen.keys()], ['200']);
  });
});
