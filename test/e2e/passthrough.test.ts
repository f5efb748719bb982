// The raw Layer 4 passthrough: bytes both ways, half-close both ways, servers in turn.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { listenRaw, type RawOrigin } from '../origins/raw.js';
import { start as startTcpEcho } from '../origins/tcp-echo.js';
import { freePlace, written } from '../support/addresses.js';
import { statusOf } from '../support/messages.js';
import { type RunningProxy, startFromFlags, startProxy, use, useProxy } from '../support/proxy.js';
import { reset } from '../support/reset.js';
import { get, WireClient } from '../support/wire-client.js';

const raw = (...servers: RawOrigin[]): Parameters<typeof startProxy>[0] => ({
  listeners: [{ protocol: 'tcp', pool: 'main' }],
  servers: servers.map((server) => server.address),
});

describe('passthrough', { concurrency: 1 }, () => {
  const origins: RawOrigin[] = [];
  let proxy: RunningProxy;

  before(async () => {
    for (const greeting of ['A', 'B', 'C']) origins.push(await startTcpEcho({ greeting, farewell: 'bye' }));
    proxy = await startProxy(raw(...origins));
  });
  after(async () => {
    await proxy.stop();
    await Promise.all(origins.map((origin) => origin.close()));
  });

  test('the server may speak first, and bytes go both ways unread', async () => {
    const client = await WireClient.connect(proxy.place);
    await client.until('greeting', () => (/^[ABC]$/.test(client.received) ? true : undefined));
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1');
    client.forget();
    await client.send(bytes);
    await client.until('echo', () => (client.received === bytes ? true : undefined));
    client.close();
  });

  test('servers are taken in turn', async () => {
    const greetings: string[] = [];
    for (let i = 0; i < 9; i++) {
      const client = await WireClient.connect(proxy.place);
      greetings.push(await client.until('greeting', () => client.received || undefined));
      client.close();
    }
    for (const name of ['A', 'B', 'C']) {
      assert.equal(greetings.filter((greeting) => greeting === name).length, 3, greetings.join(''));
    }
  });

  test('the end of the client reaches the server, which may still answer', async () => {
    const client = await WireClient.connect(proxy.place, { halfOpen: true });
    await client.send('last words');
    client.end();
    await client.closed();
    assert.match(client.received, /^[ABC]last wordsbye$/);
  });

  test('a megabyte comes back as it was', async () => {
    const client = await WireClient.connect(proxy.place);
    const bytes = Array.from({ length: 1 << 20 }, (_, i) => String.fromCharCode((i * 31 + (i >> 8)) & 255)).join('');
    await client.send(bytes);
    await client.until('echo', () => (client.receivedCount === bytes.length + 1 ? true : undefined));
    assert.ok(client.received.slice(1) === bytes, 'the bytes changed on the way');
    client.close();
  });
});

test('the end of the server reaches the client, which may still speak', async (t) => {
  const origin = await use(t, startTcpEcho({ greeting: 'over', endsFirst: true }));
  const proxy = await useProxy(t, raw(origin));
  const client = await WireClient.connect(proxy.place, { halfOpen: true });
  assert.equal(await client.closed(), 'end');
  assert.equal(client.received, 'over');
  await client.send('still here');
  await origin.until('bytes after its end', (seen) => seen.visits[0]?.bytes === 'still here');
  client.end();
  await origin.until('end', (seen) => seen.visits[0]?.ended);
});

test('a reset by the client ends the connection to the server', async (t) => {
  const origin = await use(t, startTcpEcho());
  const proxy = await useProxy(t, raw(origin));
  const client = await WireClient.connect(proxy.place);
  await client.send('x');
  await client.until('echo', () => (client.received === 'x' ? true : undefined));
  client.reset();
  await origin.until('closed connection', (seen) => seen.visits[0]?.closed || seen.visits[0]?.ended);
  await proxy.countersUntil('all connections gone', (counters) => counters.connections === 0);
});

test('a reset by the server ends the connection of the client', async (t) => {
  const origin = await use(
    t,
    listenRaw((visit) => visit.socket.on('data', () => reset(visit.socket))),
  );
  const proxy = await useProxy(t, raw(origin));
  const client = await WireClient.connect(proxy.place);
  await client.send('x');
  await client.closed();
});

test('a server that refuses is passed over', async (t) => {
  const origin = await use(t, startTcpEcho({ greeting: 'here' }));
  const proxy = await useProxy(t, {
    listeners: [{ protocol: 'tcp', pool: 'main' }],
    servers: [written(freePlace()), origin.address],
  });
  for (let i = 0; i < 4; i++) {
    const client = await WireClient.connect(proxy.place);
    await client.until('greeting', () => (client.received === 'here' ? true : undefined));
    client.close();
  }
});

test('a client is closed when no server takes its connection', async (t) => {
  const proxy = await useProxy(t, { listeners: [{ protocol: 'tcp', pool: 'main' }], servers: [written(freePlace())] });
  const client = await WireClient.connect(proxy.place);
  await client.closed();
  assert.equal(client.received, '');
});

test('a raw and an http listener serve side by side', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, { listeners: [{}, { protocol: 'tcp', pool: 'main' }], servers: [origin.address] });
  for (const place of proxy.listeners) {
    const client = await WireClient.connect(place);
    assert.equal(statusOf(await client.exchange(get())), 200);
    client.close();
  }
  assert.ok(origin.requests.some((request) => request.fields.some(([name]) => name === 'via')));
  assert.ok(origin.requests.some((request) => !request.fields.some(([name]) => name === 'via')));
});

test('run --mode l4 passes bytes without reading them', async (t) => {
  const origin = await use(t, startTcpEcho());
  const proxy = await startFromFlags((place) => [
    '--listen',
    written(place),
    '--backend',
    origin.address,
    '--mode',
    'l4',
    '--workers',
    '1',
  ]);
  t.after(() => proxy.stop());
  const client = await WireClient.connect(proxy.place);
  await client.send('no http\n');
  await client.until('echo', () => (client.received === 'no http\n' ? true : undefined));
  client.close();
});

test('a passthrough whose one server refuses says so once, and says when it answers', async (t) => {
  const place = freePlace();
  const proxy = await startFromFlags((at) => [
    ...['--mode', 'l4', '--listen', written(at), '--backend', written(place), '--workers', '1'],
  ]);
  t.after(() => proxy.stop());
  const come = async (): Promise<void> => {
    const client = await WireClient.connect(proxy.place);
    await client.closed();
  };
  for (let i = 0; i < 20; i++) await come();
  const lines = (): string[] => proxy.process.stdout.split('\n').filter((line) => line.startsWith('Pool '));
  await proxy.process.until('a note', () => (lines().length > 0 ? true : undefined));
  for (let i = 0; i < 5; i++) await come();
  assert.deepEqual(lines(), [
    `Pool backend: server ${written(place)} failed again and again; it stays in use, because the pool may eject no more servers.`,
  ]);
  await use(t, startAnswers(undefined, { at: place }));
  const client = await WireClient.connect(proxy.place);
  assert.equal(statusOf(await client.exchange(get())), 200);
  client.close();
  await proxy.process.until('a second note', () => (lines().length > 1 ? true : undefined));
  assert.equal(lines()[1], `Pool backend: server ${written(place)} answers again.`);
});
