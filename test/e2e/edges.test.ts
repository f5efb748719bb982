// Edges where two things happen at once: a retry and a pipelined request, a half-closed client and a slow answer,
// a malformed body and a mirror. Each of these once lost, mixed up or cut something.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { echoOf, start as startEcho } from '../origins/json-echo.js';
import { ok, serveRequests } from '../origins/raw.js';
import { statusOf } from '../support/messages.js';
import { use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const put = 'PUT /w HTTP/1.1\r\nHost: test.example\r\nContent-Length: 5\r\n\r\nhello';

test('a retried request keeps its body, and the one pipelined behind it is answered next', async (t) => {
  // The first answer on a connection is given, the second request on it finds it closed.
  const origin = await use(
    t,
    serveRequests((request, visit) => {
      if (visit.requestCount > 1) visit.socket.destroy();
      else visit.socket.write(ok(`${request.startLine} ${request.body}`));
    }),
  );
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  await client.exchange(get('/warm'));
  client.forget();
  await client.send(put + get('/second'));
  const answers = await client.responses(['PUT', 'GET']);
  assert.match(answers[0]!.body, /^PUT \/w HTTP\/1\.1 hello$/);
  assert.match(answers[1]!.body, /^GET \/second/);
  client.close();
});

test('a request that comes while another waits for its next try is not taken for its body', async (t) => {
  const closing = await Promise.all(
    [1, 2].map(() =>
      use(
        t,
        serveRequests((_request, visit) => void visit.socket.destroy()),
      ),
    ),
  );
  const well = await use(
    t,
    serveRequests((request, visit) => visit.socket.write(ok(`${request.startLine} ${request.body}`))),
  );
  const proxy = await useProxy(t, {
    pools: {
      main: {
        servers: [...closing, well].map(({ address }) => ({ address })),
        retry: { retriesMax: 4, backoff: '500ms', maxBackoff: '1s' },
      },
    },
  });
  const client = await WireClient.connect(proxy.place);
  for (let i = 0; i < 3; i++) {
    await client.send(put);
    await client.send(get('/second'));
    const answers = await client.responses(['PUT', 'GET']);
    assert.match(answers[0]!.body, /^PUT \/w HTTP\/1\.1 hello$/);
    assert.match(answers[1]!.body, /^GET \/second/);
    client.forget();
  }
  client.close();
});

// A client that ended its direction is given up after a second, unless its answer has begun. Both orders of the two
// events, on a connection to the server that stands already: a new one starts all clocks again. The pauses of the server
// are the point: its answer has to last longer than that second.
for (const [when, headAfterMs] of [
  ['before the head of the answer comes', 300],
  ['in the middle of the answer', 0],
] as const) {
  test(`a client that ended its direction ${when} gets a long answer whole`, async (t) => {
    const pieces = 8;
    const origin = await use(
      t,
      serveRequests((request, visit) => {
        if (request.startLine.includes('/warm')) {
          visit.socket.write(ok('warm'));
          return;
        }
        let left = pieces;
        const piece = (): void => {
          visit.socket.write('x');
          if (--left > 0) setTimeout(piece, 250);
        };
        const head = (): void => {
          visit.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${pieces}\r\n\r\n`);
          piece();
        };
        if (headAfterMs === 0) head();
        else setTimeout(head, headAfterMs);
      }),
    );
    const proxy = await useProxy(t, { servers: [origin.address] });
    const client = await WireClient.connect(proxy.place);
    await client.exchange(get('/warm'));
    client.forget();
    await client.send(get('/slow'));
    if (headAfterMs === 0)
      await client.until('the first piece', () => client.received.includes('\r\n\r\nx') || undefined);
    client.end();
    assert.equal((await client.response()).body, 'x'.repeat(pieces));
    client.close();
  });
}

test('a malformed body on a mirrored route harms nobody', async (t) => {
  const origin = await use(t, startEcho());
  const mirror = await use(t, startEcho());
  const proxy = await useProxy(t, {
    pools: { main: { servers: [{ address: origin.address }] }, copy: { servers: [{ address: mirror.address }] } },
    routes: [{ rules: [{ filters: [{ type: 'RequestMirror', requestMirror: { pool: 'copy' } }], pool: 'main' }] }],
  });
  const large = `POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 12000\r\n\r\n${'B'.repeat(12_000)}`;
  assert.equal(statusOf(await ask(proxy.place, large)), 200);
  const padding = `X-Padding: ${'p'.repeat(7500)}\r\n`;
  const client = await WireClient.connect(proxy.place);
  await client.send(`POST /bad HTTP/1.1\r\nHost: a\r\n${padding}Transfer-Encoding: chunked\r\n\r\nZZ\r\n`);
  assert.equal(statusOf(await client.response('POST')), 400);
  client.close();
  assert.equal(statusOf(await ask(proxy.place, get('/next'))), 200);
  await proxy.heldNothing();
});

test('a request behind one that took too long is served', async (t) => {
  const origin = await use(
    t,
    serveRequests((request, visit) => {
      if (!request.startLine.includes('/late')) visit.socket.write(ok(request.startLine));
    }),
  );
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { request: '500ms' } });
  const client = await WireClient.connect(proxy.place);
  await client.send(get('/late') + get('/second'));
  assert.deepEqual((await client.responses(['GET', 'GET'])).map(statusOf), [504, 200]);
  client.close();
});

test('as many Upgrade fields as a head may have do no harm, and are no upgrade', async (t) => {
  const origin = await use(t, startEcho());
  const proxy = await useProxy(t, { servers: [origin.address], limits: { fieldsMax: 128 } });
  const fields = 'Upgrade: w\r\n'.repeat(126);
  const request = `GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n${fields}\r\n`;
  const answer = await ask(proxy.place, request);
  assert.equal(statusOf(answer), 200);
  const { headers } = echoOf(answer);
  assert.equal(headers.upgrade, undefined);
});

test('a slow upload does not get its server ejected', async (t) => {
  const origins = await Promise.all([1, 2].map(() => use(t, startEcho())));
  const proxy = await useProxy(t, {
    pools: { main: { balance: 'round-robin', servers: origins.map(({ address }) => ({ address })) } },
    timeouts: { request: '300ms' },
  });
  const uploads = Array.from({ length: 12 }, async () => {
    const client = await WireClient.connect(proxy.place);
    await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc');
    await client.closed();
    client.close();
  });
  await Promise.all(uploads);
  const before = origins.map((origin) => origin.requestCount());
  for (let i = 0; i < 6; i++) assert.equal(statusOf(await ask(proxy.place, get(`/${i}`))), 200);
  const served = origins.map((origin, i) => origin.requestCount() - before[i]!);
  assert.deepEqual(served, [3, 3]);
});
