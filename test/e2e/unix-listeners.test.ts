// Listeners on unix sockets: who may connect, what is said of such clients, and what becomes of the files.

import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, type TestContext, test } from 'node:test';
import { start as startEcho } from '../origins/json-echo.js';
import { start as startTcpEcho } from '../origins/tcp-echo.js';
import { scratchDirectory } from '../support/addresses.js';
import { makeIdentity } from '../support/identity.js';
import { type ProxySpec, type RunningProxy, standIn, startProxy, use, useProxy } from '../support/proxy.js';
import { line } from '../support/proxy-header.js';

const socketPath = (): string => join(scratchDirectory(), 'proxy.sock');
const modeOf = (path: string): number => statSync(path).mode & 0o777;
const isRoot = process.getuid?.() === 0;

/** What the server behind the proxy was sent: its answer repeats the request's headers. */
async function heard(path: string, options: { tls?: boolean; headers?: IncomingHttpHeaders } = {}) {
  const send = options.tls ? httpsRequest : httpRequest;
  return new Promise<IncomingHttpHeaders>((resolve, reject) => {
    const sent = send(
      { socketPath: path, path: '/', headers: { host: 'shop.test', ...options.headers }, rejectUnauthorized: false },
      (response) => {
        text(response).then((body) => resolve((JSON.parse(body) as { headers: IncomingHttpHeaders }).headers), reject);
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

/** Everything that comes back over a connection on which `bytes` are sent and then the end. */
async function answered(path: string, bytes: string): Promise<string> {
  const socket: Socket = connect(path);
  socket.end(bytes);
  return text(socket);
}

/** A socket file that no process listens on any more. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.old`, resolve));
  renameSync(`${path}.old`, path);
  await new Promise((resolve) => server.close(resolve));
  assert.ok(existsSync(path));
}

async function proxyAt(t: TestContext, path: string, more: Partial<ProxySpec> = {}): Promise<RunningProxy> {
  const echo = await use(t, startEcho());
  return useProxy(t, { listeners: [{ address: `unix:${path}` }], servers: [echo.address], ...more });
}

describe('listeners on unix sockets', { skip: standIn && 'only the product' }, () => {
  test('a request comes in, from a client without an address, and the file goes with the process', async (t) => {
    const echo = await use(t, startEcho());
    const path = socketPath();
    const proxy = await startProxy({
      listeners: [
        { address: `unix:${path}`, socket: { mode: '0640', ...(isRoot ? { owner: 'daemon:nogroup' } : {}) } },
      ],
      routes: [
        {
          rules: [
            {
              filters: [
                {
                  type: 'RequestHeaderModifier',
                  requestHeaderModifier: { set: [{ name: 'X-Client', value: `$\{clientAddress}` }] },
                },
              ],
              pool: 'main',
            },
          ],
        },
      ],
      pools: { main: { servers: [{ address: echo.address }], balance: 'ip-hash' } },
    });
    assert.match(proxy.process.stdout, new RegExp(`listening on unix:${path} \\(http\\)`));
    assert.equal(modeOf(path), 0o640);
    if (isRoot) assert.equal(statSync(path).uid, 1);
    const headers = await heard(path, { headers: { 'x-forwarded-for': '203.0.113.9' } });
    assert.equal(headers['x-forwarded-for'], 'unix:');
    assert.equal(headers['x-client'], 'unix:');
    assert.equal(headers['x-forwarded-proto'], 'http');
    assert.equal(headers['x-forwarded-port'], undefined, 'there is no port');
    await proxy.stop();
    assert.equal(existsSync(path), false);
  });

  test('https and tcp listen there, too', async (t) => {
    const [echo, tcpEcho] = [await use(t, startEcho()), await use(t, startTcpEcho())];
    const [secure, raw] = [socketPath(), socketPath()];
    const identity = makeIdentity({ names: ['shop.test'] });
    await useProxy(t, {
      listeners: [
        { address: `unix:${secure}`, protocol: 'https', tls: { certificates: [identity.files] } },
        { address: `unix:${raw}`, protocol: 'tcp', pool: 'raw' },
      ],
      routes: [{ rules: [{ pool: 'main' }] }],
      pools: { main: { servers: [{ address: echo.address }] }, raw: { servers: [{ address: tcpEcho.address }] } },
    });
    assert.equal((await heard(secure, { tls: true }))['x-forwarded-proto'], 'https');
    assert.equal(await answered(raw, 'to and fro'), 'to and fro');
  });

  test('proxies in front that come over the socket are believed when they are named', async (t) => {
    const path = socketPath();
    await proxyAt(t, path, { trustedProxies: ['unix:'] });
    const headers = await heard(path, { headers: { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' } });
    assert.equal(headers['x-forwarded-for'], '203.0.113.9, unix:');
    assert.equal(headers['x-forwarded-proto'], 'https');
  });

  test('a PROXY header names the client', async (t) => {
    const path = socketPath();
    await proxyAt(t, path, { listeners: [{ address: `unix:${path}`, proxyProtocol: { from: ['unix:'] } }] });
    const ends = { from: '203.0.113.7', fromPort: 40_001, to: '198.51.100.1', toPort: 8443 };
    const answer = await answered(path, `${line(ends)}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /"x-forwarded-for":"203\.0\.113\.7"/);
    assert.match(answer, /"x-forwarded-port":"8443"/);
  });

  test('a symbolic link in the way is named, and stays', async () => {
    const path = socketPath();
    await leaveSocket(path);
    symlinkSync(path, `${path}.link`);
    await assert.rejects(
      startProxy({ listeners: [{ address: `unix:${path}.link` }], servers: ['127.0.0.1:1'] }),
      new RegExp(
        `cannot listen on unix:${path}.link: a symbolic link to ${path} is in the way. Remove it, or listen on its target.`,
      ),
    );
    assert.ok(existsSync(`${path}.link`));
  });

  test('a file that a dead process left is replaced; one that is in use, and one that is no socket, stay', async (t) => {
    const path = socketPath();
    await leaveSocket(path);
    const first = await proxyAt(t, path);
    await assert.rejects(
      startProxy({ listeners: [{ address: `unix:${path}` }], servers: ['127.0.0.1:1'], args: [] }),
      /cannot listen on unix:.*another process listens there, or a file that is no socket is in the way/s,
    );
    assert.equal((await heard(path)).host, 'shop.test', 'the first one serves on');
    const plain = socketPath();
    writeFileSync(plain, 'precious');
    await assert.rejects(startProxy({ listeners: [{ address: `unix:${plain}` }], servers: ['127.0.0.1:1'] }));
    assert.equal(statSync(plain).size, 8);
    // A file that another process has put there since is not ours to remove.
    await leaveSocket(`${path}.new`);
    renameSync(`${path}.new`, path);
    await first.process.kill('SIGTERM');
    await first.process.exited();
    assert.ok(existsSync(path));
  });

  test('a reload keeps the socket, applies a new mode, and removes the file of a listener that is gone', async (t) => {
    const echo = await use(t, startEcho());
    const [kept, gone] = [socketPath(), socketPath()];
    const spec = (mode: string, ...more: string[]): ProxySpec => ({
      listeners: [{ address: `unix:${kept}`, socket: { mode } }, ...more.map((path) => ({ address: `unix:${path}` }))],
      servers: [echo.address],
    });
    const proxy = await useProxy(t, spec('0600', gone));
    const { ino } = statSync(kept);
    assert.ok(existsSync(gone));
    chmodSync(kept, 0o777);
    await proxy.reload(spec('0660'));
    assert.deepEqual([statSync(kept).ino, modeOf(kept)], [ino, 0o660]);
    assert.equal((await heard(kept)).host, 'shop.test');
    assert.equal(existsSync(gone), false);
  });

  test('a reload that is refused leaves the mode of a socket as it was', async (t) => {
    const echo = await use(t, startEcho());
    const path = socketPath();
    const spec = (mode: string) => ({
      listeners: [{ address: `unix:${path}`, socket: { mode } }],
      servers: [echo.address],
    });
    const proxy = await startProxy(spec('0600'));
    t.after(() => proxy.process.kill('SIGTERM'));
    const document = JSON.parse(readFileSync(proxy.file!, 'utf8'));
    document.listeners[0].socket.mode = '0666';
    document.listeners.push({ address: echo.address }); // in use
    writeFileSync(proxy.file!, JSON.stringify(document));
    proxy.process.kill('SIGHUP');
    await proxy.process.until('a refused reload', () => proxy.process.stderr.includes('cannot listen') || undefined);
    assert.equal(modeOf(path), 0o600);
  });

  test('says what is wrong with a directory or an owner', async () => {
    const failed = (address: string, socket?: object) =>
      startProxy({ listeners: [{ address, ...(socket ? { socket } : {}) }], servers: ['127.0.0.1:1'] });
    await assert.rejects(failed('unix:/nowhere/at/all.sock'), /its directory does not exist/);
    const path = socketPath();
    await assert.rejects(failed(`unix:${path}`, { owner: 'no-such-user' }), /there is no user 'no-such-user'/);
    assert.equal(existsSync(path), false);
  });
});
