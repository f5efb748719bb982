// Servers that are not well, as health checks and failed requests find them: who gets requests, and from when.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import { freePlace, type Place, written } from '../support/addresses.js';
import { type RunningProxy, standIn, startProxy } from '../support/proxy.js';

const skip = standIn ? 'nginx stands in, and checks nobody' : false;

/** An origin whose health and answers can be changed. */
async function origin(t: TestContext, name: string, place: Place = freePlace()) {
  const now = { healthy: true, status: 200 };
  const server = createServer((request, response) => {
    const status = request.url === '/healthz' ? (now.healthy ? 200 : 503) : now.status;
    response.writeHead(status).end(name);
  });
  server.listen(place.port, place.host);
  await once(server, 'listening');
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  t.after(close);
  return { address: written(place), place, now, close };
}

/** A proxy whose log may say something: it says which servers went down. */
async function proxyOf(t: TestContext, pool: object): Promise<RunningProxy> {
  const proxy = await startProxy({ pools: { main: pool } });
  t.after(async () => {
    proxy.process.kill('SIGTERM');
    const { code } = await proxy.process.exited();
    assert.equal(code, 0);
  });
  return proxy;
}

async function ask(proxy: RunningProxy): Promise<string> {
  const response = await fetch(proxy.url);
  const text = await response.text();
  return response.ok ? text : `${response.status}`;
}

/** Asks until the last ten answers are `good`; fails the test after a while. */
async function answersBecome(
  proxy: RunningProxy,
  what: string,
  good: (answers: Set<string>) => boolean,
): Promise<void> {
  const last: string[] = [];
  for (const end = Date.now() + 10_000; ; ) {
    last.push(await ask(proxy));
    if (last.length > 10) last.shift();
    if (last.length === 10 && good(new Set(last))) return;
    if (Date.now() > end) throw new Error(`answers never became ${what}; the last were ${last}`);
  }
}

const CHECK = { path: '/healthz', interval: '200ms', doubtInterval: '100ms', timeout: '500ms', unhealthyThreshold: 2 };

test('a server that is ill at the start gets no request, not even the first', { skip }, async (t) => {
  const [ill, well] = [await origin(t, 'ill'), await origin(t, 'well')];
  ill.now.healthy = false;
  const servers = [{ address: ill.address }, { address: well.address }];
  const proxy = await proxyOf(t, { servers, healthCheck: CHECK });
  for (let i = 0; i < 10; i++) assert.equal(await ask(proxy), 'well');
  assert.match(
    proxy.process.stderr,
    /Pool main: server (\S+) is down \(GET \/healthz with Host \1: status 503, expected 200-399\)\./,
  );
});

test('a server that falls ill gets no more requests, and gets them again when it is well', { skip }, async (t) => {
  const [first, second] = [await origin(t, 'first'), await origin(t, 'second')];
  const servers = [{ address: first.address }, { address: second.address }];
  const proxy = await proxyOf(t, { servers, healthCheck: CHECK });
  await answersBecome(proxy, 'from both', (answers) => answers.size === 2);
  first.now.healthy = false;
  await answersBecome(proxy, 'from the second alone', (answers) => answers.size === 1 && answers.has('second'));
  first.now.healthy = true;
  await answersBecome(proxy, 'from both again', (answers) => answers.size === 2);
});

test('a backup answers while every other server is ill', { skip }, async (t) => {
  const [main, backup] = [await origin(t, 'main'), await origin(t, 'backup')];
  const servers = [{ address: main.address }, { address: backup.address, backup: true }];
  const proxy = await proxyOf(t, { servers, healthCheck: CHECK });
  for (let i = 0; i < 10; i++) assert.equal(await ask(proxy), 'main');
  main.now.healthy = false;
  await answersBecome(proxy, 'from the backup', (answers) => answers.size === 1 && answers.has('backup'));
});

test('when every server is ill clients get 503, or an answer all the same if the pool says try', {
  skip,
}, async (t) => {
  const ill = await origin(t, 'ill');
  ill.now.healthy = false;
  const pool = { servers: [{ address: ill.address }], healthCheck: CHECK };
  assert.equal(await ask(await proxyOf(t, pool)), '503');
  assert.equal(await ask(await proxyOf(t, { ...pool, panic: 'try' })), 'ill');
});

test('a server that answers errors is ejected, and let back after its time', { skip }, async (t) => {
  const [bad, good] = [await origin(t, 'bad'), await origin(t, 'good')];
  bad.now.status = 500;
  const servers = [{ address: bad.address }, { address: good.address }];
  const proxy = await proxyOf(t, { servers, outlierDetection: { errors: 3, baseEjection: '500ms' } });
  const first = [];
  for (let i = 0; i < 6; i++) first.push(await ask(proxy));
  assert.equal(first.filter((answer) => answer === '500').length, 3, 'three errors in a row are needed');
  for (let i = 0; i < 6; i++) assert.equal(await ask(proxy), 'good');
  bad.now.status = 200;
  await answersBecome(proxy, 'from both', (answers) => answers.size === 2);
});

test('a server that was ejected is back as soon as it passes its checks', { skip }, async (t) => {
  const [bad, good] = [await origin(t, 'bad'), await origin(t, 'good')];
  bad.now.status = 500;
  const proxy = await proxyOf(t, {
    servers: [{ address: bad.address }, { address: good.address }],
    healthCheck: { ...CHECK, interval: '60s' },
    outlierDetection: { errors: 3, baseEjection: '60s' },
  });
  await answersBecome(proxy, 'from the good one alone', (answers) => answers.size === 1 && answers.has('good'));
  bad.now.status = 200;
  await answersBecome(proxy, 'from both', (answers) => answers.size === 2);
  assert.match(proxy.process.stdout, /Pool main: server \S+ passed 2 checks in a row; its ejection ends\./);
});

test('the report names every pool and server, and how each is', { skip }, async (t) => {
  const [ill, well] = [await origin(t, 'ill'), await origin(t, 'well')];
  ill.now.healthy = false;
  const servers = [
    { address: ill.address, name: 'first' },
    { address: well.address, weight: 3 },
  ];
  const proxy = await proxyOf(t, { servers, healthCheck: CHECK });
  assert.equal(await ask(proxy), 'well');
  const { main } = await proxy.pools();
  assert.deepEqual([main!.requests, main!.waiting, main!.ejected], [1, 0, 0]);
  assert.deepEqual(
    main!.servers.map(({ name, address, status, weight }) => [name, address, status, weight]),
    [
      ['first', ill.address, 'DOWN', 1],
      [well.address, well.address, 'UP', 3],
    ],
  );
});

test('a pool whose name does not resolve is empty, says so, and keeps nobody from starting', { skip }, async (t) => {
  const proxy = await proxyOf(t, { servers: [{ address: 'nobody.invalid:80' }] });
  assert.equal(await ask(proxy), '503');
  assert.match(
    proxy.process.stderr,
    /Pool main: nobody.invalid:80 does not resolve \(\w+\); it adds no server until it does\./,
  );
});
