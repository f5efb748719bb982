// The PROXY protocol in front of client connections: who may speak it, what it changes, and what happens without it.

import assert from 'node:assert/strict';
import { connect as connectPlain, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { echoOf, type JsonEcho, start as startEcho } from '../origins/json-echo.js';
import type { RawOrigin } from '../origins/raw.js';
import { start as startTcpEcho } from '../origins/tcp-echo.js';
import { freePlace, type Place, written } from '../support/addresses.js';
import { helloMessage, records, serverNames } from '../support/client-hello.js';
import { type Identity, makeIdentity } from '../support/identity.js';
import { type Message, statusOf } from '../support/messages.js';
import { describeProduct, type RunningProxy, startProxy, use, useProxy } from '../support/proxy.js';
import { binary, type Ends, LOCAL, line } from '../support/proxy-header.js';
import { get, WireClient } from '../support/wire-client.js';

const V4: Ends = { from: '203.0.113.7', fromPort: 40_001, to: '198.51.100.1', toPort: 8443 };
const V6: Ends = { from: '2001:db8:0:0:0:0:0:7', fromPort: 40_002, to: '2001:db8:0:0:0:0:0:1', toPort: 4443 };

/** From 127.0.0.1, where the tests' clients come from, every connection must say who it is for. */
const FROM_TESTS = { from: ['127.0.0.1', '::1/128'] };

/** What the server heard of the client. */
function heard(message: Message): string {
  const { headers } = echoOf(message);
  return `${headers['x-forwarded-for']} ${headers['x-forwarded-port']} ${headers['x-forwarded-proto']}`;
}

describeProduct('the PROXY protocol in front of clients', () => {
  let echo: JsonEcho;
  let tcpEcho: RawOrigin;
  let proxy: RunningProxy;
  let probe: WireClient;
  let identity: Identity;
  let secure: Place;
  let raw: Place;

  before(async () => {
    echo = await startEcho();
    tcpEcho = await startTcpEcho();
    identity = makeIdentity({ names: ['shop.example'] });
    proxy = await startProxy({
      listeners: [
        { proxyProtocol: FROM_TESTS },
        { protocol: 'https', tls: { certificates: [identity.files] }, proxyProtocol: FROM_TESTS },
        { protocol: 'tcp', pool: 'raw', proxyProtocol: FROM_TESTS },
        {},
        { proxyProtocol: { from: ['192.0.2.0/24'] } },
      ],
      routes: [
        {
          rules: [
            {
              matches: [{ clientAddress: '2001:db8::/32' }],
              filters: [{ type: 'DirectResponse', directResponse: { status: 200, body: 'by its address' } }],
            },
            { pool: 'main' },
          ],
        },
      ],
      pools: { main: { servers: [{ address: echo.address }] }, raw: { servers: [{ address: tcpEcho.address }] } },
      trustedProxies: ['198.18.0.1'],
    });
    secure = proxy.listeners[1]!;
    raw = proxy.listeners[2]!;
    probe = await WireClient.connect(proxy.listeners[3]!);
  });
  after(async () => {
    probe.close();
    await proxy.countersUntil(
      'given back',
      ({ secured, chunksUsed, clientConnections, parsersUsed, spansQueued }) =>
        secured === 0 && chunksUsed === 0 && clientConnections === 0 && parsersUsed === 0 && spansQueued === 0,
    );
    await proxy.stop();
    await Promise.all([echo.close(), tcpEcho.close()]);
  });

  /** Returns when the proxy has read what was sent before: it answers on another connection of the same worker. */
  const settled = async (): Promise<void> => {
    await probe.exchange(get('/probe'));
  };

  /** Sends the bytes in the pieces they are cut into, each read apart. */
  async function sendApart(client: WireClient, bytes: string, cuts: readonly number[]): Promise<void> {
    let from = 0;
    for (const cut of cuts) {
      await client.send(bytes.slice(from, cut));
      await settled();
      from = cut;
    }
    await client.send(bytes.slice(from));
  }

  for (const [name, header] of [
    ['version 1', line(V4)],
    ['version 2', binary(V4)],
    ['version 2 with extras', binary(V4, '\xe0\0\x03abc\x04\0\0')],
  ] as const) {
    test(`${name}: the server hears of the client and the port that the header names`, async () => {
      const client = await WireClient.connect(proxy.place);
      await client.send(header + get('/'));
      assert.equal(heard(await client.response()), '203.0.113.7 8443 http');
      assert.equal(heard(await client.exchange(get('/again'))), '203.0.113.7 8443 http');
      client.close();
    });

    test(`${name}: may be cut anywhere, and no byte behind it is lost`, async () => {
      const all = header + get('/');
      for (let cut = 1; cut <= header.length + 1; cut++) {
        const client = await WireClient.connect(proxy.place);
        await sendApart(client, all, [cut]);
        assert.equal(heard(await client.response()), '203.0.113.7 8443 http', `cut at ${cut}`);
        client.close();
      }
    });

    test(`${name}: may come byte by byte`, async () => {
      const client = await WireClient.connect(proxy.place);
      await sendApart(
        client,
        header + get('/'),
        Array.from({ length: header.length }, (_, index) => index + 1),
      );
      assert.equal(heard(await client.response()), '203.0.113.7 8443 http');
      client.close();
    });
  }

  test('requests pipelined in the segment of the header are answered in order', async () => {
    const client = await WireClient.connect(proxy.place);
    await client.send(line(V4) + get('/1') + get('/2') + get('/3'));
    const answers = await client.responses(['GET', 'GET', 'GET']);
    assert.deepEqual(
      answers.map((answer) => echoOf(answer).url),
      ['/1', '/2', '/3'],
    );
    client.close();
  });

  test('rules see the address that the header names', async () => {
    for (const header of [line(V6), binary(V6)]) {
      const client = await WireClient.connect(proxy.place);
      await client.send(header + get('/'));
      assert.equal((await client.response()).body, 'by its address');
      client.close();
    }
  });

  test('forwarding fields are believed if the client it names is a trusted proxy, not if the sender is', async () => {
    const forwarded = get('/', 'X-Forwarded-For: 1.2.3.4', 'X-Forwarded-Port: 99');
    const trusted = await WireClient.connect(proxy.place);
    await trusted.send(line({ ...V4, from: '198.18.0.1' }) + forwarded);
    assert.equal(heard(await trusted.response()), '1.2.3.4, 198.18.0.1 99 http');
    const stranger = await WireClient.connect(proxy.place);
    await stranger.send(line(V4) + forwarded);
    assert.equal(heard(await stranger.response()), '203.0.113.7 8443 http');
    for (const client of [trusted, stranger]) client.close();
  });

  test('LOCAL and UNKNOWN leave the client what its socket says', async () => {
    for (const header of [LOCAL, 'PROXY UNKNOWN\r\n', 'PROXY UNKNOWN 1.2.3.4 5.6.7.8 1 2\r\n']) {
      const client = await WireClient.connect(proxy.place);
      await client.send(header + get('/'));
      assert.equal(heard(await client.response()), `127.0.0.1 ${proxy.place.port} http`);
      client.close();
    }
  });

  for (const [name, bytes] of [
    ['a request', get('/')],
    ['a broken line', 'PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n'],
    ['a line that does not end', `PROXY UNKNOWN ${'x'.repeat(100)}`],
    ['a wrong version', `${LOCAL.slice(0, 12)}\x31\x11\0\x0c`],
    ['a length that lies', `${LOCAL.slice(0, 12)}\x21\x11\0\x05aaaaa`],
    ['a length over the bound', `${LOCAL.slice(0, 12)}\x20\0\xff\xff`],
    ['half a header, and the end', 'PROXY TCP4 1.2.3'],
  ] as const) {
    test(`${name} in its place closes the connection without an answer, and is counted`, async () => {
      for (const place of [proxy.place, secure, raw]) {
        const before = await proxy.reasonCount('PROXY_HEADER_INVALID');
        const client = await WireClient.connect(place, { halfOpen: true });
        await client.send(bytes);
        if (name.endsWith('the end')) client.end();
        await client.closed();
        assert.equal(client.received, '');
        assert.equal(await proxy.reasonCount('PROXY_HEADER_INVALID'), before + 1);
        client.close();
      }
    });
  }

  test('a connection that says nothing and goes is not counted as a fault', async () => {
    const before = await proxy.reasonCount('PROXY_HEADER_INVALID');
    for (const leave of ['end', 'reset'] as const) {
      const client = await WireClient.connect(proxy.place);
      await settled();
      client[leave]();
      await proxy.countersUntil('closed', ({ clientConnections }) => clientConnections === 1);
    }
    assert.equal(await proxy.reasonCount('PROXY_HEADER_INVALID'), before);
  });

  test('a second header, and any from somewhere else, is no request: it is refused, and the connection closed', async () => {
    const other = proxy.listeners[4]!;
    const before = echo.requestCount();
    for (const [place, bytes, reason] of [
      [proxy.place, line(V4) + line(V4), /PROXY_HEADER_UNEXPECTED/],
      [proxy.place, line(V4) + binary(V4), /PROXY_HEADER_UNEXPECTED/],
      [other, line(V4), /PROXY_HEADER_UNEXPECTED/],
      [other, 'PROXY UNKNOWN\r\n', /PROXY_HEADER_UNEXPECTED/],
      [other, binary(V4), /PROXY_HEADER_UNEXPECTED/],
      // Nothing that a proxy sends: the first word of the line is taken for a method.
      [other, 'PROXY / HTTP/1.1\r\n', /METHOD_UNKNOWN/],
    ] as const) {
      const client = await WireClient.connect(place);
      await client.send(bytes + get('/'));
      const answer = await client.response();
      assert.match(answer.body, reason);
      await client.closed();
      client.close();
    }
    assert.equal(echo.requestCount(), before);
  });

  test('from anywhere else connections are plain', async () => {
    const other = proxy.listeners[4]!;
    const plain = await WireClient.connect(other);
    assert.equal(heard(await plain.exchange(get('/'))), `127.0.0.1 ${other.port} http`);
    plain.close();
  });

  test('a tcp listener passes on what follows the header, wherever it is cut', async () => {
    const header = binary(V4);
    for (let cut = 1; cut <= header.length + 3; cut++) {
      const client = await WireClient.connect(raw);
      await sendApart(client, `${header}hello`, [cut]);
      await client.until('its bytes back', () => (client.received === 'hello' ? true : undefined));
      client.close();
    }
  });

  test('what came with the header of a raw connection that no server gets is given back', async (t) => {
    const hello = (name: string): string =>
      records(helloMessage({ extensions: [serverNames(name)] })).toString('latin1');
    const tlsRoutes = [{ hostnames: ['known.example'], pool: 'gone' }];
    const front = await useProxy(t, {
      listeners: [
        { protocol: 'tcp', pool: 'gone', proxyProtocol: FROM_TESTS },
        { protocol: 'tls-passthrough', tlsRoutes, proxyProtocol: FROM_TESTS },
        { protocol: 'tls', tls: { certificates: [identity.files] }, pool: 'gone', proxyProtocol: FROM_TESTS },
      ],
      pools: { gone: { servers: [{ address: written(freePlace()) }] } },
    });
    for (const [index, behind, reason] of [
      [0, 'for a server', 'CONNECT_REFUSED'],
      [1, hello('known.example'), 'CONNECT_REFUSED'],
      [1, hello('unknown.example'), 'SERVER_NAME_UNKNOWN'],
      [1, get('/'), 'HELLO_MALFORMED'],
      [2, get('/'), 'TLS_EXPECTED'],
    ] as const) {
      const before = await front.reasonCount(reason);
      const client = await WireClient.connect(front.listeners[index]!);
      await client.send(line(V4) + behind);
      await client.closed();
      assert.equal((await front.reasonCount(reason)) - before, 1, reason);
      client.close();
    }
    await front.closedAll();
  });

  test('a tcp listener connects to nobody before the header is complete', async () => {
    const before = tcpEcho.accepted;
    const client = await WireClient.connect(raw);
    await client.send('PROXY TCP4 203.0.113.7');
    await settled();
    assert.equal(tcpEcho.accepted, before);
    client.close();
  });

  /** A relay that puts `header` in front of what its client sends, and sends the first bytes cut at `cut`, read apart. */
  async function relay(header: string, cutAt: () => number): Promise<{ place: Place; close(): Promise<void> }> {
    const place = freePlace();
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true }, (client) => {
      const up = connectPlain({ host: secure.host, port: secure.port, noDelay: true });
      for (const socket of [client, up]) {
        sockets.add(socket);
        socket.on('error', () => {});
      }
      client.once('data', (hello: Buffer) => {
        client.pause();
        const all = Buffer.concat([Buffer.from(header, 'latin1'), hello]);
        const cut = Math.min(cutAt(), all.length - 1);
        up.write(all.subarray(0, cut), () => {
          void settled().then(() => {
            up.write(all.subarray(cut));
            client.pipe(up);
            up.pipe(client);
          });
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(place.port, place.host, resolve));
    return {
      place,
      close: () =>
        new Promise((resolve) => {
          for (const socket of sockets) socket.destroy();
          server.close(() => resolve());
        }),
    };
  }

  test('https: the header comes before the handshake, and both may be cut anywhere', async (t) => {
    for (const header of [line(V4), binary(V4)]) {
      let cut = 1;
      const between = await use(
        t,
        relay(header, () => cut),
      );
      // To well behind the header of the ClientHello's record, then in larger steps to its end.
      for (; cut < header.length + 600; cut += cut < header.length + 50 ? 1 : 37) {
        const client = await WireClient.connect(between.place, { tls: identity.client });
        assert.equal(heard(await client.exchange(get('/'))), '203.0.113.7 8443 https', `cut at ${cut}`);
        client.close();
      }
    }
  });

  test('https: rubbish behind the header is a failed handshake, and costs its connection only', async () => {
    const before = (await proxy.counters())[0]!.handshakesFailed!;
    for (const rubbish of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\xff\xff', 'x'.repeat(9000)]) {
      const client = await WireClient.connect(secure, { halfOpen: true });
      await client.send(line(V4) + rubbish);
      client.end();
      await client.closed();
      client.close();
    }
    await proxy.countersUntil('failed', ({ handshakesFailed }) => handshakesFailed === before + 3);
  });

  test('a header that does not come in time closes the connection, and is counted', async (t) => {
    const impatient = await useProxy(t, {
      servers: [echo.address],
      listeners: [
        { proxyProtocol: FROM_TESTS },
        { protocol: 'https', tls: { certificates: [identity.files] }, proxyProtocol: FROM_TESTS },
      ],
      timeouts: { requestHead: '300ms', tlsHandshake: '400ms' },
    });
    for (const place of impatient.listeners) {
      for (const bytes of ['', 'PROXY TCP4 1.2.3', LOCAL.slice(0, 15)]) {
        const client = await WireClient.connect(place);
        await client.send(bytes);
        await client.closed();
        assert.equal(client.received, '');
      }
    }
    assert.equal(await impatient.reasonCount('PROXY_HEADER_TIMEOUT'), 6);
    // The handshake has a deadline of its own, which the header does not touch.
    const late = await WireClient.connect(impatient.listeners[1]!);
    await late.send(line(V4));
    await late.closed();
    const [counters] = await impatient.counters();
    assert.equal(counters!.handshakesFailed, 1);
    await impatient.heldNothing();
  });

  test('handshakes over the bound are refused behind a header as well', async (t) => {
    const narrow = await useProxy(t, {
      servers: [echo.address],
      listeners: [{ protocol: 'https', tls: { certificates: [identity.files] }, proxyProtocol: FROM_TESTS }],
      limits: { handshakesMax: 1 },
    });
    const first = await WireClient.connect(narrow.place);
    await first.send(line(V4));
    await narrow.countersUntil('shaking', ({ handshaking }) => handshaking === 1);
    const second = await WireClient.connect(narrow.place);
    await second.send(`${line(V4)}\x16\x03\x01`);
    await second.closed();
    await narrow.countersUntil('refused', ({ handshakesRefused }) => handshakesRefused === 1);
    first.close();
    await narrow.heldNothing();
  });

  test('hashing by client address goes by the address the header names', async (t) => {
    const servers = await Promise.all(Array.from({ length: 4 }, (_, i) => startEcho({ name: `s${i}` })));
    t.after(() => Promise.all(servers.map((server) => server.close())));
    const hashing = await useProxy(t, {
      listeners: [{ proxyProtocol: FROM_TESTS }],
      routes: [{ rules: [{ pool: 'main' }] }],
      pools: { main: { balance: 'ip-hash', servers: servers.map(({ address }) => ({ address })) } },
    });
    const serverOf = async (from: string, fromPort: number): Promise<string> => {
      const client = await WireClient.connect(hashing.place);
      await client.send(binary({ ...V4, from, fromPort }) + get('/'));
      const { server } = echoOf(await client.response());
      client.close();
      return server;
    };
    const chosen = new Set<string>();
    for (let i = 1; i <= 24; i++) {
      const first = await serverOf(`203.0.113.${i}`, 1000 + i);
      assert.equal(await serverOf(`203.0.113.${i}`, 2000 + i), first);
      chosen.add(first);
    }
    assert.ok(chosen.size > 1, 'different clients go to different servers');
  });

  test('a reload changes who must send a header, and a drain does not wait for one', async () => {
    const spec = { servers: [echo.address], listeners: [{ proxyProtocol: FROM_TESTS }] };
    const changing = await startProxy(spec);
    const early = await WireClient.connect(changing.place);
    await early.send('PROXY TCP4 203.0.113.7');
    await changing.countersUntil('accepted', ({ accepted }) => accepted === 1);
    await changing.reload({ ...spec, listeners: [{}] });
    const plain = await WireClient.connect(changing.place);
    assert.equal(statusOf(await plain.exchange(get('/'))), 200);
    await early.send(' 198.51.100.1 40001 8443\r\n');
    assert.equal(heard(await early.exchange(get('/'))), '203.0.113.7 8443 http');
    await changing.reload(spec);
    const waiting = await WireClient.connect(changing.place);
    await waiting.send('PROXY ');
    await changing.countersUntil('accepted', ({ accepted }) => accepted === 3);
    const stopped = changing.stop(5000);
    await waiting.closed();
    await stopped;
    for (const client of [early, plain]) client.close();
  });
});
