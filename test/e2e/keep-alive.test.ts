// TCP keep-alive: a peer that went away without a word is found where nothing else would find it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { listenRaw, type RawOrigin } from '../origins/raw.js';
import { start as startTcpEcho } from '../origins/tcp-echo.js';
import { scratchDirectory } from '../support/addresses.js';
import { type ProxySpec, type RunningProxy, standIn, use, useProxy } from '../support/proxy.js';
import { VanishingPeer } from '../support/vanishing.js';
import { get, WireClient } from '../support/wire-client.js';

const skip = standIn && 'only the product';
const SOON = { idle: '1s', interval: '1s', probes: 1 };
const UPGRADE = get(
  '/',
  'Connection: upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: a',
);
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';

/** Seconds until the kernel's timer of the connection with these ports strikes; undefined when none runs. */
function secondsLeft(local: number, remote: number): number | undefined {
  const hex = (port: number): string => `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync('/proc/net/tcp', 'latin1').split('\n');
  const fields = rows.map((row) => row.trim().split(/\s+/));
  const found = fields.find(([, from, to]) => from?.endsWith(hex(local)) && to?.endsWith(hex(remote)));
  assert.ok(found, `there is no connection ${local} to ${remote}`);
  const [kind, ticks = ''] = found[5]!.split(':');
  return kind === '02' ? Number.parseInt(ticks, 16) / 100 : undefined;
}

const within = (seconds: number | undefined, most: number): boolean =>
  seconds !== undefined && seconds > most - 30 && seconds <= most;

/** A tcp listener and one connection through it, which goes on to a server of its own. */
async function through(proxy: RunningProxy, origin: RawOrigin) {
  const client = await WireClient.connect(proxy.place);
  await client.send('hello');
  await client.until('echo', () => client.received === 'hello' || undefined);
  const { remotePort } = origin.visits.at(-1)!.socket;
  const left = {
    client: secondsLeft(proxy.place.port, client.localPort),
    server: secondsLeft(remotePort!, origin.port),
  };
  client.close();
  return left;
}

for (const [accept, args] of [
  ['handed over', ['--workers', '2', '--accept', 'handoff']],
  ['accepted by its worker', ['--workers', '1', '--accept', 'shared']],
] as const) {
  test(`runs on both sides, and a reload sets it for the connections that come then (${accept})`, {
    skip,
  }, async (t) => {
    const origin = await use(t, startTcpEcho());
    const spec = (tcpKeepAlive?: object): ProxySpec => ({
      listeners: [{ protocol: 'tcp', pool: 'main', tcpKeepAlive }],
      pools: { main: { servers: [{ address: origin.address }], tcpKeepAlive } },
      args,
    });
    const proxy = await useProxy(t, spec());
    const usual = await through(proxy, origin);
    assert.ok(within(usual.client, 60) && within(usual.server, 60), JSON.stringify(usual));

    await proxy.reload(spec({ idle: '300s' }));
    const longer = await through(proxy, origin);
    assert.ok(within(longer.client, 300) && within(longer.server, 300), JSON.stringify(longer));

    await proxy.reload(spec({ idle: 0 }));
    assert.deepEqual(await through(proxy, origin), { client: undefined, server: undefined });

    await proxy.reload(spec());
    const again = await through(proxy, origin);
    assert.ok(within(again.client, 60) && within(again.server, 60), JSON.stringify(again));
  });
}

/** Its only listener and pool keep alive as `SOON` says, and no timeout would end anything in the time of a test. */
const patient = (origin: string, listener: object = {}): ProxySpec => ({
  listeners: [{ ...listener, tcpKeepAlive: SOON }],
  pools: { main: { servers: [{ address: origin }], tcpKeepAlive: SOON } },
  timeouts: { responseIdle: 0, responseHead: 0, tunnelIdle: 0, halfClosed: 0 },
});

/** A server that answers with `head` and then nothing. */
const silent = (head: string) => listenRaw(({ socket }) => void socket.once('data', () => socket.write(head)));

for (const [what, head, request, listener] of [
  ['a silent stream', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n', get('/'), {}],
  ['a silent WebSocket', SWITCHING, UPGRADE, {}],
  ['a silent tcp connection', 'welcome', 'hello', { protocol: 'tcp', pool: 'main' }],
] as const) {
  test(`a client that vanishes from ${what} is noticed`, { skip }, async (t) => {
    const origin = await use(t, silent(head));
    const proxy = await useProxy(t, patient(origin.address, listener));
    const client = new VanishingPeer(proxy.place);
    t.after(() => client.close());
    client.send(request);
    await client.heard(/\r\n\r\n|welcome/);
    await client.vanish();
    await origin.until('the end of the connection', () => origin.visits[0]?.ended || origin.visits[0]?.closed);
    await proxy.heldNothing();
  });
}

test('a server that vanishes from a silent WebSocket is noticed: its client is reset', { skip }, async (t) => {
  const server = new VanishingPeer();
  t.after(() => server.close());
  const [, port] = await server.heard(/port (\d+)\n/);
  const proxy = await useProxy(t, patient(`127.0.0.1:${port}`));
  const client = await WireClient.connect(proxy.place);
  await client.send(UPGRADE);
  await server.heard(/\r\n\r\n/);
  server.send(SWITCHING);
  await client.until('101', () => client.received.endsWith('\r\n\r\n') || undefined);
  await server.vanish();
  assert.equal(await client.closed(), 'reset');
});

test('a client of a unix socket needs none', { skip }, async (t) => {
  const origin = await use(t, startTcpEcho());
  const path = join(scratchDirectory(), 'proxy.sock');
  await useProxy(t, {
    listeners: [{ address: `unix:${path}`, protocol: 'tcp', pool: 'main' }],
    servers: [origin.address],
  });
  const client = await WireClient.connect({ path });
  await client.send('hello');
  await client.until('echo', () => client.received === 'hello' || undefined);
  client.close();
});
