// Slowloris and floods: many half requests, long pipelines, header floods. Everybody else is served meanwhile.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { statusOf } from '../support/messages.js';
import { Siege } from '../support/siege.js';
import { get, WireClient } from '../support/wire-client.js';

describe('floods', { concurrency: 1 }, () => {
  const siege = new Siege({ timeouts: { requestHead: '2s' } });

  test('a thousand half heads are closed in time, and others are served meanwhile', async () => {
    const clients = await Promise.all(Array.from({ length: 1000 }, () => WireClient.connect(siege.proxy.place)));
    await Promise.all(
      clients.map((client, i) => client.send('GET / HTTP/1.1\r\nHost: a\r\nX: '.slice(0, 1 + (i % 28)))),
    );
    await siege.servesOthers();
    await Promise.all(clients.map((client) => client.closed()));
    assert.ok(clients.every((client) => client.received === '' || client.received.startsWith('HTTP/1.1 408 ')));
    await siege.servesOthers();
    await siege.proxy.countersUntil('no chunk held', (counters) => counters.chunksUsed === 0);
  });

  test('a thousand connections that say nothing and leave cost nothing', async () => {
    const clients = await Promise.all(Array.from({ length: 1000 }, () => WireClient.connect(siege.proxy.place)));
    for (const [i, client] of clients.entries()) {
      if (i % 2 === 0) client.reset();
      else client.close();
    }
    await siege.servesOthers();
    await siege.proxy.countersUntil('only backend connections left', (counters) => (counters.connections ?? 0) <= 16);
  });

  test('a pipeline of five thousand requests is answered in order', async () => {
    const count = 5000;
    const client = await WireClient.connect(siege.proxy.place, { deadlineMs: 30_000 });
    await client.send(Array.from({ length: count }, (_, i) => get(`/${i}`)).join(''));
    const responses = await client.responses(Array.from({ length: count }, () => 'GET'));
    assert.ok(responses.every((response, i) => response.body === `GET /${i} HTTP/1.1`));
    client.close();
    await siege.servesOthers();
  });

  test('a pipeline whose client reads nothing and leaves is dropped', async () => {
    const client = await WireClient.connect(siege.proxy.place);
    client.socket.pause();
    void client.send(Array.from({ length: 20_000 }, (_, i) => get(`/${i}`)).join(''));
    await siege.origin.until('some requests', (origin) => origin.requests.length > 10);
    client.reset();
    await siege.servesOthers();
    await siege.proxy.countersUntil('nothing queued', (counters) => counters.spansQueued === 0);
  });

  test('a head of very many fields is answered 431', async () => {
    await siege.refuses(`GET / HTTP/1.1\r\nHost: a\r\n${'a:b\r\n'.repeat(2000)}\r\n`, 431);
  });

  test('a thousand empty lines before a request do not hold the worker', async () => {
    const client = await WireClient.connect(siege.proxy.place);
    await client.send('\r\n'.repeat(1000) + get());
    assert.ok([200, 400].includes(statusOf(await client.response())));
    client.close();
    await siege.servesOthers();
  });
});
