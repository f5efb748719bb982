// Messages that do not wait for each other: 100-continue, 103, answers before the request ended, clients that leave.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start as startBig } from '../origins/big-body.js';
import { start as startTrailers } from '../origins/chunked-with-trailers.js';
import { start as startEarly } from '../origins/early-answer.js';
import { BODY as EOF_BODY, start as startEof } from '../origins/eof-framed.js';
import { start as startHttp10 } from '../origins/http10.js';
import { start as startInformational } from '../origins/informational.js';
import { start as startNever } from '../origins/never-answers.js';
import { start as startOneByte } from '../origins/one-byte-per-write.js';
import { listenRaw, ok, serveRequests } from '../origins/raw.js';
import { fieldValue, statusOf } from '../support/messages.js';
import { use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const expecting = 'POST /up HTTP/1.1\r\nHost: test.example\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n';

test('a client that waits for 100 gets it from the server, then 103, then the answer', async (t) => {
  const origin = await use(t, startInformational());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  for (let round = 0; round < 3; round++) {
    client.forget();
    await client.send(expecting);
    await client.until('100', () => (client.received.includes('\r\n\r\n') ? true : undefined));
    assert.match(client.received, /^HTTP\/1\.1 100 /);
    await client.send('12345');
    const { informational, final } = await client.fullResponse('POST');
    assert.deepEqual(informational.map(statusOf), [100, 103]);
    assert.equal(fieldValue(informational[1]!, 'link'), '</style.css>; rel=preload');
    assert.equal(final.body, 'got 5');
  }
  client.close();
});

test('a head that is cut in the middle of what came behind a long response arrives whole', async (t) => {
  // After a long response several chunks are received at once: the final head begins in the first and ends in the second.
  const field = `X-Long: ${'v'.repeat(10_000)}`;
  const origin = await use(
    t,
    serveRequests((_, { socket, requestCount }) => {
      if (requestCount === 1) socket.write(ok('x'.repeat(100_000)));
      else socket.write(`HTTP/1.1 103 Early Hints\r\n${field}\r\n\r\n${ok('short', field)}`);
    }),
  );
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  assert.equal((await client.exchange(get('/long'))).body.length, 100_000);
  for (let round = 0; round < 3; round++) {
    client.forget();
    await client.send(get('/hints'));
    const { informational, final } = await client.fullResponse();
    assert.deepEqual(informational.map(statusOf), [103]);
    assert.equal(fieldValue(informational[0]!, 'x-long')?.length, 10_000);
    assert.equal(fieldValue(final, 'x-long')?.length, 10_000);
    assert.equal(final.body, 'short');
  }
  client.close();
  assert.equal(origin.accepted, 1);
});

test('a client that interim responses have blocked waits as long as any for the final one', async (t) => {
  const hint = `HTTP/1.1 103 Early Hints\r\nX-Long: ${'v'.repeat(15_000)}\r\n\r\n`;
  const origin = await use(
    t,
    serveRequests(() => {}),
  );
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { responseIdle: '700ms' } });
  const client = await WireClient.connect(proxy.place);
  client.socket.pause();
  await client.send(get());
  const { socket } = await origin.until('a request', ({ visits }) => visits[0]);
  // Up to what the kernel holds for a client that does not read; the one that is too much is the last.
  let hints = 120;
  await new Promise((resolve) => socket.write(hint.repeat(hints), resolve));
  for (let blocked = false; !blocked; hints++) {
    await new Promise((resolve) => socket.write(hint, resolve));
    blocked = (await proxy.counters())[0]!.bytesQueued! > 0;
  }
  client.socket.resume();
  await client.until('all of them', () => client.received.length >= hints * hint.length || undefined);
  // Longer than responseIdle, which is not for heads.
  setTimeout(() => socket.write(ok('final')), 1500);
  const { informational, final } = await client.fullResponse();
  assert.equal(informational.length, hints);
  assert.equal(statusOf(final), 200);
  client.close();
});

test('a client that is refused instead of 100 need not send its body', async (t) => {
  const origin = await use(t, startInformational({ refuse: true }));
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  await client.send(expecting);
  const { informational, final } = await client.fullResponse('POST');
  assert.deepEqual(informational, []);
  assert.equal(statusOf(final), 417);
  client.close();
});

test('an HTTP/1.0 client is never shown an interim response', async (t) => {
  const origin = await use(t, startInformational());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  await client.send('GET / HTTP/1.0\r\nHost: test.example\r\n\r\n');
  const { informational, final } = await client.fullResponse('GET');
  assert.deepEqual(informational, []);
  assert.equal(statusOf(final), 200);
  client.close();
});

test('an answer that comes before the request body ended reaches the client, which may go on sending', async (t) => {
  const origin = await use(t, startEarly());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  await client.send('POST /up HTTP/1.1\r\nHost: test.example\r\nContent-Length: 200000\r\n\r\nfirst');
  assert.equal((await client.response('POST')).body, 'enough');
  await client.send('x'.repeat(200_000 - 5));
  const after = WireClient.connect(proxy.place);
  assert.equal((await (await after).exchange(get('/next'))).body, 'enough');
  (await after).close();
  client.close();
});

test('an early answer whose server closes reaches the client', async (t) => {
  const origin = await use(
    t,
    startEarly({ closes: true, answer: 'HTTP/1.1 413 Too Big\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig' }),
  );
  const proxy = await useProxy(t, { servers: [origin.address] });
  for (let round = 0; round < 10; round++) {
    const client = await WireClient.connect(proxy.place);
    await client.send('POST /up HTTP/1.1\r\nHost: test.example\r\nContent-Length: 100000\r\n\r\nfirst');
    assert.equal(statusOf(await client.response('POST')), 413);
    client.close();
  }
});

test('a client that leaves while it waits takes the backend connection with it', async (t) => {
  const origin = await use(t, startNever());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  await client.send(get('/wait'));
  await origin.until('request', (seen) => seen.requests.length === 1);
  client.reset();
  await origin.until('closed connection', (seen) => seen.visits[0]?.ended || seen.visits[0]?.closed);
  await proxy.countersUntil('all connections gone', (counters) => counters.connections === 0);
});

test('a client that leaves in the middle of its upload takes the backend connection with it', async (t) => {
  const origin = await use(
    t,
    listenRaw((visit, seen) =>
      visit.socket.on('data', (text: string) => {
        visit.byteCount += text.length;
        seen.note();
      }),
    ),
  );
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  await client.send('POST /up HTTP/1.1\r\nHost: test.example\r\nContent-Length: 1000000\r\n\r\nsome bytes');
  await origin.until('some bytes', (seen) => (seen.visits[0]?.byteCount ?? 0) > 50);
  client.reset();
  await origin.until('closed connection', (seen) => seen.visits[0]?.ended || seen.visits[0]?.closed);
  await proxy.countersUntil('all gone', (counters) => counters.connections === 0 && counters.spansQueued === 0);
});

test('a client that leaves in the middle of its download takes the backend connection with it', async (t) => {
  const origin = await use(t, startBig());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  await client.send(get('/1000000000'));
  await client.until('some bytes', () => (client.receivedCount > 100_000 ? true : undefined));
  client.reset();
  await proxy.countersUntil('all gone', (counters) => counters.connections === 0 && counters.chunksUsed === 0);
});

test('answers that come one byte at a time arrive whole', async (t) => {
  const origin = await use(t, startOneByte());
  const proxy = await useProxy(t, { servers: [origin.address] });
  assert.equal((await ask(proxy.place, get())).body, 'a body in small pieces');
});

test('an answer that ends with its connection is whole, and the client stays', async (t) => {
  const origin = await use(t, startEof());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  assert.equal((await client.exchange(get('/1'))).body, EOF_BODY);
  assert.equal((await client.exchange(get('/2'))).body, EOF_BODY);
  client.close();
});

test('chunks arrive whole, and no chunk extension does', async (t) => {
  const origin = await use(t, startTrailers());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  assert.equal((await client.exchange(get('/1'))).body, 'one, two, three');
  assert.equal((await client.exchange(get('/2'))).body, 'one, two, three');
  client.close();
  assert.equal(origin.accepted, 1);
});

for (const keepAlive of [true, false]) {
  test(`an HTTP/1.0 server that ${keepAlive ? 'keeps' : 'closes'} its connection serves HTTP/1.1 clients`, async (t) => {
    const origin = await use(t, startHttp10({ keepAlive }));
    const proxy = await useProxy(t, { servers: [origin.address] });
    const client = await WireClient.connect(proxy.place);
    for (let i = 0; i < 3; i++) assert.equal((await client.exchange(get(`/${i}`))).body, 'from 1.0');
    client.close();
    assert.equal(origin.accepted, keepAlive ? 1 : 3);
  });
}

test('an HTTP/1.0 client that asks for keep-alive is told so and served again', async (t) => {
  const origin = await use(t, startHttp10({ keepAlive: true }));
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  for (let i = 0; i < 3; i++) {
    const response = await client.exchange('GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n');
    assert.match(fieldValue(response, 'connection') ?? '', /^keep-alive$/i);
  }
  client.close();
});

test('a client that ends its direction after its request is answered all the same', async (t) => {
  const origin = await use(t, startHttp10({ keepAlive: true }));
  const proxy = await useProxy(t, { servers: [origin.address] });
  for (let i = 0; i < 20; i++) {
    const client = await WireClient.connect(proxy.place, { halfOpen: true });
    await client.send(get());
    client.end();
    await client.closed();
    assert.equal((await client.response()).body, 'from 1.0');
    client.close();
  }
});

test('a client that ends its direction after pipelined requests gets every answer', async (t) => {
  const origin = await use(t, startHttp10({ keepAlive: true }));
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place, { halfOpen: true });
  await client.send(get('/1') + get('/2') + get('/3'));
  client.end();
  await client.closed();
  assert.equal((await client.responses(['GET', 'GET', 'GET'])).length, 3);
  client.close();
});
