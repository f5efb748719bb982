// TLS at the listener, with real clients: node:tls, undici, curl and openssl s_client.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { after, before, test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { Agent, request } from 'undici';
import { TLS_VERSIONS } from '../../src/base/tls-versions.js';
import { type Echo, echoOf, type JsonEcho, start as startEcho } from '../origins/json-echo.js';
import { ok, type RawOrigin, serveRequests } from '../origins/raw.js';
import { loopback, written } from '../support/addresses.js';
import { realHello } from '../support/client-hello.js';
import { authority, authorityFile, type Identity, makeIdentity } from '../support/identity.js';
import { type Message, readFinalResponse, statusOf } from '../support/messages.js';
import { ENVIRONMENT, run } from '../support/programs.js';
import { describeProduct, type RunningProxy, startProxy, useProxy } from '../support/proxy.js';
import { RecordCutter } from '../support/record-cutter.js';
import { certificateAt, secure } from '../support/secure.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const BIG = 3_000_000;

/** The name in the certificate that a client is shown, whatever it makes of it. */
const nameShown = async (proxy: RunningProxy, options: ConnectionOptions): Promise<string> =>
  String((await certificateAt(proxy.place, { rejectUnauthorized: false, ...options })).subject.CN);

/** The value of the only field with this name. */
function fieldOf({ fields }: Message, wanted: string): string | undefined {
  const values = fields.filter(([name]) => name === wanted).map(([, value]) => value);
  assert.ok(values.length < 2, `${wanted}: ${values.join(' and ')}`);
  return values[0];
}

describeProduct('TLS', () => {
  let origin: JsonEcho;
  let big: RawOrigin;
  let proxy: RunningProxy;
  let first: Identity;
  let shop: Identity;
  let shopRsa: Identity;
  let wild: Identity;
  let caFile: string;
  let askedForBig = (): void => {};

  before(async () => {
    first = makeIdentity({ names: ['first.example', loopback] });
    shop = makeIdentity({ names: ['shop.example', 'www.shop.example'] });
    shopRsa = makeIdentity({ names: ['shop.example'], keyType: 'rsa' });
    wild = makeIdentity({ names: ['*.wild.example'] });
    caFile = authorityFile(authority());
    origin = await startEcho();
    big = await serveRequests((_request, visit) => {
      visit.socket.write(ok('y'.repeat(BIG)));
      askedForBig();
    });
    proxy = await startProxy({
      listeners: [
        { protocol: 'https', tls: { certificates: [first, shop, shopRsa, wild].map(({ files }) => files) } },
        {
          protocol: 'https',
          tls: { certificates: [first.files], minVersion: 'TLSv1.3' },
          strictTransportSecurity: 'max-age=63072000; includeSubDomains',
        },
        {},
        { redirectToHttps: 8443 },
        { redirectToHttps: 443 },
      ],
      routes: [
        {
          rules: [
            { matches: [{ path: { type: 'PathPrefix', value: '/big' } }], pool: 'big' },
            { matches: [{ path: { type: 'PathPrefix', value: '/' } }], pool: 'main' },
          ],
        },
      ],
      pools: { main: { servers: [{ address: origin.address }] }, big: { servers: [{ address: big.address }] } },
      args: ['--workers', '2'],
    });
  });
  after(async () => {
    await proxy.countersUntil('given back', (counters) => counters.secured === 0 && counters.chunksUsed === 0);
    await proxy.stop();
    await origin.close();
    await big.close();
  });

  test('speaks TLS 1.2 and 1.3, and tells servers that the client came by https', async () => {
    for (const version of TLS_VERSIONS) {
      const client = await WireClient.connect(proxy.place, {
        tls: { ...first.client, minVersion: version, maxVersion: version },
      });
      assert.equal((client.socket as TLSSocket).getProtocol(), version);
      const answer = await client.exchange(get('/'));
      const { headers } = echoOf(answer);
      assert.equal(headers['x-forwarded-proto'], 'https');
      assert.equal(headers['x-forwarded-port'], String(proxy.place.port));
      client.close();
    }
  });

  test('refuses TLS 1.0 and 1.1', async () => {
    for (const version of ['TLSv1', 'TLSv1.1'] as const) {
      const old = { ...first.client, minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' };
      await assert.rejects(secure(proxy.place, old), /protocol version|unsupported protocol/i);
    }
  });

  test('a listener with minVersion TLSv1.3 refuses TLS 1.2', async () => {
    const strict = proxy.listeners[1]!;
    await assert.rejects(secure(strict, { ...first.client, maxVersion: 'TLSv1.2' }), /protocol version/i);
    const socket = await secure(strict, first.client);
    assert.equal(socket.getProtocol(), 'TLSv1.3');
    socket.destroy();
  });

  test('a plain listener beside it stays plain', async () => {
    const client = await WireClient.connect(proxy.listeners[2]!);
    const { headers } = echoOf(await client.exchange(get('/')));
    assert.equal(headers['x-forwarded-proto'], 'http');
    client.close();
  });

  test('redirectToHttps sends every request to the same place by https', async () => {
    for (const [listener, request, location] of [
      [3, get('/a/b?c=d', 'Host: shop.example:80'), 'https://shop.example:8443/a/b?c=d'],
      [4, get('/', 'Host: [::1]:8080'), 'https://[::1]/'],
      [4, 'OPTIONS * HTTP/1.1\r\nHost: shop.example\r\n\r\n', 'https://shop.example/'],
      [4, get('http://other.example'), 'https://other.example/'],
    ] as const) {
      const answer = await ask(proxy.listeners[listener]!, request);
      assert.equal(statusOf(answer), 308);
      assert.equal(fieldOf(answer, 'location'), location);
    }
    for (const hostless of ['GET / HTTP/1.0\r\n\r\n', get('/', 'Host:')]) {
      const answer = await ask(proxy.listeners[3]!, hostless);
      assert.equal(statusOf(answer), 400);
      assert.match(answer.body, /cannot be redirected \(REDIRECT_HOST_MISSING/);
    }
    assert.equal(statusOf(await ask(proxy.listeners[3]!, get('/', 'Host: a b'))), 400);
  });

  test('strictTransportSecurity is in every response of its listener, our own too, and in no other', async () => {
    const client = await WireClient.connect(proxy.listeners[1]!, { tls: first.client });
    for (const path of ['/', '/%']) {
      const answer = await client.exchange(get(path));
      assert.equal(fieldOf(answer, 'strict-transport-security'), 'max-age=63072000; includeSubDomains');
    }
    client.close();
    const other = await WireClient.connect(proxy.place, { tls: first.client });
    assert.equal(fieldOf(await other.exchange(get('/')), 'strict-transport-security'), undefined);
    other.close();
  });

  test('shows the certificate for the name asked for: exact, then wildcard, else the first', async () => {
    for (const [servername, expected] of [
      ['shop.example', 'shop.example'],
      ['SHOP.Example', 'shop.example'],
      ['www.shop.example', 'shop.example'],
      ['a.wild.example', '*.wild.example'],
      ['a.b.wild.example', 'first.example'],
      ['wild.example', 'first.example'],
      ['unknown.example', 'first.example'],
    ] as const) {
      assert.equal(await nameShown(proxy, { servername }), expected, servername);
    }
    assert.equal(await nameShown(proxy, {}), 'first.example', 'no name');
  });

  test('shows RSA and ECDSA certificates of one name side by side, each to the client that understands it', async () => {
    const cipher = async (ciphers: string): Promise<string> => {
      const socket = await secure(proxy.place, { ...shop.client, maxVersion: 'TLSv1.2', ciphers });
      const { name } = socket.getCipher();
      socket.destroy();
      return name;
    };
    assert.match(await cipher('ECDHE-RSA-AES128-GCM-SHA256'), /RSA/);
    assert.match(await cipher('ECDHE-ECDSA-AES128-GCM-SHA256'), /ECDSA/);
  });

  test('agrees on h2 with a browser, else on http/1.1, and refuses a client that speaks none of ours', async () => {
    for (const [offers, agreed] of [
      [['http/1.1', 'h2'], 'h2'],
      [['http/1.1', 'spdy/3'], 'http/1.1'],
    ] as const) {
      const socket = await secure(proxy.place, { ...first.client, ALPNProtocols: [...offers] });
      assert.equal(socket.alpnProtocol, agreed);
      socket.destroy();
    }
    await assert.rejects(
      secure(proxy.place, { ...first.client, ALPNProtocols: ['spdy/3'] }),
      /no application protocol/i,
    );
  });

  test('a session begun on one worker is resumed on any other', async () => {
    for (const version of TLS_VERSIONS) {
      const options = { ...first.client, minVersion: version, maxVersion: version };
      const opener = connect({ ...options, host: proxy.place.host, port: proxy.place.port });
      const got = once(opener, 'session');
      opener.write(get('/'));
      const [session] = (await got) as [Buffer];
      const before = await proxy.counters();
      // The opener stays: the next connections go to the other worker, then to both in turn.
      const resumed: TLSSocket[] = [];
      for (let i = 0; i < 4; i++) resumed.push(await secure(proxy.place, { ...options, session }));
      for (const socket of resumed) assert.equal(socket.isSessionReused(), true, version);
      const after = await proxy.counters();
      const grown = after.map((counters, worker) => counters.resumptions! - before[worker]!.resumptions!);
      assert.ok(
        grown.every((count) => count > 0),
        `${version}: resumptions by worker: ${grown.join(', ')}`,
      );
      for (const socket of [opener, ...resumed]) socket.destroy();
    }
  });

  test('every resumption over TLS 1.3 brings the ticket for the next one', async () => {
    let session: Buffer | undefined;
    for (let i = 0; i < 5; i++) {
      const options = session === undefined ? first.client : { ...first.client, session };
      const socket = connect({ ...options, minVersion: 'TLSv1.3', host: proxy.place.host, port: proxy.place.port });
      const got = once(socket, 'session', { signal: AbortSignal.timeout(10_000) });
      socket.write(get('/'));
      [session] = (await got) as [Buffer];
      assert.equal(socket.isSessionReused(), i > 0, `connection ${i}`);
      socket.destroy();
    }
  });

  test('carries large bodies both ways, to clients that read slowly too', async () => {
    const client = await WireClient.connect(proxy.place, { tls: first.client });
    const asked = new Promise<void>((resolve) => {
      askedForBig = resolve;
    });
    client.socket.pause();
    await client.send(get('/big'));
    await asked;
    client.socket.resume();
    const answer = await client.response();
    assert.equal(answer.body.length, BIG);
    client.forget();
    const body = 'z'.repeat(BIG);
    await client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BIG}\r\n\r\n${body}`);
    assert.equal(echoOf(await client.response('POST')).bodyBytes, BIG);
    client.close();
  });

  test('says goodbye with close_notify when it closes', async () => {
    const socket = await secure(proxy.place, { ...first.client });
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    // Without close_notify node:tls reports an error or 'close' without 'end'.
    const ended = once(socket, 'end');
    socket.write(get('/', 'Connection: close'));
    await ended;
    assert.equal(statusOf(readFinalResponse(Buffer.concat(pieces).toString('latin1'), 0, 'GET', true)!.final), 200);
    socket.destroy();
  });

  test('takes a connection that ends without close_notify inside a request for cut, not for complete', async () => {
    const requests = origin.requestCount();
    const raw = connectPlain(proxy.place.port, proxy.place.host);
    const socket = connect({ ...first.client, socket: raw });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    await new Promise<void>((resolve) =>
      socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf', () => resolve()),
    );
    raw.end();
    await once(raw, 'close');
    assert.ok(origin.requestCount() <= requests + 1);
    await proxy.countersUntil('closed', (counters) => counters.secured === 0);
  });

  test('undici is served over keep-alive connections', async () => {
    const agent = new Agent({ connect: { ca: authority().cert, servername: 'first.example' }, connections: 2 });
    const url = `https://${written(proxy.place)}`;
    for (let i = 0; i < 20; i++) {
      const { statusCode, body } = await request(`${url}/${i}`, { dispatcher: agent });
      assert.equal(statusCode, 200);
      assert.equal(((await body.json()) as Echo).url, `/${i}`);
    }
    await agent.close();
  });

  test('curl is served, with its own choice of versions', async () => {
    for (const flags of [[], ['--tlsv1.3'], ['--tls-max', '1.2']]) {
      const said = await run('curl', ['-sS', '--cacert', caFile, ...flags, `https://${written(proxy.place)}/`]);
      assert.match(said, /"x-forwarded-proto":"https"/);
    }
  });

  test('openssl s_client: verified, resumed, not renegotiated', async () => {
    const place = ['-connect', written(proxy.place), '-CAfile', caFile, '-servername', 'shop.example'];
    const verified = await run('openssl', ['s_client', ...place, '-verify_return_error'], '');
    assert.match(verified, /Verification: OK/);
    assert.match(verified, /Compression: NONE/);
    assert.match(verified, /Secure Renegotiation IS NOT supported|Secure Renegotiation IS supported/);
    const again = await run('openssl', ['s_client', ...place, '-tls1_2', '-reconnect'], '');
    assert.equal(again.match(/^Reused, TLSv1\.2/gm)?.length, 5, again);
    // An R at the start of a line asks for renegotiation.
    const client = spawn('openssl', ['s_client', ...place, '-tls1_2'], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: ENVIRONMENT,
    });
    let said = '';
    for (const stream of [client.stdout, client.stderr]) {
      stream.on('data', (piece: Buffer) => {
        said += piece.toString('latin1');
        if (/Verify return code/.test(said) && !said.includes('RENEGOTIATING')) client.stdin.write('R\n');
        if (/no renegotiation/i.test(said)) client.kill();
      });
    }
    client.stdin.on('error', () => {});
    await once(client, 'close');
    assert.match(said, /no renegotiation/i);
  });

  test('a handshake that arrives byte by byte succeeds', async () => {
    const raw = connectPlain(proxy.place.port, proxy.place.host);
    raw.setNoDelay(true);
    const write = raw._write.bind(raw);
    raw._writev = undefined as never;
    raw._write = (piece: Buffer, encoding, done) => {
      const next = (at: number): void => {
        if (at === piece.length) done();
        else write(piece.subarray(at, at + 1), encoding, (error) => (error ? done(error) : next(at + 1)));
      };
      next(0);
    };
    const socket = connect({ ...first.client, socket: raw });
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.write(get('/', 'Connection: close'));
    await once(socket, 'end');
    assert.match(Buffer.concat(pieces).toString('latin1'), /^HTTP\/1\.1 200/);
    socket.destroy();
  });
});

describeProduct('handshakes that go wrong', () => {
  let origin: JsonEcho;
  let identity: Identity;

  before(async () => {
    origin = await startEcho();
    identity = makeIdentity({ names: ['first.example'] });
  });
  after(() => origin.close());

  const listener = (): object => ({ protocol: 'https', tls: { certificates: [identity.files] } });

  const stillServes = async (proxy: RunningProxy): Promise<void> => {
    const client = await WireClient.connect(proxy.place, { tls: identity.client });
    assert.equal(statusOf(await client.exchange(get('/'))), 200);
    client.close();
  };

  test('a ClientHello cut or spoilt at every byte costs its connection and nothing else', async (t) => {
    const proxy = await useProxy(t, { servers: [origin.address], listeners: [listener()] });
    const hello = await realHello('first.example');
    for (let from = 0; from < hello.length; from += 32) {
      const broken: Buffer[] = [];
      for (let at = from; at < Math.min(from + 32, hello.length); at++) {
        broken.push(hello.subarray(0, at));
        const spoilt = Buffer.from(hello);
        spoilt[at]! ^= 0xff;
        broken.push(spoilt);
      }
      const clients = await Promise.all(broken.map(() => WireClient.connect(proxy.place)));
      for (const [index, client] of clients.entries()) {
        await client.send(broken[index]!);
        client.end();
      }
      await Promise.all(clients.map((client) => client.closed()));
      for (const client of clients) client.close();
    }
    await proxy.countersUntil('given back', (counters) => counters.secured === 0 && counters.handshaking === 0);
    await stillServes(proxy);
  });

  for (const version of TLS_VERSIONS) {
    test(`the client's last flight of ${version} cut or spoilt at every byte costs its connection and nothing else`, async (t) => {
      const proxy = await useProxy(t, { servers: [origin.address], listeners: [listener()] });
      const one = async (at: number, spoil: boolean): Promise<number> => {
        const cutter = new RecordCutter(proxy.place, 1);
        const client = connect({ ...identity.client, minVersion: version, maxVersion: version, socket: cutter });
        client.on('error', () => {});
        const flight = await cutter.heldRecords();
        const bytes = Buffer.from(spoil ? flight : flight.subarray(0, at));
        if (spoil && at < bytes.length) bytes[at]! ^= 0xff;
        if (at < flight.length) await cutter.sendRaw(bytes);
        await cutter.endRaw();
        client.destroy();
        return flight.length;
      };
      const length = await one(0, false);
      for (let from = 0; from < length; from += 16) {
        const ats = Array.from({ length: Math.min(16, length - from) }, (_, index) => from + index);
        await Promise.all(ats.flatMap((at) => [one(at, false), one(at, true)]));
      }
      await proxy.countersUntil('given back', (counters) => counters.secured === 0 && counters.handshaking === 0);
      const [counters] = await proxy.counters();
      // A change of cipher spec has nothing in it to be spoilt: TLS 1.3 throws it away (RFC 8446, 5).
      assert.ok(
        counters!.handshakesFailed! >= 2 * length - 6,
        `${counters!.handshakesFailed} of ${2 * length + 1} failed`,
      );
      assert.equal(counters!.requests, 0);
      await stillServes(proxy);
    });
  }

  test('a handshake that does not come is closed after timeouts.tlsHandshake', async (t) => {
    const proxy = await useProxy(t, {
      servers: [origin.address],
      listeners: [listener()],
      timeouts: { tlsHandshake: '300ms' },
    });
    const client = await WireClient.connect(proxy.place);
    await client.closed(5000);
    client.close();
    const [counters] = await proxy.counters();
    assert.equal(counters!.handshakesFailed, 1);
  });

  test('more handshakes than limits.handshakesMax are closed at once, and requests go on', async (t) => {
    const proxy = await useProxy(t, {
      servers: [origin.address],
      listeners: [listener()],
      limits: { handshakesMax: 2 },
    });
    const served = await WireClient.connect(proxy.place, { tls: identity.client });
    // Its answer shows that the server, too, has seen the end of its handshake.
    await served.exchange(get('/'));
    const waiting = [await WireClient.connect(proxy.place), await WireClient.connect(proxy.place)];
    await proxy.countersUntil('two under way', (counters) => counters.handshaking === 2);
    const refused = await WireClient.connect(proxy.place);
    await refused.closed();
    assert.equal(statusOf(await served.exchange(get('/'))), 200);
    for (const client of [served, refused, ...waiting]) client.close();
    await proxy.countersUntil('none under way', (counters) => counters.handshaking === 0);
    await stillServes(proxy);
  });
});
