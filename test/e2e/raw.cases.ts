// What holds of a raw listener however its clients come: bytes both ways, half-close both ways, resets, servers in turn.

import assert from 'node:assert/strict';
import { connect as connectPlain } from 'node:net';
import { after, before, test } from 'node:test';
import { listenRaw, type RawOrigin } from '../origins/raw.js';
import { start as startTcpEcho } from '../origins/tcp-echo.js';
import { freePlace, type Place, written } from '../support/addresses.js';
import { reset } from '../support/endings.js';
import { type ProxySpec, type RunningProxy, startProxy, use, useProxy } from '../support/proxy.js';
import { type ConnectOptions, WireClient } from '../support/wire-client.js';

const BIG = 8_000_000;

/** A kind of raw listener. */
export interface RawKind {
  /** It leads to the pool `main`. */
  readonly listener: NonNullable<ProxySpec['listeners']>[number];
  /** How clients connect to it. */
  readonly options: ConnectOptions;
}

/** Declares the tests, inside of a suite. */
export function rawCases({ listener, options }: RawKind): void {
  const behind = (...servers: string[]): ProxySpec => ({ listeners: [listener], servers });
  const connect = ({ place }: { place: Place }, more: ConnectOptions = {}): Promise<WireClient> =>
    WireClient.connect(place, { ...options, ...more });
  const origins: RawOrigin[] = [];
  let proxy: RunningProxy;

  before(async () => {
    for (const greeting of ['A', 'B', 'C']) origins.push(await startTcpEcho({ greeting, farewell: 'bye' }));
    proxy = await startProxy(behind(...origins.map(({ address }) => address)));
  });
  after(async () => {
    await proxy.stop();
    await Promise.all(origins.map((origin) => origin.close()));
  });

  test('the server may speak first, and bytes go both ways unread', async () => {
    const client = await connect(proxy);
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
      const client = await connect(proxy);
      greetings.push(await client.until('greeting', () => client.received || undefined));
      client.close();
    }
    for (const name of ['A', 'B', 'C']) {
      assert.equal(greetings.filter((greeting) => greeting === name).length, 3, greetings.join(''));
    }
  });

  test('the end of the client reaches the server, which may still answer', async () => {
    const client = await connect(proxy, { halfOpen: true });
    await client.send('last words');
    client.end();
    await client.closed();
    assert.match(client.received, /^[ABC]last wordsbye$/);
  });

  test('large transfers come back as they were, in both directions at once', async () => {
    const client = await connect(proxy);
    const bytes = Array.from({ length: BIG }, (_, i) => String.fromCharCode((i * 31 + (i >> 8)) & 255)).join('');
    await client.send(bytes);
    await client.until('echo', () => (client.receivedCount === BIG + 1 ? true : undefined), 60_000);
    assert.ok(client.received.slice(1) === bytes, 'the bytes changed on the way');
    client.close();
  });

  test('the end of the server reaches the client, which may still speak', async (t) => {
    const origin = await use(t, startTcpEcho({ greeting: 'over', endsFirst: true }));
    const front = await useProxy(t, behind(origin.address));
    const client = await connect(front, { halfOpen: true });
    assert.equal(await client.closed(), 'end');
    assert.equal(client.received, 'over');
    await client.send('still here');
    await origin.until('bytes after its end', (seen) => seen.visits[0]?.bytes === 'still here');
    client.end();
    await origin.until('end', (seen) => seen.visits[0]?.ended);
    assert.equal(origin.visits[0]!.reset, false);
  });

  test('a reset by the client ends the connection to the server', async (t) => {
    const origin = await use(t, startTcpEcho());
    const front = await useProxy(t, behind(origin.address));
    // Only the socket below TLS can be reset.
    const below = options.tls === undefined ? undefined : connectPlain(front.place.port, front.place.host);
    const client = await connect(front, below === undefined ? {} : { over: below });
    await client.send('x');
    await client.until('echo', () => (client.received === 'x' ? true : undefined));
    reset(below ?? client.socket, client.socket);
    await origin.until('closed connection', (seen) => seen.visits[0]?.closed || seen.visits[0]?.ended);
    await front.countersUntil('all connections gone', (counters) => counters.connections === 0);
  });

  test('a reset by the server ends the connection of the client', async (t) => {
    const origin = await use(
      t,
      listenRaw((visit) => visit.socket.on('data', () => reset(visit.socket))),
    );
    const front = await useProxy(t, behind(origin.address));
    const client = await connect(front);
    await client.send('x');
    await client.closed();
  });

  test('a server that refuses is passed over', async (t) => {
    const origin = await use(t, startTcpEcho({ greeting: 'here' }));
    const front = await useProxy(t, behind(written(freePlace()), origin.address));
    for (let i = 0; i < 4; i++) {
      const client = await connect(front);
      await client.until('greeting', () => (client.received === 'here' ? true : undefined));
      client.close();
    }
  });

  test('a client is closed when no server takes its connection', async (t) => {
    const front = await useProxy(t, behind(written(freePlace())));
    const client = await connect(front);
    await client.closed();
    assert.equal(client.received, '');
  });
}
