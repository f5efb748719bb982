// Idle means that nothing moved: peers that are slow but steady are not cut, whatever they are slow at. A minimum rate
// bounds clients that move as little as they can. The pauses here are the point: steps longer than the kernel's buffers
// hide, yet shorter than the timeout.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listenRaw, ok, serveRequests } from '../origins/raw.js';
import { start as startUpgrade } from '../origins/upgrade-raw.js';
import { makeIdentity } from '../support/identity.js';
import { statusOf } from '../support/messages.js';
import { use, useProxy } from '../support/proxy.js';
import { RecordCutter } from '../support/record-cutter.js';
import { get, WireClient } from '../support/wire-client.js';

const STEP_MS = 40;
const IDLE = '400ms';
const BIG = 6_000_000;

/** Reads one piece of at most 64 KiB every STEP_MS, until the whole is there or the connection has ended. */
function readSlowly(t: { after(what: () => void): void }, client: WireClient): void {
  client.socket.on('data', () => client.socket.pause());
  const timer = setInterval(() => client.socket.resume(), STEP_MS);
  t.after(() => clearInterval(timer));
}

for (const version of ['HTTP/1.1', 'HTTP/1.0']) {
  test(`a client that reads slowly and steadily gets the whole of its answer over ${version}`, async (t) => {
    const origin = await use(
      t,
      serveRequests((_request, visit) => visit.socket.write(ok('y'.repeat(BIG)))),
    );
    const proxy = await useProxy(t, { servers: [origin.address], timeouts: { responseIdle: IDLE, idle: IDLE } });
    const client = await WireClient.connect(proxy.place, { deadlineMs: 60_000 });
    readSlowly(t, client);
    await client.send(`GET / ${version}\r\nHost: a\r\n\r\n`);
    await client.until('the whole body', () => client.bodyCount >= BIG || undefined);
    client.close();
    await proxy.heldNothing();
  });
}

test('the time between two requests begins when the answer has left: a client that reads late gets it whole', async (t) => {
  const origin = await use(
    t,
    serveRequests((request, visit) => {
      const bytes = Number(request.startLine.split(' ')[1]!.slice(1));
      visit.socket.write(ok('y'.repeat(bytes)));
    }),
  );
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { idle: '300ms' } });
  const sizes = Array.from({ length: 12 }, (_, i) => 3_600_000 + i * 90_000);
  const clients = await Promise.all(
    sizes.map(async (size) => {
      const client = await WireClient.connect(proxy.place);
      client.socket.pause();
      await client.send(get(`/${size}`));
      return { client, size };
    }),
  );
  // Those whose answer has left are closed; from then on it is longer than `idle` for all others.
  await proxy.countersUntil('queued bytes', ({ bytesQueued }) => bytesQueued! > 0);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  for (const { client, size } of clients) {
    client.socket.resume();
    await client.until(`the whole of ${size} bytes`, () => client.bodyCount >= size || undefined);
    client.close();
  }
});

test('a server that takes an upload slowly and steadily gets the whole of it', async (t) => {
  const origin = await use(
    t,
    listenRaw((visit) => {
      const { socket } = visit;
      socket.on('data', (text: string) => {
        visit.byteCount += text.length;
        socket.pause();
        if (visit.byteCount > BIG) socket.write(ok('thanks'));
      });
      const timer = setInterval(() => socket.resume(), STEP_MS);
      socket.on('close', () => clearInterval(timer));
    }),
  );
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { requestBody: IDLE, responseHead: '20s' } });
  const client = await WireClient.connect(proxy.place, { deadlineMs: 60_000 });
  void client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BIG}\r\n\r\n${'b'.repeat(BIG)}`);
  assert.equal((await client.response('POST')).body, 'thanks');
  client.close();
});

test('a tunnel whose client reads slowly and steadily is not idle', async (t) => {
  const origin = await use(t, startUpgrade());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { tunnelIdle: IDLE } });
  const client = await WireClient.connect(proxy.place, { deadlineMs: 60_000 });
  await client.send(get('/', 'Connection: upgrade', 'Upgrade: echo'));
  await client.until('101', () => client.received.includes('\r\n\r\n') || undefined);
  client.forget();
  readSlowly(t, client);
  void client.send('z'.repeat(BIG));
  await client.until('the whole echo', () => client.receivedCount === BIG || undefined);
  client.close();
});

test('a client that takes less of its answer than the minimum rate is cut', async (t) => {
  const origin = await use(
    t,
    serveRequests((_request, visit) => visit.socket.write(ok('y'.repeat(BIG)))),
  );
  const proxy = await useProxy(t, {
    servers: [origin.address],
    limits: { clientBytesPerSecondMin: 1_000_000 },
    timeouts: { clientRate: '1s', responseIdle: '60s' },
  });
  const client = await WireClient.connect(proxy.place, { halfOpen: true });
  client.socket.pause();
  const timer = setInterval(() => client.socket.read(1000), 100);
  t.after(() => clearInterval(timer));
  await client.send(get('/'));
  await proxy.countersUntil('client given up', ({ clientConnections }) => clientConnections === 1);
  await proxy.countersUntil('client given up', ({ clientConnections }) => clientConnections === 0);
  assert.equal((await proxy.counters())[0]!.clientsTooSlow, 1);
  client.close();
});

test('a client that sends its body slower than the minimum rate gets 408, a faster one its answer', async (t) => {
  const origin = await use(
    t,
    serveRequests((request, visit) => visit.socket.write(ok(String(request.body.length)))),
  );
  const proxy = await useProxy(t, {
    servers: [origin.address],
    limits: { clientBytesPerSecondMin: 1000 },
    timeouts: { clientRate: '1s' },
  });
  const upload = async (piece: string, pieces: number): Promise<WireClient> => {
    const client = await WireClient.connect(proxy.place);
    await client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${piece.length * pieces}\r\n\r\n`);
    let left = pieces;
    const timer = setInterval(() => {
      if (--left < 0) clearInterval(timer);
      else void client.send(piece);
    }, 50);
    t.after(() => clearInterval(timer));
    return client;
  };
  const [slow, fast] = await Promise.all([upload('x', 200), upload('x'.repeat(500), 40)]);
  assert.equal(statusOf(await slow.response('POST')), 408);
  assert.equal((await fast.response('POST')).body, '20000');
  assert.equal((await proxy.counters())[0]!.clientsTooSlow, 1);
  slow.close();
  fast.close();
});

test('a client whose TLS record comes slowly and steadily is not idle', async (t) => {
  const origin = await use(
    t,
    serveRequests((request, visit) => visit.socket.write(ok(String(request.body.length)))),
  );
  const identity = makeIdentity({ names: ['slow.example'] });
  const proxy = await useProxy(t, {
    listeners: [{ protocol: 'https', tls: { certificates: [identity.files] } }],
    servers: [origin.address],
    timeouts: { requestBody: '500ms' },
  });
  const over = new RecordCutter(proxy.place);
  const client = await WireClient.connect(proxy.place, { tls: identity.client, over });
  await client.send('POST / HTTP/1.1\r\nHost: slow.example\r\nContent-Length: 16000\r\n\r\n');
  const record = await over.recordsOf(() => client.send('r'.repeat(16_000)));
  // One record, in pieces over some two seconds: nothing of it can be read before its end.
  const piece = Math.ceil(record.length / 10);
  let at = 0;
  const timer = setInterval(() => {
    if (at >= record.length) clearInterval(timer);
    else void over.sendRaw(record.subarray(at, at + piece));
    at += piece;
  }, 200);
  t.after(() => clearInterval(timer));
  assert.equal((await client.response('POST')).body, '16000');
  client.close();
});
