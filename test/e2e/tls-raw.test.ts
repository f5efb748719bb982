// Raw listeners and TLS: ended at the listener, begun to the servers, or both. node:tls, curl and openssl s_client.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { TLS_VERSIONS } from '../../src/base/tls-versions.js';
import { start as startAnswers } from '../origins/answers.js';
import { listenRaw, type RawOrigin } from '../origins/raw.js';
import { start as startTcpEcho } from '../origins/tcp-echo.js';
import { start as startTlsEcho, type TlsEcho } from '../origins/tls-echo.js';
import { type Place, written } from '../support/addresses.js';
import { reset } from '../support/endings.js';
import { authority, authorityFile, type Identity, makeIdentity } from '../support/identity.js';
import { run } from '../support/programs.js';
import { describeProduct, type RunningProxy, standIn, startProxy, use, useProxy } from '../support/proxy.js';
import { secure } from '../support/secure.js';
import { startTlsSite, type TlsSite } from '../support/tls-site.js';
import { WireClient } from '../support/wire-client.js';
import { rawCases } from './raw.cases.js';

const BIG = 8_000_000;
/** More than the sockets of a loopback connection and the queues of the proxy hold together. */
const FAR_MORE = 64_000_000;

/** A server that sends `bytes` bytes to whoever connects, as fast as they are taken, and then ends. */
function startFountain(bytes: number): Promise<RawOrigin> {
  const piece = Buffer.alloc(65_536, 'sevenfold ');
  return listenRaw((visit, origin) => {
    const { socket } = visit;
    const more = (): void => {
      while (visit.byteCount < bytes) {
        const part = piece.subarray(0, Math.min(piece.length, bytes - visit.byteCount));
        visit.byteCount += part.length;
        if (!socket.write(part)) {
          socket.once('drain', more);
          origin.note();
          return;
        }
      }
      socket.end();
      origin.note();
    };
    more();
  });
}

/** A server that takes nothing until told to, and then counts. */
async function startSleeper(): Promise<{ origin: RawOrigin; wake(): void; close(): Promise<void> }> {
  const origin = await listenRaw((visit, records) => {
    visit.socket.pause();
    visit.socket.on('end', () => visit.socket.end(String(visit.byteCount)));
    visit.socket.on('data', (text: string) => {
      visit.byteCount += text.length;
      records.note();
    });
  });
  return {
    origin,
    wake: () => {
      for (const { socket } of origin.visits) socket.resume();
    },
    close: () => origin.close(),
  };
}

const own = makeIdentity({ names: ['own.example'] });
describeProduct('tls listeners pass bytes on', () => {
  rawCases({
    listener: { protocol: 'tls', tls: { certificates: [own.files] }, pool: 'main' },
    options: { tls: own.client },
  });
});

describeProduct('tls listeners', () => {
  let first: Identity;
  let shop: Identity;
  let caFile: string;
  let a: RawOrigin;
  let site: TlsSite<{ a: RawOrigin }>;
  let proxy: RunningProxy;
  /** Without a pool for the rest; agrees on h2 or mqtt. */
  let strict: Place;
  let web: Place;

  before(async () => {
    caFile = authorityFile(authority());
    first = makeIdentity({ names: ['first.example'] });
    shop = makeIdentity({ names: ['shop.example', '*.shop.example'] });
    const tls = { certificates: [first.files, shop.files] };
    const tlsRoutes = [
      { hostnames: ['*.shop.example'], pool: 'b' },
      { hostnames: ['Shop.example'], pool: 'a' },
      { hostnames: ['over.shop.example'], pool: 'over' },
    ];
    site = await startTlsSite(
      {
        a: await startTcpEcho({ greeting: 'a:', farewell: 'bye' }),
        b: await startTcpEcho({ greeting: 'b:' }),
        // It says one word, and ends.
        over: await startTcpEcho({ greeting: 'over', endsFirst: true }),
        http: await startAnswers(),
      },
      [
        { protocol: 'tls', tls, tlsRoutes, pool: 'b' },
        { protocol: 'tls', tls: { ...tls, alpnProtocols: ['h2', 'mqtt'] }, tlsRoutes },
        { protocol: 'tls', tls, pool: 'http' },
      ],
    );
    ({ proxy } = site);
    ({ a } = site.origins);
    strict = proxy.listeners[1]!;
    web = proxy.listeners[2]!;
  });
  after(() => site.stop());

  test('end TLS, lead by the name asked for, and pass the bytes on as they are', async () => {
    for (const version of TLS_VERSIONS) {
      for (const [servername, expected] of [
        ['shop.example', 'a:'],
        ['SHOP.example', 'a:'],
        ['www.shop.example', 'b:'],
        ['first.example', 'b:'],
        ['', 'b:'],
      ] as const) {
        const client = await WireClient.connect(proxy.place, {
          tls: { rejectUnauthorized: false, servername, minVersion: version, maxVersion: version },
        });
        const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1');
        await client.send(bytes);
        await client.until('echo', () => (client.receivedCount >= bytes.length + 2 ? true : undefined));
        assert.equal(client.received, expected + bytes, `${version} ${servername}`);
        client.close();
      }
    }
  });

  test('the first bytes come with the handshake, or long after it: no deadline of requests is theirs', async (t) => {
    const hasty = await useProxy(t, {
      listeners: [{ protocol: 'tls', tls: { certificates: [shop.files] }, pool: 'main' }],
      servers: [a.address],
      timeouts: { tlsHandshake: '1s', requestHead: '1s' },
    });
    const client = await WireClient.connect(hasty.place, { tls: shop.client });
    await client.until('greeting', () => client.received || undefined);
    client.forget();
    // A connection that sends nothing is closed when its handshake is late: this one outlives it, and requestHead too.
    const watch = await WireClient.connect(hasty.place);
    await watch.closed();
    await client.send('late');
    await client.until('echo', () => (client.received === 'late' ? true : undefined));
    watch.close();
    client.close();
  });

  test('a resumed session is led by its name too', async () => {
    for (const version of TLS_VERSIONS) {
      const options = { ...shop.client, servername: 'shop.example', minVersion: version, maxVersion: version };
      const opener = connect({ ...options, host: proxy.place.host, port: proxy.place.port });
      opener.resume();
      const [session] = (await once(opener, 'session')) as [Buffer];
      const socket = await secure(proxy.place, { ...options, session });
      const [greeting] = (await once(socket, 'data')) as [Buffer];
      assert.equal(socket.isSessionReused(), true, version);
      assert.equal(greeting.toString(), 'a:', version);
      opener.destroy();
      socket.destroy();
    }
  });

  test('openssl s_client and curl are served', async () => {
    const place = ['-connect', written(proxy.place), '-CAfile', caFile, '-servername', 'over.shop.example'];
    for (const version of ['-tls1_2', '-tls1_3']) {
      const said = await run('openssl', ['s_client', ...place, version, '-quiet']);
      assert.match(said, /^over/, version);
      assert.match(said, /CN = shop\.example\nverify return:1/);
    }
    const { host, port } = web;
    const page = await run('curl', [
      ...['-sSv', '--cacert', caFile, '--resolve', `first.example:${port}:${host}`],
      `https://first.example:${port}/`,
    ]);
    assert.match(page, /HTTP\/1\.1 200/);
    assert.match(page, /SSL certificate verify ok/);
  });

  test('a name nobody is there for is closed after the handshake, and counted', async () => {
    const before = await proxy.reasonCount('SERVER_NAME_UNKNOWN');
    for (const servername of ['first.example', '']) {
      const client = await WireClient.connect(strict, { tls: { rejectUnauthorized: false, servername } });
      assert.equal(await client.closed(), 'end');
      assert.equal(client.received, '');
      client.close();
    }
    assert.equal((await proxy.reasonCount('SERVER_NAME_UNKNOWN')) - before, 2);
  });

  test('agree on no protocol unless they are told which', async () => {
    const agreed = async (place: Place, ALPNProtocols: string[]): Promise<unknown> => {
      const socket = await secure(place, { ...shop.client, ALPNProtocols });
      socket.destroy();
      return socket.alpnProtocol;
    };
    assert.equal(await agreed(proxy.place, ['h2', 'http/1.1']), false);
    assert.equal(await agreed(strict, ['http/1.1', 'mqtt', 'h2']), 'h2');
    assert.equal(await agreed(strict, ['mqtt']), 'mqtt');
    await assert.rejects(agreed(strict, ['http/1.1']), /no application protocol/i);
    assert.equal(await agreed(strict, []), false);
  });

  test('an end without close_notify is a cut, and the server sees it as one', async () => {
    const visits = a.accepted;
    const raw = connectPlain(proxy.place.port, proxy.place.host);
    const socket = connect({ ...shop.client, socket: raw });
    socket.on('error', () => {});
    await once(socket, 'data');
    raw.end();
    await a.until('reset', (seen) => seen.visits[visits]?.closed);
    assert.equal(a.visits[visits]!.reset, true);
    socket.destroy();
  });

  test('a client that reads slowly stops the server, and gets everything in the end', async (t) => {
    const origin = await use(t, startFountain(FAR_MORE));
    const front = await useProxy(t, {
      listeners: [{ protocol: 'tls', tls: { certificates: [first.files] }, pool: 'main' }],
      servers: [origin.address],
      limits: { slabBytes: '16MiB' },
    });
    const socket = await secure(front.place, first.client);
    socket.pause();
    await front.countersUntil('full', (counters) => counters.bytesQueued! > 0);
    const seen = async (): Promise<number> => {
      await front.counters();
      return origin.visits[0]!.byteCount;
    };
    let [before, now] = [-1, await seen()];
    while (before !== now) [before, now] = [now, await seen()];
    assert.ok(now < FAR_MORE, `${now} bytes were taken from the server`);
    const [counters] = await front.counters();
    assert.ok(counters!.chunksUsed! < 20, `${counters!.chunksUsed} chunks are held`);
    let bytes = 0;
    socket.on('data', (piece: Buffer) => {
      bytes += piece.length;
    });
    const over = once(socket, 'end');
    socket.resume();
    await over;
    assert.equal(bytes, FAR_MORE);
    await front.heldNothing();
  });

  test('a server that reads slowly stops the client, and gets everything in the end', async (t) => {
    const sleeper = await use(t, startSleeper());
    const front = await useProxy(t, {
      listeners: [{ protocol: 'tls', tls: { certificates: [first.files] }, pool: 'main' }],
      servers: [sleeper.origin.address],
    });
    const socket = await secure(front.place, { ...first.client, allowHalfOpen: true });
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    let sent = 0;
    const piece = Buffer.alloc(65_536, 'x');
    const more = (): void => {
      while (sent < FAR_MORE) {
        sent += piece.length;
        if (!socket.write(piece)) {
          socket.once('drain', more);
          return;
        }
      }
      socket.end();
    };
    more();
    await front.countersUntil('full', (counters) => counters.bytesQueued! > 0);
    const [counters] = await front.counters();
    assert.ok(counters!.chunksUsed! < 20, `${counters!.chunksUsed} chunks are held`);
    assert.ok(sent < FAR_MORE, `${sent} bytes were taken from the client`);
    sleeper.wake();
    await once(socket, 'end');
    assert.equal(Buffer.concat(pieces).toString(), String(sent));
    await front.heldNothing();
  });
});

test('a handshake that ends after the drain began leads nowhere', {
  skip: standIn && 'only the product',
}, async (t) => {
  const origin = await use(t, startTcpEcho());
  const { files, client } = makeIdentity({ names: ['late.example'] });
  const front = await startProxy({
    listeners: [{ protocol: 'tls', tls: { certificates: [files] }, pool: 'main' }],
    servers: [origin.address],
  });
  // It keeps the drain from its end, so that the late one is seen.
  const atWork = await WireClient.connect(front.place, { tls: client });
  await atWork.send('x');
  await atWork.until('echo', () => atWork.received || undefined);
  const { host, port } = front.place;
  const plain = connectPlain({ host, port });
  await once(plain, 'connect');
  await front.countersUntil('a handshake under way', ({ handshaking }) => handshaking === 1);
  front.process.kill('SIGTERM');
  await front.process.until('draining', () => (/drain/i.test(front.process.stdout) ? true : undefined));
  // The worker drains by now: it answers what it is asked in the order in which it is asked.
  await front.counters();
  const late = connect({ ...client, socket: plain });
  const closed = new Promise<void>((resolve) => late.once('close', () => resolve()));
  late.on('error', () => {});
  late.write('late');
  await closed;
  assert.deepEqual(
    origin.visits.map(({ bytes }) => bytes),
    ['x'],
  );
  atWork.close();
  assert.equal((await front.process.exited()).code, 0);
});

for (const protocol of ['tcp', 'tls-passthrough', 'http', 'https']) {
  test(`a handshake for a tls listener that becomes ${protocol} meanwhile leads nowhere`, {
    skip: standIn && 'only the product',
  }, async (t) => {
    const origin = await use(t, startAnswers());
    const { files, client } = makeIdentity({ names: ['late.example'] });
    const tls = { certificates: [files] };
    const pool = protocol.startsWith('http') ? {} : { pool: 'main' };
    // The other one has the routes.
    const before = { listeners: [{ protocol: 'tls', tls, pool: 'main' }, {}], servers: [origin.address] };
    const after = [{ protocol, ...pool, ...(protocol === 'https' ? { tls } : {}) }, {}];
    const front = await useProxy(t, before);
    const { host, port } = front.place;
    const plain = connectPlain({ host, port });
    await once(plain, 'connect');
    await front.countersUntil('a handshake under way', ({ handshaking }) => handshaking === 1);
    await front.reload({ ...before, listeners: after });
    const late = connect({ ...client, socket: plain });
    late.on('error', () => {});
    late.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    late.resume();
    await once(late, 'close');
    assert.deepEqual(origin.requests, []);
    await front.heldNothing();
  });
}

describeProduct('raw listeners in front of servers with TLS', () => {
  let backend: Identity;
  let front: Identity;
  let origin: TlsEcho;
  let site: TlsSite<object>;
  let proxy: RunningProxy;
  let ca: string;

  before(async () => {
    ca = authorityFile(authority());
    backend = makeIdentity({ names: ['backend.example'] });
    front = makeIdentity({ names: ['front.example'] });
    // It refuses whoever offers protocols and not this one: http/1.1 would be such an offer.
    const main = await startTlsEcho(backend, { greeting: 'origin:', farewell: 'bye', ALPNProtocols: ['mqtt'] });
    const servers = [{ address: main.address }];
    site = await startTlsSite(
      { main },
      [
        { protocol: 'tcp', pool: 'main' },
        { protocol: 'tls', tls: { certificates: [front.files] }, pool: 'main' },
        { protocol: 'tcp', pool: 'doubted' },
      ],
      {
        main: { servers, tls: { ca, serverName: 'backend.example' } },
        doubted: { servers, tls: { ca, serverName: 'other.example' } },
      },
    );
    ({ proxy } = site);
    origin = main;
  });
  after(() => site.stop());

  for (const [index, name] of ['tcp', 'tls'].entries()) {
    const connected = (): Promise<WireClient> =>
      WireClient.connect(proxy.listeners[index]!, {
        halfOpen: true,
        ...(index === 0 ? {} : { tls: front.client }),
      });

    test(`${name}: bytes are encrypted on their way to the server, which is asked for by name and offered nothing`, async () => {
      const client = await connected();
      await client.send('hello');
      await client.until('echo', () => (client.received === 'origin:hello' ? true : undefined));
      assert.equal(origin.seen.at(-1)!.protocol, false);
      assert.equal(origin.seen[0]!.name, 'backend.example');
      client.end();
      await client.closed();
      assert.equal(client.received, 'origin:hellobye');
      client.close();
    });

    test(`${name}: large transfers arrive whole`, async () => {
      const client = await connected();
      const bytes = 'sevenfold '.repeat(BIG / 10);
      await client.send(bytes);
      await client.until('echo', () => (client.receivedCount === BIG + 7 ? true : undefined), 60_000);
      assert.ok(client.received === `origin:${bytes}`, 'the bytes changed on the way');
      client.close();
    });

    test(`${name}: a client that is reset resets the connection to the server`, async () => {
      const { host, port } = proxy.listeners[index]!;
      const raw = connectPlain(port, host);
      const socket = index === 0 ? raw : connect({ ...front.client, socket: raw });
      socket.on('error', () => {});
      await once(socket, 'data');
      const resets = origin.resets;
      reset(raw);
      for (const deadline = Date.now() + 10_000; origin.resets === resets; ) {
        assert.ok(Date.now() < deadline, 'no reset arrived');
        await proxy.counters();
      }
    });
  }

  test('a server that is not who it should be gets nothing, and the client is closed', async () => {
    const client = await WireClient.connect(proxy.listeners[2]!);
    await client.send('secret');
    await client.closed();
    assert.equal(client.received, '');
    assert.equal(await proxy.reasonCount('TLS_FAILED'), 1);
    client.close();
  });
});
