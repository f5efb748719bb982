// Clients that end their side of the connection behind their request, as BusyBox wget and nc do: they get their answer. One
// that has left looks the same until something is sent to it, so the wait is bounded by `timeouts.halfClosed`.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { listenRaw, ok, serveRequests } from '../origins/raw.js';
import { start as startResets } from '../origins/resets.js';
import { statusOf } from '../support/messages.js';
import { use, useProxy } from '../support/proxy.js';
import { get, WireClient } from '../support/wire-client.js';

// Longer than the second after which such a client was once given up. The pause of the server is the point of the test.
const PAUSE_MS = 2500;

for (const kept of [false, true]) {
  test(`a client that ended its side gets an answer that takes its time (${kept ? 'kept' : 'new'} connection to the server)`, async (t) => {
    const origin = await use(
      t,
      serveRequests((request, visit) => {
        const answer = (): void => void visit.socket.write(ok(request.startLine));
        if (request.startLine.includes('/slow')) setTimeout(answer, PAUSE_MS);
        else answer();
      }),
    );
    const proxy = await useProxy(t, { servers: [origin.address] });
    const client = await WireClient.connect(proxy.place, { halfOpen: true });
    if (kept) await client.exchange(get('/warm'));
    client.forget();
    await client.send(get('/slow'));
    client.end();
    assert.equal((await client.response()).body, 'GET /slow HTTP/1.1');
    assert.equal(await client.closed(), 'end');
  });
}

test('a client that ended its side gets the answers to all that it sent before', async (t) => {
  const origin = await use(
    t,
    serveRequests((request, visit) => visit.socket.write(ok(request.startLine))),
  );
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place, { halfOpen: true });
  await client.send(get('/1') + get('/2') + get('/3'));
  client.end();
  const bodies = (await client.responses(['GET', 'GET', 'GET'])).map(({ body }) => body);
  assert.deepEqual(
    bodies,
    ['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1`),
  );
  assert.equal(await client.closed(), 'end');
});

test('a request of a client that ended its side is tried again like any other', async (t) => {
  const bad = await use(t, startResets());
  const good = await use(
    t,
    serveRequests((request, visit) => visit.socket.write(ok(request.startLine))),
  );
  const servers = [bad, good].map(({ address }) => ({ address }));
  const proxy = await useProxy(t, {
    pools: {
      main: { servers, balance: 'round-robin', outlierDetection: { failures: 0 }, retry: { backoff: '300ms' } },
    },
  });
  for (let i = 0; i < 4; i++) {
    const client = await WireClient.connect(proxy.place, { halfOpen: true });
    await client.send(get('/'));
    client.end();
    assert.equal(statusOf(await client.response()), 200);
    client.close();
  }
});

test('a client that ended its side waits for room like any other', async (t) => {
  let release = (): void => {};
  const origin = await use(
    t,
    serveRequests((request, visit) => {
      if (request.startLine.includes('/hold')) release = () => void visit.socket.write(ok('held'));
      else visit.socket.write(ok(request.startLine));
    }),
  );
  const limits = { serverRequestsMax: 1, queueTimeout: '10s' };
  const proxy = await useProxy(t, {
    pools: { main: { servers: [{ address: origin.address }], limits } },
    timeouts: { halfClosed: '300ms' },
  });
  const holder = await WireClient.connect(proxy.place);
  await holder.send(get('/hold'));
  await origin.until('the request that holds the place', ({ requests }) => requests.length === 1);
  const client = await WireClient.connect(proxy.place, { halfOpen: true });
  await client.send(get('/waits'));
  client.end();
  // Longer than halfClosed: room is waited for by its own limit.
  setTimeout(() => release(), 1000);
  assert.equal((await client.response()).body, 'GET /waits HTTP/1.1');
  client.close();
  holder.close();
});

test('a client that ended its side is given up when no answer begins within timeouts.halfClosed', async (t) => {
  const origin = await use(
    t,
    serveRequests(() => {}),
  );
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { halfClosed: '300ms' } });
  const client = await WireClient.connect(proxy.place, { halfOpen: true });
  await client.send(get('/'));
  client.end();
  await client.closed();
  await origin.until('closed connection', ({ visits }) => visits[0]!.ended || visits[0]!.closed);
  await proxy.heldNothing();
});

for (const responseIdle of ['0', '60s']) {
  test(`a client that left a silent stream is noticed within timeouts.halfClosed (responseIdle ${responseIdle})`, async (t) => {
    const origin = await use(
      t,
      listenRaw((visit) => {
        visit.socket.on('data', () => {
          visit.socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n');
        });
      }),
    );
    const proxy = await useProxy(t, {
      servers: [origin.address],
      timeouts: { halfClosed: '300ms', responseIdle: responseIdle === '0' ? 0 : responseIdle },
    });
    const client = await WireClient.connect(proxy.place);
    await client.send(get('/events'));
    await client.until('the first event', () => client.received.includes('data: 1') || undefined);
    client.close();
    await origin.until('closed connection', ({ visits }) => visits[0]!.ended || visits[0]!.closed);
    await proxy.heldNothing();
  });
}

test('a client that ended its side keeps a stream in which something moves', async (t) => {
  const events = 12;
  const origin = await use(
    t,
    listenRaw((visit) => {
      visit.socket.once('data', () => {
        let left = events;
        visit.socket.write('HTTP/1.1 200 OK\r\n\r\n');
        const timer = setInterval(() => {
          visit.socket.write('e');
          if (--left > 0) return;
          clearInterval(timer);
          visit.socket.end();
        }, 150);
      });
    }),
  );
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { halfClosed: '800ms' } });
  const client = await WireClient.connect(proxy.place, { halfOpen: true });
  await client.send(get('/events'));
  client.end();
  assert.equal((await client.response()).body, 'e'.repeat(events));
  client.close();
});

test('a client that said its request is the last is not waited for, and one that did not is', async (t) => {
  const origin = await use(
    t,
    serveRequests((_, { socket }) => socket.write(ok('x'.repeat(100_000)))),
  );
  const proxy = await useProxy(t, { servers: [origin.address] });
  // One without a host is refused in HTTP/1.1, which ends the connection too.
  for (const [version, isClosed] of [
    ['1.0', true],
    ['1.1', false],
  ] as const) {
    const socket = connect({ ...proxy.place, allowHalfOpen: true });
    t.after(() => socket.destroy());
    let bytes = 0;
    socket.on('data', (piece) => (bytes += piece.length)).on('error', () => {});
    socket.write(`GET / HTTP/${version}\r\n\r\n`);
    await once(socket, 'end');
    assert.equal(bytes > 100_000, isClosed);
    // A connection that was closed answers with a reset, which the write behind it meets; one that lingers reads both.
    const write = (): Promise<boolean> => new Promise((resolve) => socket.write('more', (error) => resolve(!error)));
    assert.deepEqual([await write(), await write()], [true, !isClosed]);
    socket.destroy();
  }
});
