// A slab that is too small for the load: reading pauses and goes on, nothing is lost, nobody is dropped.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { start as startBig } from '../origins/big-body.js';
import { listenRaw } from '../origins/raw.js';
import { statusOf } from '../support/messages.js';
import { use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

// 64 chunks of 16 KiB.
const SLAB = '1MiB';
const CLIENTS = 200;

test('two hundred uploads through a slab of 64 chunks all arrive', async (t) => {
  const origin = await use(t, startBig());
  const proxy = await useProxy(t, { servers: [origin.address], limits: { slabBytes: SLAB } });
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => WireClient.connect(proxy.place)));
  const body = 'x'.repeat(300_000);
  await Promise.all(
    clients.map(async (client) => {
      await client.send(`POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      assert.equal((await client.response('POST')).body, '300000');
      client.close();
    }),
  );
  await proxy.heldNothing();
});

test('two hundred downloads through a slab of 64 chunks all arrive', async (t) => {
  const origin = await use(t, startBig());
  const proxy = await useProxy(t, { servers: [origin.address], limits: { slabBytes: SLAB } });
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => WireClient.connect(proxy.place)));
  await Promise.all(
    clients.map(async (client, i) => {
      await client.send(get(`/300000${i % 2 ? '?chunked' : ''}`));
      assert.equal((await client.response()).body.length, 300_000);
      client.close();
    }),
  );
  await proxy.heldNothing();
});

test('clients that hold a chunk each with half a head do not lock out the others for good', async (t) => {
  const origin = await use(t, startAnswers());
  const limits = { slabBytes: SLAB };
  const proxy = await useProxy(t, { servers: [origin.address], limits, timeouts: { requestHead: '1s' } });
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => WireClient.connect(proxy.place)));
  await Promise.all(clients.map((client) => client.send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(9000)}`)));
  assert.equal(statusOf(await ask(proxy.place, get())), 200);
  await Promise.all(clients.map((client) => client.closed()));
  assert.equal(statusOf(await ask(proxy.place, get())), 200);
  await proxy.heldNothing();
});

test('a dozen clients that do not read their long bodies do not lock out the others', async (t) => {
  const origin = await use(t, startBig());
  const proxy = await useProxy(t, { servers: [origin.address], limits: { slabBytes: SLAB } });
  const idlers: WireClient[] = [];
  for (let i = 0; i < 12; i++) {
    const client = await WireClient.connect(proxy.place);
    client.socket.pause();
    idlers.push(client);
    await client.send(get('/64000000'));
    // One span at least waits for each of them.
    await proxy.countersUntil('blocked', ({ spansQueued }) => spansQueued! >= idlers.length);
  }
  assert.equal((await ask(proxy.place, get('/7'))).body, 'sevenfo');
  for (const client of idlers) client.close();
  await proxy.heldNothing();
});

test('bytes go both ways at once: an echo of ten megabytes that is read only after some time', async (t) => {
  const bytes = 10_000_000;
  const origin = await use(
    t,
    listenRaw((visit) => {
      let head = '';
      visit.socket.on('data', (text: string) => {
        if (head === '') {
          head = text.slice(0, text.indexOf('\r\n\r\n') + 4);
          visit.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`);
          visit.socket.write(text.slice(head.length), 'latin1');
        } else if (!visit.socket.write(text, 'latin1')) {
          visit.socket.pause();
          visit.socket.once('drain', () => visit.socket.resume());
        }
      });
    }),
  );
  const proxy = await useProxy(t, { servers: [origin.address], limits: { slabBytes: SLAB } });
  const client = await WireClient.connect(proxy.place, { deadlineMs: 30_000 });
  client.socket.pause();
  const sent = client.send(`POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n${'e'.repeat(bytes)}`);
  for (let i = 0; i < 50; i++) await proxy.counters();
  client.socket.resume();
  await sent;
  const response = await client.response('POST');
  assert.equal(response.body.length, bytes);
  client.close();
});

test('a body of a reader that waits is not read ahead without bound', async (t) => {
  const { start } = await import('../origins/slow-reader.js');
  const origin = await use(t, start());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place, { deadlineMs: 30_000 });
  const bytes = 50_000_000;
  const head = `POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`;
  const sent = client.send(head + 'x'.repeat(bytes));
  await origin.origin.until('connection', (seen) => seen.accepted === 1);
  for (let i = 0; i < 50; i++) {
    const [counters] = await proxy.counters();
    assert.ok((counters?.chunksUsed ?? 0) < 256, `${counters?.chunksUsed} chunks wait for a reader that does not read`);
  }
  origin.go(bytes);
  await sent;
  assert.equal((await client.response('POST')).body, 'read it all');
  client.close();
});
