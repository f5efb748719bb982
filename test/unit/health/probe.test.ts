import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { HEALTH_CHECK_DEFAULTS, type HealthCheckOptions } from '../../../src/health/options.js';
import { type CheckedServer, checkText, probe } from '../../../src/health/probe.js';
import { endpointOf } from '../../support/endpoints.js';

async function listening(t: TestContext, server: Server, path?: string): Promise<string> {
  server.listen(path === undefined ? { port: 0, host: '127.0.0.1' } : { path });
  await once(server, 'listening');
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return path === undefined ? `127.0.0.1:${(server.address() as AddressInfo).port}` : `unix:${path}`;
}

const answering = (t: TestContext, listener: RequestListener) => listening(t, createServer(listener));

function check(
  server: string | CheckedServer,
  options: Partial<HealthCheckOptions> = {},
  signal = new AbortController().signal,
) {
  return probe(
    typeof server === 'string' ? { endpoint: endpointOf(server) } : server,
    { ...HEALTH_CHECK_DEFAULTS, ...options },
    signal,
  );
}

test('sends the method, path, host and headers asked for, on a connection of its own', async (t) => {
  const seen: IncomingMessage[] = [];
  const address = await answering(t, (request, response) => {
    seen.push(request);
    response.end();
  });
  const options = {
    method: 'HEAD',
    path: '/up?x=1',
    host: 'shop.example',
    headers: [{ name: 'X-Check', value: 'yes' }],
  };
  assert.deepEqual(await check(address, options), { passed: true, says: 'status 200' });
  assert.deepEqual(await check(address), { passed: true, says: 'status 200' });
  const [first, second] = seen as [IncomingMessage, IncomingMessage];
  assert.equal(
    `${first.method} ${first.url} ${first.headers.host} ${first.headers['x-check']}`,
    'HEAD /up?x=1 shop.example yes',
  );
  assert.equal(`${second.method} ${second.url} ${second.headers.host}`, `GET / ${address}`);
  assert.equal(second.headers.connection, 'close');
  assert.notEqual(first.socket, second.socket);
});

test('passes the statuses asked for and no others', async (t) => {
  let status = 200;
  const address = await answering(t, (_, response) => response.writeHead(status).end());
  const expectedStatuses = [
    { from: 200, to: 204 },
    { from: 401, to: 401 },
  ];
  for (status of [200, 204, 401]) assert.equal((await check(address, { expectedStatuses })).passed, true);
  for (status of [205, 400, 500])
    assert.deepEqual(await check(address, { expectedStatuses }), {
      passed: false,
      says: `status ${status}, expected 200-204, 401`,
    });
});

test('looks for the expected text in the body, across its pieces', async (t) => {
  const address = await answering(t, (_, response) => {
    response.write('all is w');
    response.end('ell');
  });
  assert.equal((await check(address, { expectedBody: 'is well' })).passed, true);
  assert.deepEqual(await check(address, { expectedBody: 'ill' }), {
    passed: false,
    says: 'the body does not contain "ill"',
  });
});

test('looks at no more of an endless body than it has to', async (t) => {
  const address = await answering(t, (_, response) => {
    const more = () => {
      while (response.write(Buffer.alloc(16384, 'x')));
    };
    response.on('drain', more);
    more();
  });
  assert.equal((await check(address, { expectedBody: 'y' })).passed, false);
  assert.equal((await check(address)).passed, true);
});

test('looks for the expected headers', async (t) => {
  const address = await answering(t, (_, response) => response.setHeader('X-Role', 'leader').end());
  const expecting = (name: string, value: string | null) => check(address, { expectedHeaders: [{ name, value }] });
  assert.equal((await expecting('x-role', 'leader')).passed, true);
  assert.equal((await expecting('X-Role', null)).passed, true);
  assert.equal((await expecting('X-Role', 'follower')).says, 'X-Role is leader, expected follower');
  assert.equal((await expecting('X-Other', null)).says, 'no X-Other in the answer');
});

test('fails when nobody listens, and says why', async (t) => {
  const server = createTcpServer();
  const address = await listening(t, server);
  await new Promise((resolve) => server.close(resolve));
  for (const type of ['http', 'tcp'] as const) {
    const result = await check(address, { type });
    assert.equal(result.passed, false);
    assert.match(result.says, /ECONNREFUSED/);
  }
});

test('fails when the server closes without an answer, or answers something else than HTTP', async (t) => {
  const closes = await listening(
    t,
    createTcpServer((socket) => socket.end()),
  );
  assert.equal((await check(closes)).passed, false);
  const babbles = await listening(
    t,
    createTcpServer((socket) => socket.end('hello\r\n\r\n')),
  );
  assert.equal((await check(babbles)).passed, false);
});

test('passes TCP when the connection is accepted', async (t) => {
  const address = await listening(t, createTcpServer());
  assert.deepEqual(await check(address, { type: 'tcp' }), { passed: true, says: 'the connection was accepted' });
});

test('ends at once when called off, with the reason', async (t) => {
  const server = createTcpServer();
  const address = await listening(t, server);
  const aborter = new AbortController();
  const result = check(address, {}, aborter.signal);
  await once(server, 'connection');
  aborter.abort('no answer within 5 ms');
  assert.deepEqual(await result, { passed: false, says: 'no answer within 5 ms' });
  for (const type of ['http', 'tcp'] as const)
    assert.equal((await check(address, { type }, AbortSignal.abort('too late'))).says, 'too late');
});

test('checks another port when asked to, and unix sockets', async (t) => {
  const address = await answering(t, (_, response) => response.end());
  assert.equal((await check('127.0.0.1:1', { port: Number(address.split(':')[1]) })).passed, true);
  const folder = await mkdtemp(join(tmpdir(), 'sevenfold-probe-'));
  t.after(() => rm(folder, { recursive: true }));
  const unix = await listening(
    t,
    createServer((request, response) => response.end(request.headers.host)),
    join(folder, 's'),
  );
  assert.equal((await check(unix, { expectedBody: 'localhost' })).passed, true);
  assert.equal((await check(unix, { type: 'tcp' })).passed, true);
});

test('asks a server by the name it is listed by, with the port it connects to unless that is the scheme’s own', async (t) => {
  const address = await answering(t, (request, response) => response.end(request.headers.host));
  const port = Number(address.split(':')[1]);
  const named = { endpoint: endpointOf(address), host: 'app.internal' };
  assert.equal((await check(named, { expectedBody: `app.internal:${port}` })).passed, true);
  const elsewhere = { endpoint: endpointOf('127.0.0.1:1'), host: 'app.internal' };
  assert.equal((await check(elsewhere, { port, expectedBody: `app.internal:${port}` })).passed, true);
  assert.equal((await check(named, { host: 'shop.example', expectedBody: 'shop.example' })).passed, true);
});

test('a check whose files cannot be read fails, and says which', async () => {
  const tls = { serverName: 'a', ca: '/nonexistent/ca.pem', minVersion: 'TLSv1.2', verify: true } as const;
  assert.deepEqual(await check('127.0.0.1:1', { tls }), {
    passed: false,
    says: 'The file /nonexistent/ca.pem does not exist.',
  });
});

test('says what a check sends', () => {
  const text = (address: string, options: Partial<HealthCheckOptions> = {}, host?: string) =>
    checkText(
      { endpoint: endpointOf(address), ...(host === undefined ? {} : { host }) },
      { ...HEALTH_CHECK_DEFAULTS, path: '/healthz', ...options },
    );
  const tls = { serverName: 'a', minVersion: 'TLSv1.2', verify: true } as const;
  assert.equal(text('10.0.0.1:3000'), 'GET /healthz with Host 10.0.0.1:3000');
  assert.equal(text('10.0.0.1:80'), 'GET /healthz with Host 10.0.0.1');
  assert.equal(text('[fd00::1]:443', { tls }), 'GET /healthz with Host [fd00::1]');
  assert.equal(text('10.0.0.1:80', { tls }, 'app'), 'GET /healthz with Host app:80');
  assert.equal(text('unix:/run/app.sock', { method: 'HEAD' }), 'HEAD /healthz with Host localhost');
  assert.equal(text('10.0.0.1:80', { port: 9000 }, 'app'), 'GET /healthz with Host app:9000 to port 9000');
  assert.equal(text('10.0.0.1:80', { host: 'shop.example' }), 'GET /healthz with Host shop.example');
  assert.equal(text('10.0.0.1:80', { type: 'tcp' }), 'a connect');
});
