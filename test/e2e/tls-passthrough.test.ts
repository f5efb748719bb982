// Raw connections led by the name in their ClientHello, with TLS left to the servers: node:tls, curl, openssl s_client.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { TLS_VERSIONS } from '../../src/base/tls-versions.js';
import { start as startNeverAccepts } from '../origins/never-accepts.js';
import { listenRaw, type RawOrigin } from '../origins/raw.js';
import { start as startTcpEcho } from '../origins/tcp-echo.js';
import { start as startTlsEcho } from '../origins/tls-echo.js';
import { freePlace, type Place, written } from '../support/addresses.js';
import { extension, helloMessage, number, realHello, records, serverNames } from '../support/client-hello.js';
import { reset } from '../support/endings.js';
import { authority, authorityFile, type Identity, makeIdentity } from '../support/identity.js';
import { nginxMissing, startNginxOrigin } from '../support/nginx.js';
import { run } from '../support/programs.js';
import { describeProduct, type RunningProxy, startProxy, use, useProxy } from '../support/proxy.js';
import { line } from '../support/proxy-header.js';
import { startTlsSite, type TlsSite } from '../support/tls-site.js';
import { WireClient } from '../support/wire-client.js';

const ALERT_UNRECOGNIZED_NAME = '\x15\x03\x03\x00\x02\x02\x70';
const ALERT_DECODE_ERROR = '\x15\x03\x03\x00\x02\x02\x32';
const ALERT_UNEXPECTED_MESSAGE = '\x15\x03\x03\x00\x02\x02\x0a';

/** Connects by TLS; resolves with the socket and the greeting. Rejects with the alert, or whatever else went wrong. */
function greeted(
  place: Place,
  options: ConnectionOptions & { readonly allowHalfOpen?: boolean },
): Promise<{ socket: TLSSocket; greeting: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...options, host: place.host, port: place.port });
    socket.once('error', reject);
    socket.once('end', () => reject(new Error('ended without a greeting')));
    socket.once('data', (piece: Buffer) => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve({ socket, greeting: piece.toString('latin1') });
    });
  });
}

describeProduct('tls-passthrough', () => {
  let shop: Identity;
  let wild: Identity;
  let other: Identity;
  let caFile: string;
  let site: TlsSite<{ raw: RawOrigin }>;
  /** Gets the connections for names below raw.example as bytes. */
  let raw: RawOrigin;
  let proxy: RunningProxy;
  /** The listener without a pool for the rest. */
  let strict: Place;

  before(async () => {
    caFile = authorityFile(authority());
    shop = makeIdentity({ names: ['shop.example'] });
    wild = makeIdentity({ names: ['*.wild.example', '*.deep.wild.example'] });
    other = makeIdentity({ names: ['other.example'] });
    const tlsRoutes = [
      { hostnames: ['shop.example'], pool: 'shop' },
      { hostnames: ['*.wild.example'], pool: 'wild' },
      { hostnames: ['*.Deep.wild.example'], pool: 'deep' },
      { hostnames: ['*.raw.example'], pool: 'raw' },
      { hostnames: ['split.raw.example'], backendRefs: [{ pool: 'shop', weight: 3 }, { pool: 'raw' }] },
    ];
    site = await startTlsSite(
      {
        shop: await startTlsEcho(shop, { greeting: 'shop', farewell: 'bye' }),
        wild: await startTlsEcho(wild, { greeting: 'wild' }),
        deep: await startTlsEcho(wild, { greeting: 'deep' }),
        other: await startTlsEcho(other, { greeting: 'other' }),
        raw: await startTcpEcho({ greeting: 'raw:' }),
      },
      [
        { protocol: 'tls-passthrough', tlsRoutes, pool: 'other' },
        { protocol: 'tls-passthrough', tlsRoutes },
      ],
    );
    ({ proxy } = site);
    ({ raw } = site.origins);
    strict = proxy.listeners[1]!;
  });
  after(() => site.stop());

  test('says which listeners it has', () => {
    assert.match(proxy.process.stdout, /listening on \S+ \(tls-passthrough\)/);
  });

  test('leads by the name asked for: exact, then the longest wildcard, else the pool; the server shows its own certificate', async () => {
    for (const [servername, identity, expected] of [
      ['shop.example', shop, 'shop'],
      ['SHOP.example', shop, 'shop'],
      ['a.wild.example', wild, 'wild'],
      ['a.deep.wild.example', wild, 'deep'],
      ['other.example', other, 'other'],
      ['', other, 'other'],
    ] as const) {
      for (const version of TLS_VERSIONS) {
        const { socket, greeting } = await greeted(proxy.place, {
          ca: authority().cert,
          servername,
          minVersion: version,
          maxVersion: version,
          ...(servername === '' ? { checkServerIdentity: () => undefined } : {}),
        });
        assert.equal(greeting, expected, servername);
        assert.equal(socket.getPeerCertificate().fingerprint256, fingerprint(identity), servername);
        assert.equal(socket.getProtocol(), version);
        socket.destroy();
      }
    }
  });

  test('curl and openssl s_client get the certificate of the server behind', async () => {
    const { host, port } = proxy.place;
    for (const [servername, subject] of [
      ['shop.example', 'shop.example'],
      ['nobody.example', 'other.example'],
    ] as const) {
      const said = await run('openssl', [
        's_client',
        '-connect',
        written(proxy.place),
        '-CAfile',
        caFile,
        '-servername',
        servername,
      ]);
      assert.match(said, new RegExp(`subject=CN ?= ?${subject}`));
      assert.match(said, /Verify return code: 0 \(ok\)/);
    }
    const nameless = await run('openssl', [
      's_client',
      '-connect',
      written(proxy.place),
      '-CAfile',
      caFile,
      '-noservername',
    ]);
    assert.match(nameless, /subject=CN ?= ?other.example/);
    const resolved = `unknown.example:${port}:${host}`;
    const said = await run('curl', [
      '-sv',
      '--cacert',
      caFile,
      '--resolve',
      resolved,
      `https://unknown.example:${port}/`,
    ]);
    assert.match(said, /no alternative certificate subject name matches/i, 'the certificate is that of other.example');
  });

  test('curl gets a page from nginx behind it, with the certificate of nginx', { skip: nginxMissing }, async (t) => {
    const origin = await use(t, startNginxOrigin({ 'page.txt': Buffer.from('behind') }, shop.files));
    const front = await useProxy(t, {
      listeners: [{ protocol: 'tls-passthrough', tlsRoutes: [{ hostnames: ['shop.example'], pool: 'main' }] }],
      servers: [origin.address],
    });
    const { host, port } = front.place;
    const said = await run('curl', [
      ...['-sv', '--cacert', caFile, '--resolve', `shop.example:${port}:${host}`],
      `https://shop.example:${port}/page.txt`,
    ]);
    assert.match(said, /^behind/);
    assert.match(said, /subject: CN=shop.example/);
    assert.match(said, /SSL certificate verify ok/);
  });

  test('answers a name nobody has, and none, with the alert unrecognized_name where there is no pool for the rest', async () => {
    const before = await proxy.reasonCount('SERVER_NAME_UNKNOWN');
    for (const version of TLS_VERSIONS) {
      await assert.rejects(greeted(strict, { servername: 'nobody.example', maxVersion: version }), /unrecognized name/);
    }
    await assert.rejects(greeted(strict, { servername: '' }), /unrecognized name/);
    const said = await run('openssl', ['s_client', '-connect', written(strict), '-servername', 'nobody.example']);
    assert.match(said, /unrecognized name/);
    // An address in place of a name, as some clients send it, is no name that a route could have.
    const client = await WireClient.connect(strict);
    await client.send(records(helloMessage({ extensions: [serverNames('127.0.0.1')] })));
    assert.equal(await client.closed(), 'end');
    assert.equal(client.received, ALERT_UNRECOGNIZED_NAME);
    client.close();
    assert.equal((await proxy.reasonCount('SERVER_NAME_UNKNOWN')) - before, 5);
  });

  test('passes every byte on as it came, the ClientHello first, wherever it is cut', async () => {
    const real = await realHello('a.raw.example');
    const fragmented = records(real.subarray(5), 100);
    const early = 'what follows at once, as early data does';
    for (const hello of [real, fragmented]) {
      const bytes = Buffer.concat([hello, Buffer.from(early)]).toString('latin1');
      for (let from = 1; from <= hello.length; from += 64) {
        const clients: [number, WireClient][] = [];
        for (let cut = from; cut < Math.min(from + 64, hello.length + 1); cut++) {
          const client = await WireClient.connect(strict);
          await client.send(bytes.slice(0, cut));
          clients.push([cut, client]);
        }
        // Once it has answered this, it has seen the first pieces, and gets the second by themselves.
        await proxy.counters();
        for (const [cut, client] of clients) {
          await client.send(bytes.slice(cut));
          await client.until(`echo, cut at ${cut}`, () =>
            client.receivedCount >= bytes.length + 4 ? true : undefined,
          );
          assert.ok(client.received === `raw:${bytes}`, `cut at ${cut}`);
          client.close();
        }
      }
    }
  });

  test('reads a ClientHello that comes one byte at a time', async () => {
    const hello = (await realHello('a.raw.example')).toString('latin1');
    const client = await WireClient.connect(strict);
    for (const byte of hello) {
      await client.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.until('echo', () => (client.received === `raw:${hello}` ? true : undefined));
    client.close();
  });

  test('takes a ClientHello of 16 KiB, whole and in pieces, and refuses one with a byte more', async () => {
    const sized = (bytes: number): string => {
      const bare =
        helloMessage({ extensions: [extension(21, Buffer.alloc(0)), serverNames('a.raw.example')] }).length + 5;
      const filler = extension(21, Buffer.alloc(bytes - bare, 1));
      return records(helloMessage({ extensions: [filler, serverNames('a.raw.example')] })).toString('latin1');
    };
    const largest = sized(16_384);
    for (const cuts of [[], [16_383], [1], [5, 9_000, 12_000]]) {
      const client = await WireClient.connect(strict);
      let at = 0;
      for (const cut of [...cuts, largest.length]) {
        await client.send(largest.slice(at, cut));
        await proxy.counters();
        at = cut;
      }
      await client.until('echo', () => (client.received === `raw:${largest}` ? true : undefined));
      client.close();
    }
    const before = await proxy.reasonCount('HELLO_TOO_LARGE');
    for (const bytes of [sized(16_385), records(Buffer.from(sized(9_000), 'latin1').subarray(5), 4)]) {
      const client = await WireClient.connect(strict);
      await client.send(bytes);
      await client.until('alert', () => (client.received === ALERT_DECODE_ERROR ? true : undefined));
      client.close();
    }
    assert.equal((await proxy.reasonCount('HELLO_TOO_LARGE')) - before, 2);
  });

  test('closes on what is no TLS without a word, and answers broken TLS with an alert', async () => {
    const before = await proxy.reasonCount('HELLO_MALFORMED');
    const hello = records(helloMessage({ extensions: [serverNames('a.raw.example')] }));
    const twice = records(helloMessage({ extensions: [serverNames('a.raw.example'), serverNames('a.raw.example')] }));
    const finished = Buffer.from(hello);
    finished[5] = 20;
    const cases: [Buffer | string, string][] = [
      ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', ''],
      ['\x15\x03\x01\x00\x02\x02\x28', ''],
      [twice, ALERT_DECODE_ERROR],
      [records(Buffer.concat([number(1, 1), number(3, 3), Buffer.alloc(3)])), ALERT_DECODE_ERROR],
      [finished, ALERT_UNEXPECTED_MESSAGE],
    ];
    for (const [bytes, alert] of cases) {
      const client = await WireClient.connect(strict);
      await client.send(bytes);
      await client.closed();
      assert.equal(client.received, alert);
      client.close();
    }
    assert.equal((await proxy.reasonCount('HELLO_MALFORMED')) - before, cases.length);
  });

  test('garbage behind every byte of a ClientHello costs nothing but its connection', async () => {
    // A key share of ML-KEM would be most of it, and garbage there is no fault.
    const hello = await realHello('a.raw.example', 'X25519');
    const accepted = raw.accepted;
    let led = 0;
    for (let from = 0; from < hello.length; from += 64) {
      await Promise.all(
        Array.from({ length: Math.min(64, hello.length - from) }, async (_, i) => {
          const client = await WireClient.connect(strict);
          await client.send(Buffer.concat([hello.subarray(0, from + i), Buffer.alloc(20_000, 0xff)]));
          // Led on where the garbage lies in a field that is passed over, else refused, or waiting for more.
          await client.until('end, or greeting', () =>
            client.ended || client.received.startsWith('raw:') ? true : undefined,
          );
          if (client.received.startsWith('raw:')) led++;
          client.close();
        }),
      );
    }
    assert.equal(raw.accepted - accepted, led);
    assert.ok(led < hello.length / 2, `${led} of ${hello.length} went on`);
  });

  /** A proxy that does not wait long for a ClientHello. */
  const useHasty = (t: Parameters<typeof useProxy>[0]): Promise<RunningProxy> =>
    useProxy(t, {
      listeners: [{ protocol: 'tls-passthrough', pool: 'main' }],
      servers: [raw.address],
      timeouts: { tlsHandshake: '1s' },
    });

  test('a ClientHello that does not come in time is closed, however many bytes trickle in', async (t) => {
    const hasty = await useHasty(t);
    const silent = await WireClient.connect(hasty.place);
    const trickling = await WireClient.connect(hasty.place);
    const hello = await realHello('a.raw.example');
    const started = performance.now();
    let at = 0;
    const timer = setInterval(() => void trickling.send(hello.subarray(at, ++at)), 50);
    await Promise.all([silent.closed(), trickling.closed()]);
    clearInterval(timer);
    const tookMs = performance.now() - started;
    // All of it would take half a minute.
    assert.ok(tookMs > 900 && tookMs < 10_000, `closed after ${tookMs} ms`);
    assert.equal(silent.received + trickling.received, '');
    assert.equal(await hasty.reasonCount('HELLO_TIMEOUT'), 2);
    silent.close();
    trickling.close();
  });

  test('a client that leaves before its ClientHello is complete leaves nothing behind', async () => {
    const hello = await realHello('a.raw.example');
    const before = await proxy.reasonCount('CLIENT_LEFT');
    for (const [bytes, how] of [
      [0, 'end'],
      [100, 'end'],
      [100, 'reset'],
      [100, 'close'],
    ] as const) {
      const client = await WireClient.connect(strict);
      await client.send(hello.subarray(0, bytes));
      if (bytes > 0) await proxy.counters();
      client[how]();
    }
    await proxy.countersUntil('gone', (counters) => counters.clientConnections === 0);
    assert.equal((await proxy.reasonCount('CLIENT_LEFT')) - before, 2, 'both that ended with a part of it sent');
  });

  test('the deadline of the handshake ends with the ClientHello', async (t) => {
    const hasty = await useHasty(t);
    const client = await WireClient.connect(hasty.place);
    const hello = records(helloMessage({ extensions: [serverNames('a.raw.example')] })).toString('latin1');
    await client.send(hello);
    await client.until('echo', () => (client.received === `raw:${hello}` ? true : undefined));
    const later = await WireClient.connect(hasty.place);
    await later.closed();
    assert.equal(client.ended, false);
    client.close();
    later.close();
  });

  test('the end of one side reaches the other, which may still speak', async () => {
    const { socket, greeting } = await greeted(proxy.place, { ...shop.client, allowHalfOpen: true });
    assert.equal(greeting, 'shop');
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    const over = once(socket, 'end');
    socket.end('last words');
    await over;
    assert.equal(Buffer.concat(pieces).toString(), 'last wordsbye');
  });

  test('a name shared by weight goes to each pool as often as it should', async () => {
    const hello = records(helloMessage({ extensions: [serverNames('split.raw.example')] })).toString('latin1');
    let toRaw = 0;
    for (let i = 0; i < 8; i++) {
      const client = await WireClient.connect(strict);
      await client.send(hello);
      // The other pool speaks TLS, and what it answers to this ClientHello begins with a record.
      await client.until('answer', () => client.received || undefined);
      if (client.received.startsWith('raw:')) toRaw++;
      client.close();
    }
    assert.equal(toRaw, 2);
  });

  test('a server that refuses is passed over, and gets the whole ClientHello all the same', async (t) => {
    const origin = await use(t, startTcpEcho());
    const front = await useProxy(t, {
      listeners: [{ protocol: 'tls-passthrough', pool: 'main' }],
      servers: [written(freePlace()), origin.address],
    });
    const hello = (await realHello('shop.example')).toString('latin1');
    for (let i = 0; i < 4; i++) {
      const client = await WireClient.connect(front.place);
      await client.send(hello.slice(0, 50));
      await front.counters();
      await client.send(hello.slice(50));
      await client.until('echo', () => (client.received === hello ? true : undefined));
      client.close();
    }
  });

  test('a server that does not answer is waited for as long as timeouts.connect says, then the client is reset', async (t) => {
    const origin = await use(t, startNeverAccepts());
    const front = await useProxy(t, {
      listeners: [{ protocol: 'tls-passthrough', pool: 'main' }],
      pools: { main: { servers: [{ address: origin.address }], retry: { retriesMax: 0 } } },
      timeouts: { tlsHandshake: '200ms', connect: '1s' },
    });
    const client = await WireClient.connect(front.place);
    await client.send(await realHello('shop.example'));
    assert.equal(await client.closed(), 'reset');
    assert.equal(client.received, '');
    assert.equal(await front.reasonCount('CONNECT_TIMEOUT'), 1);
    client.close();
    await front.heldNothing();
  });

  test('a reset of one side resets the other: what was cut does not look complete', async (t) => {
    const origin = await use(
      t,
      listenRaw((visit) => {
        visit.socket.on('data', () => visit.socket.write('some of it'));
      }),
    );
    const front = await useProxy(t, {
      listeners: [{ protocol: 'tls-passthrough', pool: 'main' }],
      servers: [origin.address],
    });
    const hello = await realHello('shop.example');
    const open = async (): Promise<WireClient> => {
      const client = await WireClient.connect(front.place);
      await client.send(hello);
      await client.until('answer', () => client.received || undefined);
      return client;
    };
    const leaving = await open();
    leaving.reset();
    await origin.until('reset', ({ visits }) => visits[0]!.closed);
    assert.equal(origin.visits[0]!.reset, true);
    const left = await open();
    reset(origin.visits[1]!.socket);
    assert.equal(await left.closed(), 'reset');
  });

  test('a PROXY header may stand in front of the ClientHello, on both sides, wherever the bytes are cut', async (t) => {
    const origin = await use(t, startTcpEcho());
    const front = await useProxy(t, {
      listeners: [{ protocol: 'tls-passthrough', pool: 'main', proxyProtocol: { from: ['127.0.0.1'] } }],
      pools: { main: { servers: [{ address: origin.address }], proxyProtocol: 'v1' } },
    });
    const said = line({ from: '203.0.113.7', fromPort: 40_001, to: '198.51.100.1', toPort: 8443 });
    const bytes = `${said}${(await realHello('shop.example')).toString('latin1')}`;
    const cuts = [
      1,
      said.length - 1,
      said.length,
      said.length + 1,
      said.length + 6,
      said.length + 100,
      bytes.length - 1,
    ];
    for (const cut of [...cuts, bytes.length]) {
      const client = await WireClient.connect(front.place);
      await client.send(bytes.slice(0, cut));
      await front.counters();
      await client.send(bytes.slice(cut));
      await client.until('echo', () => (client.receivedCount >= bytes.length ? true : undefined));
      assert.equal(client.received, bytes, `cut at ${cut}`);
      client.close();
    }
    await front.heldNothing();
  });

  test('a drain closes who has not said yet where to go', async (t) => {
    const origin = await use(t, startTcpEcho());
    const front = await startProxy({
      listeners: [{ protocol: 'tls-passthrough', pool: 'main' }],
      servers: [origin.address],
      timeouts: { tlsHandshake: '60s' },
    });
    const hello = (await realHello('shop.example')).toString('latin1');
    const silent = await WireClient.connect(front.place);
    const half = await WireClient.connect(front.place);
    await half.send(hello.slice(0, 100));
    await front.countersUntil('both are here', ({ clientConnections }) => clientConnections === 2);
    front.process.kill('SIGTERM');
    await Promise.all([silent.closed(), half.closed()]);
    assert.equal((await front.process.exited()).code, 0);
    assert.equal(origin.visits.length, 0);
  });

  test('a reload leads new connections by the new names, and leaves open ones alone', async (t) => {
    const [a, b] = [await use(t, startTcpEcho({ greeting: 'a' })), await use(t, startTcpEcho({ greeting: 'b' }))];
    const spec = (pool: string): Parameters<typeof startProxy>[0] => ({
      listeners: [{ protocol: 'tls-passthrough', tlsRoutes: [{ hostnames: ['shop.example'], pool }], pool: 'a' }],
      pools: { a: { servers: [{ address: a.address }] }, b: { servers: [{ address: b.address }] } },
    });
    const front = await startProxy(spec('a'));
    t.after(async () => {
      front.process.kill('SIGTERM');
      await front.process.exited();
    });
    const hello = (await realHello('shop.example')).toString('latin1');
    const open = async (): Promise<WireClient> => {
      const client = await WireClient.connect(front.place);
      await client.send(hello);
      await client.until('greeting and echo', () => (client.receivedCount === hello.length + 1 ? true : undefined));
      return client;
    };
    const before = await open();
    assert.equal(before.received[0], 'a');
    const waiting = await WireClient.connect(front.place);
    await waiting.send(hello.slice(0, 100));
    await front.reload(spec('b'));
    const after = await open();
    assert.equal(after.received[0], 'b');
    await waiting.send(hello.slice(100));
    await waiting.until('greeting', () => waiting.received || undefined);
    assert.equal(waiting.received[0], 'b', 'one that was under way is led by the names of now');
    await before.send('still here');
    await before.until('echo', () => (before.received.endsWith('still here') ? true : undefined));
    for (const client of [before, waiting, after]) client.close();
  });
});

function fingerprint({ issued }: Identity): string {
  return new X509Certificate(issued.cert).fingerprint256;
}
