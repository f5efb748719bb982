// Every wait has an end: what the client is told when one side is too slow.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { start as startNeverAccepts } from '../origins/never-accepts.js';
import { start as startNever } from '../origins/never-answers.js';
import { listenRaw } from '../origins/raw.js';
import { start as startSlowHead } from '../origins/slow-head.js';
import { start as startStalls } from '../origins/stalls-mid-body.js';
import { start as startUpgrade } from '../origins/upgrade-raw.js';
import { statusOf } from '../support/messages.js';
import { use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

// Deadlines are swept coarsely, so tests ask for little and allow much.
const SHORT = '300ms';

test('answers 408 and closes when a request head does not end', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { requestHead: SHORT } });
  const client = await WireClient.connect(proxy.place);
  await client.send('GET / HTTP/1.1\r\nHost: slow.exam');
  assert.equal(statusOf(await client.response()), 408);
  await client.closed();
  assert.equal(origin.requests.length, 0);
});

test('a client that trickles its head gains no time by it', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { requestHead: '1s' } });
  const client = await WireClient.connect(proxy.place);
  await client.send('GET / HTTP/1.1\r\n');
  const trickle = setInterval(() => void client.send('X: y\r\n'), 100);
  t.after(() => clearInterval(trickle));
  assert.equal(statusOf(await client.response()), 408);
  await client.closed();
});

test('a second request on a connection has its own deadline for the head', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { requestHead: SHORT } });
  const client = await WireClient.connect(proxy.place);
  assert.equal(statusOf(await client.exchange(get())), 200);
  client.forget();
  await client.send('GET / HTTP/1.1\r\nHo');
  assert.equal(statusOf(await client.response()), 408);
  await client.closed();
});

test('an idle keep-alive connection is closed without a word', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { idle: SHORT } });
  const client = await WireClient.connect(proxy.place);
  assert.equal(statusOf(await client.exchange(get())), 200);
  client.forget();
  assert.equal(await client.closed(), 'end');
  assert.equal(client.received, '');
});

test('a connection that never sends a byte is closed', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { idle: SHORT, requestHead: SHORT } });
  const client = await WireClient.connect(proxy.place);
  await client.closed();
});

test('answers 408 when a request body stalls, and closes both connections', async (t) => {
  const origin = await use(
    t,
    listenRaw((visit, seen) => {
      visit.socket.on('data', () => seen.note());
    }),
  );
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { requestBody: SHORT } });
  const client = await WireClient.connect(proxy.place);
  await client.send('POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: 10\r\n\r\nhalf');
  assert.equal(statusOf(await client.response('POST')), 408);
  await client.closed();
  await origin.until('closed connection', (seen) => seen.visits[0]?.ended || seen.visits[0]?.closed);
});

test('answers 504 when a server does not take the connection in time', async (t) => {
  const origin = await use(t, startNeverAccepts());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { connect: SHORT } });
  assert.equal(statusOf(await ask(proxy.place, get())), 504);
});

test('answers 504 when a server does not answer in time, and closes that connection', async (t) => {
  const origin = await use(t, startNever());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { responseHead: SHORT } });
  assert.equal(statusOf(await ask(proxy.place, get())), 504);
  await origin.until('closed connections', (seen) => seen.visits.every((visit) => visit.ended || visit.closed));
});

test('a POST that a server does not answer in time is not sent twice', async (t) => {
  const origin = await use(t, startNever());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { responseHead: SHORT } });
  const post = 'POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: 2\r\n\r\nhi';
  assert.equal(statusOf(await ask(proxy.place, post)), 504);
  assert.equal(origin.requests.length, 1);
});

test('answers 504 when a response head does not end', async (t) => {
  const origin = await use(t, startSlowHead());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { responseHead: SHORT } });
  assert.equal(statusOf(await ask(proxy.place, get())), 504);
});

test('the client connection survives a 504', async (t) => {
  const origin = await use(t, startNever());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { responseHead: SHORT } });
  const client = await WireClient.connect(proxy.place);
  assert.equal(statusOf(await client.exchange(get('/1'))), 504);
  assert.equal(statusOf(await client.exchange(get('/2'))), 504);
  client.close();
});

test('a response that stalls half way is cut: the client sees the connection end early', async (t) => {
  const origin = await use(t, startStalls());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { responseIdle: SHORT } });
  const client = await WireClient.connect(proxy.place);
  await client.send(get());
  await client.closed();
  assert.match(client.received, /\r\n\r\n0123456789$/);
  await origin.until('closed connection', (seen) => seen.visits[0]?.ended || seen.visits[0]?.closed);
});

test('answers 504 when the whole request takes too long', async (t) => {
  const origin = await use(t, startNever());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { request: SHORT } });
  assert.equal(statusOf(await ask(proxy.place, get())), 504);
});

test('an idle backend connection is closed', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { backendIdle: SHORT } });
  assert.equal(statusOf(await ask(proxy.place, get())), 200);
  await origin.until('closed connection', (seen) => seen.visits[0]?.ended || seen.visits[0]?.closed);
});

test('a tunnel that carries nothing is closed on both sides', async (t) => {
  const origin = await use(t, startUpgrade());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { tunnelIdle: SHORT } });
  const client = await WireClient.connect(proxy.place);
  await client.send(get('/', 'Connection: upgrade', 'Upgrade: echo'));
  await client.closed();
  assert.match(client.received, /^HTTP\/1\.1 101 /);
  await origin.until('closed connection', (seen) => seen.visits[0]?.ended || seen.visits[0]?.closed);
});
