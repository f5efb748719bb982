// WebSocket and other upgrades: the pair of connections becomes a tunnel, with half-close.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { start as startAnswers } from '../origins/answers.js';
import { ok, serveRequests } from '../origins/raw.js';
import { start as startUpgrade } from '../origins/upgrade-raw.js';
import { start as startWebSocket } from '../origins/websocket.js';
import { statusOf } from '../support/messages.js';
import { use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const upgrade = get('/socket', 'Connection: Upgrade', 'Upgrade: echo');

test('a WebSocket carries text and binary messages both ways, and its close', async (t) => {
  const origin = await use(t, startWebSocket());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const socket = new WebSocket(`ws://${proxy.place.host}:${proxy.place.port}/chat`);
  await once(socket, 'open');
  for (const message of ['hello', 'x'.repeat(100_000), '']) {
    socket.send(message);
    const [data] = (await once(socket, 'message')) as [Buffer];
    assert.equal(data.toString(), message);
  }
  socket.send(Buffer.from([0, 255, 10, 13]));
  const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
  assert.deepEqual([...data], [0, 255, 10, 13]);
  assert.equal(isBinary, true);
  socket.close(4001, 'done');
  const [code] = (await once(socket, 'close')) as [number];
  assert.equal(code, 4001);
  await origin.closedCount(1);
  assert.deepEqual(origin.closeCodes, [4001]);
});

test('fifty WebSockets at once keep their messages apart', async (t) => {
  const origin = await use(t, startWebSocket());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const one = async (name: string): Promise<void> => {
    const socket = new WebSocket(`ws://${proxy.place.host}:${proxy.place.port}/`);
    await once(socket, 'open');
    for (let i = 0; i < 5; i++) {
      socket.send(`${name} ${i}`);
      const [data] = (await once(socket, 'message')) as [Buffer];
      assert.equal(data.toString(), `${name} ${i}`);
    }
    socket.close();
    await once(socket, 'close');
  };
  await Promise.all(Array.from({ length: 50 }, (_, i) => one(`socket ${i}`)));
});

test('a client that vanishes takes its tunnel to the server with it', async (t) => {
  const origin = await use(t, startUpgrade());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  await client.send(upgrade);
  await client.until('101', () => (client.received.includes('\r\n\r\n') ? true : undefined));
  client.reset();
  await origin.until('closed connection', (seen) => seen.visits[0]?.ended || seen.visits[0]?.closed);
});

test('bytes sent along with the request for an upgrade reach the other protocol', async (t) => {
  const origin = await use(t, startUpgrade({ early: 'welcome ' }));
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  await client.send(`${upgrade}early bytes`);
  await client.until('echo', () => (client.received.endsWith('early bytes') ? true : undefined));
  assert.match(client.received, /^HTTP\/1\.1 101 .*\r\n\r\nwelcome early bytes$/s);
  client.close();
});

test('a tunnel carries half-close: the server may still speak after the client ended', async (t) => {
  const origin = await use(t, startUpgrade());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place, { halfOpen: true });
  await client.send(upgrade);
  await client.until('101', () => (client.received.includes('\r\n\r\n') ? true : undefined));
  await client.send('last words');
  client.end();
  await client.until('echo', () => (client.received.endsWith('last words') ? true : undefined));
  assert.equal(await client.closed(), 'end');
  assert.equal(origin.visits[0]?.ended, true);
});

test('an upgrade that the server declines stays an ordinary request', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  assert.equal(statusOf(await client.exchange(upgrade)), 200);
  assert.equal(statusOf(await client.exchange(get('/after'))), 200);
  client.close();
  assert.equal(origin.accepted, 1);
});

test('a handshake that meets the close of a kept connection is sent again on a new one', async (t) => {
  // The first request on a connection is answered; the second finds it closed.
  const origin = await use(
    t,
    serveRequests((request, visit) => {
      const { socket } = visit;
      if (visit.requestCount > 1) socket.destroy();
      else if (request.startLine.includes('/warm')) socket.write(ok('warm'));
      else socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nwelcome');
    }),
  );
  const proxy = await useProxy(t, { servers: [origin.address] });
  for (let i = 0; i < 5; i++) {
    await ask(proxy.place, get('/warm'));
    const client = await WireClient.connect(proxy.place);
    await client.send(`${upgrade}early`);
    await client.until('101', () => (client.received.endsWith('welcome') ? true : undefined));
    assert.match(client.received, /^HTTP\/1\.1 101 /);
    client.close();
  }
});
