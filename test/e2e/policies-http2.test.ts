// Policies for requests that share one connection of HTTP/2: each stream by itself, and what a cancelled one held is given back.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin, type Visit } from '../origins/raw.js';
import { scratchDirectory } from '../support/addresses.js';
import { fieldValues } from '../support/messages.js';
import { describeProduct, type RunningProxy, startProxy } from '../support/proxy.js';

type Fields = IncomingHttpHeaders & { ':status'?: number };

describeProduct('policies over HTTP/2', () => {
  let origin: RawOrigin;
  let auth: RawOrigin;
  let proxy: RunningProxy;
  let client: ClientHttp2Session;
  const held: Visit[] = [];

  before(async () => {
    const file = join(scratchDirectory(), 'users');
    writeFileSync(file, `anna:${hashSync('secret', 4)}\n`);
    origin = await startAnswers((request, visit) => {
      if (request.startLine.includes('hold')) held.push(visit);
      else visit.socket.write(ok('fine'));
    });
    auth = await startAnswers((request, visit) => {
      const isIn = fieldValues(request, 'cookie').includes('in=1');
      visit.socket.write(
        isIn ? ok('', 'X-Remote-User: anna') : 'HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n',
      );
    });
    const rule = (value: string, filter: object): object => ({
      matches: [{ path: { value } }],
      filters: [filter],
      pool: 'main',
    });
    proxy = await startProxy({
      listeners: [{ http2: true }],
      routes: [
        {
          rules: [
            rule('/denied', { type: 'AllowDeny', allowDeny: { deny: ['127.0.0.0/8'] } }),
            rule('/rate', {
              type: 'RateLimit',
              rateLimit: { rate: '1/h', burst: 3, key: ['host', 'header:x-key', 'cookie:id'] },
            }),
            rule('/held', { type: 'ConcurrencyLimit', concurrencyLimit: { requests: 1 } }),
            rule('/cors', { type: 'CORS', cors: { allowOrigins: ['https://shop.example'] } }),
            rule('/basic', { type: 'BasicAuth', basicAuth: { file, userHeader: 'X-Remote-User' } }),
            rule('/asked', { type: 'ForwardAuth', forwardAuth: { pool: 'auth', responseHeaders: ['X-Remote-User'] } }),
          ],
        },
      ],
      pools: { main: { servers: [{ address: origin.address }] }, auth: { servers: [{ address: auth.address }] } },
    });
    client = connect(proxy.url);
  });
  after(async () => {
    client.destroy();
    await proxy.stop();
    await Promise.all([origin.close(), auth.close()]);
  });

  const answered = (stream: ClientHttp2Stream): Promise<Fields> =>
    new Promise((resolve, reject) => {
      stream.once('response', resolve);
      stream.once('error', reject);
      stream.resume();
    });
  const ask = (path: string, headers: Record<string, string | string[]> = {}): Promise<Fields> =>
    answered(client.request({ ':path': path, ...headers }));
  const statusOf = async (path: string, headers = {}): Promise<number> => (await ask(path, headers))[':status']!;

  test('AllowDeny and CORS decide about a stream', async () => {
    assert.equal(await statusOf('/denied'), 403);
    const preflight = {
      ':method': 'OPTIONS',
      origin: 'https://shop.example',
      'access-control-request-method': 'PUT',
    };
    const allowed = await ask('/cors', preflight);
    assert.deepEqual([allowed[':status'], allowed['access-control-allow-origin']], [204, 'https://shop.example']);
  });

  test('RateLimit counts streams of one connection, by fields in any of their forms', async () => {
    // Cookies of HTTP/2 may come in pieces (RFC 9113, 8.2.3).
    const key = { 'x-key': 'a', cookie: ['x=1', 'id=7', 'y=2'] };
    const all = await Promise.all(Array.from({ length: 20 }, () => statusOf('/rate', key)));
    assert.equal(all.filter((status) => status === 200).length, 3);
    assert.equal(all.filter((status) => status === 429).length, 17);
    const whole = { 'x-key': 'a', cookie: 'x=1; id=7', ':authority': proxy.url.slice('http://'.length).toUpperCase() };
    const refused = await ask('/rate', whole);
    assert.deepEqual([refused[':status'], refused['retry-after']], [429, '3600']);
  });

  test('RateLimit refuses an upload before it is read', async () => {
    const stream = client.request(
      { ':method': 'POST', ':path': '/rate', 'x-key': 'a', cookie: 'id=7' },
      { endStream: false },
    );
    const fields = answered(stream);
    stream.write(Buffer.alloc(10_000));
    assert.equal((await fields)[':status'], 429);
    stream.close();
  });

  test('ConcurrencyLimit gets back what a cancelled stream held', async () => {
    const first = client.request({ ':path': '/held?hold' });
    first.on('error', () => {});
    await origin.until('a request that is held', () => held.length === 1);
    assert.equal(await statusOf('/held'), 429);
    first.close(8);
    await origin.until('its end', () => held[0]!.closed);
    assert.equal(await statusOf('/held'), 200);
  });

  test('logins hold a stream up with its body, and name the user to the server alone', async () => {
    assert.equal(await statusOf('/basic'), 401);
    const login = { authorization: `Basic ${Buffer.from('anna:secret').toString('base64')}`, 'x-remote-user': 'root' };
    const upload = async (path: string, headers: object): Promise<Fields> => {
      const stream = client.request({ ':method': 'POST', ':path': path, ...headers }, { endStream: false });
      const fields = answered(stream);
      stream.end(Buffer.alloc(50_000, 'x'));
      return fields;
    };
    for (const [path, headers] of [
      ['/basic', login],
      ['/asked', { cookie: 'in=1', x_remote_user: 'root', 'x-remote-user': 'root' }],
    ] as const) {
      assert.equal((await upload(path, headers))[':status'], 200, path);
      const request = origin.requests.at(-1)!;
      assert.deepEqual(fieldValues(request, 'x-remote-user'), ['anna'], path);
      assert.deepEqual([...fieldValues(request, 'x_remote_user'), ...fieldValues(request, 'authorization')], [], path);
      assert.equal(request.body.length, 50_000);
    }
    const refused = await upload('/asked', {});
    assert.deepEqual([refused[':status'], refused.location], [302, '/login']);
    await proxy.checkInvariants();
  });
});
