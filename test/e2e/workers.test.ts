// Workers: connections are shared out, by both ways of accepting; a drain finishes what runs and has a bound.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { start as startBig } from '../origins/big-body.js';
import { start as startNever } from '../origins/never-answers.js';
import { ok, serveRequests, type Visit } from '../origins/raw.js';
import { start as startUpgrade } from '../origins/upgrade-raw.js';
import { makeIdentity } from '../support/identity.js';
import { fieldValue, statusOf } from '../support/messages.js';
import { standIn, startProxy, use, useProxy } from '../support/proxy.js';
import { get, WireClient } from '../support/wire-client.js';

for (const accept of ['handoff', 'shared']) {
  test(`--accept ${accept}: connections are spread over two workers and all are served`, async (t) => {
    const origin = await use(t, startAnswers());
    const proxy = await useProxy(t, { servers: [origin.address], args: ['--workers', '2', '--accept', accept] });
    const clients = await Promise.all(Array.from({ length: 100 }, () => WireClient.connect(proxy.place)));
    const responses = await Promise.all(clients.map((client, i) => client.exchange(get(`/${i}`))));
    for (const [i, response] of responses.entries()) assert.equal(response.body, `GET /${i} HTTP/1.1`);
    const counts = (await proxy.counters()).map((counters) => counters.connections ?? 0);
    assert.equal(counts.length, 2);
    // The hand-off goes to the worker with the fewest connections; the kernel promises no balance.
    if (accept === 'handoff') assert.ok(Math.min(...counts) >= 50, `connections per worker: ${counts}`);
    for (const client of clients) client.close();
  });
}

test('a drain finishes the request that runs, says Connection: close, and exits 0', async (t) => {
  const held: Visit[] = [];
  const origin = await use(
    t,
    serveRequests((_request, visit) => void held.push(visit)),
  );
  const proxy = await startProxy({ servers: [origin.address], args: ['--workers', '2'] });
  const client = await WireClient.connect(proxy.place);
  await client.send(get());
  await origin.until('request', () => held.length === 1);
  // Some for each worker. A worker that drains closes those that are idle.
  const idle = await Promise.all(Array.from({ length: 6 }, () => WireClient.connect(proxy.place)));
  await proxy.counters();
  proxy.process.kill('SIGTERM');
  await refusesNewConnections(proxy.place);
  await Promise.all(idle.map((other) => other.closed()));
  held[0]!.socket.write(ok('finished'));
  const response = await client.response();
  assert.equal(response.body, 'finished');
  assert.match(fieldValue(response, 'connection') ?? '', /^close$/i);
  await client.closed();
  const exit = await proxy.process.exited();
  assert.deepEqual([exit.code, exit.stderr], [0, '']);
});

/** Connects until it is refused. Each try is one event: nothing sleeps. */
async function refusesNewConnections(place: { host: string; port: number }): Promise<void> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; ) {
    try {
      (await WireClient.connect(place)).close();
    } catch {
      return;
    }
  }
  assert.fail('still accepts connections while it drains');
}

test('a drain closes idle connections at once', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await startProxy({ servers: [origin.address] });
  const clients = await Promise.all(Array.from({ length: 20 }, () => WireClient.connect(proxy.place)));
  await Promise.all(clients.map((client) => client.exchange(get())));
  const began = Date.now();
  const stopped = proxy.stop();
  await Promise.all(clients.map((client) => client.closed()));
  await stopped;
  // timeouts.drain is 30 s.
  assert.ok(Date.now() - began < 15_000, `the drain took ${Date.now() - began} ms`);
});

for (const accept of ['handoff', 'shared']) {
  test(`a drain answers the first request of connections that are new (${accept})`, { skip: standIn }, async (t) => {
    const identity = makeIdentity({ names: ['first.example'] });
    const origin = await use(t, startAnswers());
    const proxy = await startProxy({
      servers: [origin.address],
      listeners: [
        {},
        { protocol: 'https', tls: { certificates: [identity.files] } },
        { proxyProtocol: { from: ['127.0.0.0/8'] } },
      ],
      args: ['--workers', '1', '--accept', accept],
    });
    const [plain, secure, proxied] = proxy.listeners;
    const clients = await Promise.all([
      WireClient.connect(plain!),
      WireClient.connect(secure!, { tls: identity.client }),
      WireClient.connect(proxied!),
    ]);
    const silent = await WireClient.connect(plain!);
    const kept = await WireClient.connect(plain!);
    await kept.exchange(get());
    proxy.process.kill('SIGTERM');
    await kept.closed(); // the worker drains
    await clients[2]!.send('PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n');
    await Promise.all(clients.map((client) => client.send(get())));
    for (const client of clients) {
      const response = await client.response();
      assert.equal(statusOf(response), 200);
      assert.match(fieldValue(response, 'connection') ?? '', /^close$/i);
      await client.closed();
    }
    assert.equal(await silent.closed(), 'end');
    const exit = await proxy.process.exited();
    assert.deepEqual([exit.code, exit.stderr], [0, '']);
    assert.match(exit.stdout, /every connection has ended$/m);
  });
}

test('a drain has a bound: what runs longer is cut', async (t) => {
  const origin = await use(t, startNever());
  const proxy = await startProxy({ servers: [origin.address], timeouts: { drain: '500ms' } });
  const client = await WireClient.connect(proxy.place);
  await client.send(get());
  await origin.until('request', (seen) => seen.requests.length === 1);
  proxy.process.kill('SIGTERM');
  await proxy.process.exited(10_000);
  await client.closed();
});

test('a second SIGTERM ends the drain at once', async (t) => {
  const origin = await use(t, startNever());
  const proxy = await startProxy({ servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  await client.send(get());
  await origin.until('request', (seen) => seen.requests.length === 1);
  proxy.process.kill('SIGTERM');
  await refusesNewConnections(proxy.place);
  proxy.process.kill('SIGTERM');
  await proxy.process.exited(10_000);
  await client.closed();
});

test('a drain lets a download run to its end', async (t) => {
  const origin = await use(t, startBig());
  const proxy = await startProxy({ servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  client.socket.pause();
  await client.send(get('/20000000'));
  client.socket.resume();
  await client.until('first bytes', () => (client.receivedCount > 0 ? true : undefined));
  const stopped = proxy.stop();
  await client.until('the last byte', () => (client.receivedCount > 20_000_000 ? true : undefined));
  assert.equal((await client.response()).body.length, 20_000_000);
  await stopped;
});

test('SIGINT drains like SIGTERM', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await startProxy({ servers: [origin.address] });
  proxy.process.kill('SIGINT');
  const exit = await proxy.process.exited();
  assert.deepEqual([exit.code, exit.stderr], [0, '']);
});

test('open tunnels do not hold a drain beyond its bound', async (t) => {
  const origin = await use(t, startUpgrade());
  const proxy = await startProxy({ servers: [origin.address], timeouts: { drain: '500ms' } });
  const client = await WireClient.connect(proxy.place);
  await client.send(get('/', 'Connection: upgrade', 'Upgrade: echo'));
  await client.until('101', () => (client.received.includes('\r\n\r\n') ? true : undefined));
  proxy.process.kill('SIGTERM');
  await proxy.process.exited(10_000);
  await client.closed();
});

test('two workers carry a thousand requests of a hundred clients, none lost', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, { servers: [origin.address], args: ['--workers', '2'] });
  const one = async (name: number): Promise<void> => {
    const client = await WireClient.connect(proxy.place);
    for (let i = 0; i < 10; i++) {
      const response = await client.exchange(get(`/${name}/${i}`));
      assert.equal(statusOf(response), 200);
      assert.equal(response.body, `GET /${name}/${i} HTTP/1.1`);
    }
    client.close();
  };
  await Promise.all(Array.from({ length: 100 }, (_, name) => one(name)));
});
