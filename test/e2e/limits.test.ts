// Limits of a request, each with its status, just within and just beyond.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import { start as startResets } from '../origins/resets.js';
import { statusOf } from '../support/messages.js';
import { type RunningProxy, startProxy, use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

describe('limits', { concurrency: 1 }, () => {
  let origin: RawOrigin;
  let proxy: RunningProxy;

  before(async () => {
    origin = await startAnswers((request, visit) => {
      const fields = request.startLine.includes('/big-head') ? [`X-Big: ${'x'.repeat(3000)}`] : [];
      visit.socket.write(ok('fine', ...fields));
    });
    proxy = await startProxy({
      servers: [origin.address],
      limits: { headBytesMax: '2KiB', uriBytesMax: 200, fieldsMax: 20, bodyBytesMax: 1000 },
    });
  });
  after(async () => {
    await proxy.stop();
    await origin.close();
  });

  /** Status of the answer, and whether the connection was closed after it. */
  const refused = async (request: string): Promise<number> => {
    const count = origin.requests.length;
    const client = await WireClient.connect(proxy.place);
    await client.send(request);
    const status = statusOf(await client.response(request.slice(0, request.indexOf(' '))));
    await client.closed();
    assert.equal(origin.requests.length, count, 'the refused request reached the origin');
    return status;
  };
  const status = async (request: string): Promise<number> => statusOf(await ask(proxy.place, request));
  const upload = (bytes: number, ...lines: string[]): string =>
    `POST / HTTP/1.1\r\nHost: a\r\n${lines.join('\r\n')}Content-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`;
  const chunked = (bytes: number): string => {
    const size = bytes.toString(16);
    return `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${size}\r\n${'x'.repeat(bytes)}\r\n0\r\n\r\n`;
  };

  test('a head within headBytesMax passes, one beyond is answered 431', async () => {
    const room = 2048 - get('/', 'X-A: ').length;
    assert.equal(await status(get('/', `X-A: ${'a'.repeat(room)}`)), 200);
    assert.equal(await refused(get('/', `X-A: ${'a'.repeat(room + 1)}`)), 431);
  });

  test('a head far beyond any buffer is answered 431', async () => {
    assert.equal(await refused(get('/', `X-A: ${'a'.repeat(100_000)}`)), 431);
  });

  test('a head that never ends is answered 431 before it ends', async () => {
    assert.equal(await refused(`GET / HTTP/1.1\r\nHost: a\r\n${'X-A: b\r\n'.repeat(10_000)}`), 431);
  });

  test('a target within uriBytesMax passes, one beyond is answered 414', async () => {
    assert.equal(await status(get(`/${'u'.repeat(199)}`)), 200);
    assert.equal(await refused(get(`/${'u'.repeat(200)}`)), 414);
  });

  test('a target longer than a whole head is answered 414', async () => {
    assert.equal(await refused(get(`/${'u'.repeat(50_000)}`)), 414);
  });

  test('fieldsMax fields pass, one more is answered 431', async () => {
    const lines = (count: number): string[] => Array.from({ length: count - 1 }, (_, i) => `X-${i}: v`);
    assert.equal(await status(get('/', ...lines(20))), 200);
    assert.equal(await refused(get('/', ...lines(21))), 431);
  });

  test('a counted body within bodyBytesMax passes, one beyond is answered 413 before it is read', async () => {
    assert.equal(await status(upload(1000)), 200);
    assert.equal(await refused(upload(1001)), 413);
    assert.equal(await refused('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1099511627776\r\n\r\n'), 413);
  });

  test('a chunked body within bodyBytesMax passes, one beyond is answered 413', async () => {
    assert.equal(await status(chunked(1000)), 200);
    assert.equal(await refused(chunked(1001)), 413);
    // What a chunk says of itself is enough.
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
    assert.equal(await refused(`${head}a\r\n0123456789\r\n3e8\r\nx`), 413);
  });

  test('a response head beyond headBytesMax is answered 502', async () => {
    assert.equal(await status(get('/big-head')), 502);
  });

  test('the next request is served after all that', async () => {
    assert.equal(await status(get()), 200);
  });
});

test('a client beyond connectionsMax waits until another leaves', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, { servers: [origin.address], limits: { connectionsMax: 10 } });
  const clients = await Promise.all(Array.from({ length: 10 }, () => WireClient.connect(proxy.place)));
  for (const client of clients) assert.equal(statusOf(await client.exchange(get())), 200);
  const beyond = await WireClient.connect(proxy.place);
  await beyond.send(get());
  for (const client of clients) assert.equal(statusOf(await client.exchange(get())), 200);
  for (const counters of await proxy.counters()) assert.ok((counters.clientConnections ?? 0) <= 10);
  for (const client of clients) client.close();
  assert.equal(statusOf(await beyond.response()), 200);
  beyond.close();
  await proxy.countersUntil('clients gone', (counters) => counters.clientConnections === 0);
  assert.equal(statusOf(await ask(proxy.place, get())), 200);
});

test('a request is tried retriesMax times more, on servers that were not tried yet', async (t) => {
  const resets = await Promise.all([0, 1, 2, 3].map(() => use(t, startResets())));
  const servers = resets.map((origin) => origin.address);
  const proxy = await useProxy(t, { servers, limits: { retriesMax: 2 } });
  assert.equal(statusOf(await ask(proxy.place, get())), 502);
  const tries = resets.map((origin) => origin.requests.length);
  assert.deepEqual(tries.sort(), [0, 1, 1, 1]);
});

test('retriesMax 0 tries once', async (t) => {
  const resets = await Promise.all([0, 1].map(() => use(t, startResets())));
  const proxy = await useProxy(t, { servers: resets.map((origin) => origin.address), limits: { retriesMax: 0 } });
  assert.equal(statusOf(await ask(proxy.place, get())), 502);
  assert.equal(resets[0]!.requests.length + resets[1]!.requests.length, 1);
});
