// The PROXY protocol in front of backend connections: which client they name, and that no other ever uses them.

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { TLSSocket } from 'node:tls';
import { start as startAnswers } from '../origins/answers.js';
import { listenRaw, ok, type RawOrigin, type Visit } from '../origins/raw.js';
import { freePlace, type Place, scratchDirectory, written } from '../support/addresses.js';
import { Child } from '../support/child.js';
import { authority, makeIdentity } from '../support/identity.js';
import { fieldValue, type Message, readRequest, statusOf } from '../support/messages.js';
import { nginxMissing, startNginxServers } from '../support/nginx.js';
import { type RunningProxy, standIn, use, useProxy } from '../support/proxy.js';
import { binary, type Ends, line, readHeader, type Said } from '../support/proxy-header.js';
import { get, WireClient } from '../support/wire-client.js';

const CLAIMED: Ends = { from: '203.0.113.7', fromPort: 40_001, to: '198.51.100.1', toPort: 8443 };
const CLAIMED_V6: Ends = { from: '2001:db8:0:0:0:0:0:7', fromPort: 40_002, to: '2001:db8:0:0:0:0:0:1', toPort: 4443 };
const FROM_TESTS = { from: ['127.0.0.1'] };
const HAPROXY = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy'].find((path) => existsSync(path));

/** An origin whose connections must begin with a header; what each said, and the requests that followed it. */
interface Listening {
  readonly origin: RawOrigin;
  readonly address: string;
  /** By connection, in the order they came; undefined while the header is not complete. */
  readonly said: (Said | undefined)[];
  readonly requests: { readonly visit: number; readonly message: Message }[];
  close(): Promise<void>;
}

async function listening(
  answer: (visit: Visit, nth: number) => void = ({ socket }) => socket.write(ok('fine')),
): Promise<Listening> {
  const said: (Said | undefined)[] = [];
  const requests: Listening['requests'] = [];
  const origin = await listenRaw((visit, self) => {
    const nth = said.push(undefined) - 1;
    visit.socket.on('end', () => visit.socket.end());
    visit.socket.on('data', (text: string) => {
      visit.bytes += text;
      try {
        if (said[nth] === undefined) {
          said[nth] = readHeader(visit.bytes);
          visit.bytes = visit.bytes.slice(said[nth]?.end ?? 0);
        }
        for (let message = readRequest(visit.bytes); said[nth] && message; message = readRequest(visit.bytes)) {
          visit.bytes = visit.bytes.slice(message.end);
          requests.push({ visit: nth, message });
          answer(visit, nth);
          if (visit.bytes === '') break;
        }
      } catch (error) {
        self.malformed.push(error as Error);
        visit.socket.destroy();
      }
      self.note();
    });
  });
  return { origin, address: origin.address, said, requests, close: () => origin.close() };
}

/** What a client's own socket says of its two ends. */
function endsOf({ socket }: WireClient): Ends {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  return { from: localAddress!, fromPort: localPort!, to: remoteAddress!, toPort: remotePort! };
}

const pool = (address: string, more: object): object => ({ servers: [{ address }], ...more });

describe('the PROXY protocol in front of servers', { concurrency: 1, skip: standIn && 'only the product' }, () => {
  for (const version of ['v1', 'v2'] as const) {
    test(`${version}: a connection begins with the client's two ends, once, and serves that client alone`, async (t) => {
      const server = await use(t, listening());
      const proxy = await useProxy(t, {
        routes: [{ rules: [{ pool: 'main' }] }],
        pools: { main: pool(server.address, { proxyProtocol: version }) },
      });
      const first = await WireClient.connect(proxy.place);
      const second = await WireClient.connect(proxy.place);
      for (let round = 0; round < 3; round++) {
        for (const client of [first, second]) assert.equal(statusOf(await client.exchange(get(`/${round}`))), 200);
      }
      assert.deepEqual(
        server.said.map((said) => said?.ends),
        [endsOf(first), endsOf(second)],
      );
      assert.equal(server.said[0]?.version, version === 'v1' ? 1 : 2);
      assert.deepEqual(
        server.requests.map(({ visit }) => visit),
        [0, 1, 0, 1, 0, 1],
      );
      assert.deepEqual(server.origin.malformed, []);
      // What is kept for a client goes with it.
      first.close();
      await server.origin.until('an end', ({ visits }) => visits[0]!.closed);
      second.close();
      await server.origin.until('an end', ({ open }) => open === 0);
      await proxy.countersUntil('closed', ({ connections, chunksUsed }) => connections === 0 && chunksUsed === 0);
    });

    test(`${version}: over TLS the header goes out before the handshake`, async (t) => {
      const identity = makeIdentity({ names: ['backend.example'] });
      const ca = join(scratchDirectory(), 'ca.pem');
      writeFileSync(ca, authority().cert);
      const seen: { said: Said; body: string }[] = [];
      const place = freePlace();
      const sockets = new Set<Socket>();
      const server = createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
        let bytes = Buffer.alloc(0);
        const onData = (piece: Buffer): void => {
          bytes = Buffer.concat([bytes, piece]);
          const said = readHeader(bytes.toString('latin1'));
          if (said === undefined) return;
          socket.off('data', onData);
          socket.pause();
          socket.unshift(bytes.subarray(said.end));
          const over = new TLSSocket(socket, { isServer: true, cert: identity.issued.cert, key: identity.issued.key });
          over.on('error', () => {});
          over.setEncoding('latin1').on('data', (body: string) => {
            seen.push({ said, body });
            over.write(ok('secret'));
          });
        };
        socket.on('data', onData);
      });
      await new Promise<void>((resolve) => server.listen(place.port, place.host, resolve));
      t.after(() => {
        for (const socket of sockets) socket.destroy();
        server.close();
      });
      const proxy = await useProxy(t, {
        listeners: [{ proxyProtocol: FROM_TESTS }, { protocol: 'tcp', pool: 'main' }],
        routes: [{ rules: [{ pool: 'main' }] }],
        pools: { main: pool(written(place), { proxyProtocol: version, tls: { ca, serverName: 'backend.example' } }) },
      });
      const write = version === 'v1' ? line : binary;
      for (const ends of [CLAIMED, CLAIMED_V6]) {
        seen.length = 0;
        const client = await WireClient.connect(proxy.place);
        await client.send(write(ends) + get('/1'));
        assert.equal((await client.response()).body, 'secret');
        assert.equal((await client.exchange(get('/2'))).body, 'secret');
        assert.deepEqual(
          seen.map(({ said }) => expanded(said.ends!)),
          [ends, ends],
        );
        client.close();
      }
      seen.length = 0;
      const raw = await WireClient.connect(proxy.listeners[1]!);
      await raw.send('GET / HTTP/1.1\r\n\r\n');
      await raw.until('an answer', () => (raw.received.includes('secret') ? true : undefined));
      assert.deepEqual(seen[0]!.said.ends, endsOf(raw));
      raw.close();
      await proxy.countersUntil('closed', ({ connections, secured }) => connections === 0 && secured === 0);
    });

    test(`${version}: a client that a header named is named on, with the port it came to`, async (t) => {
      const server = await use(t, listening());
      const proxy = await useProxy(t, {
        listeners: [{ proxyProtocol: FROM_TESTS }, { protocol: 'tcp', pool: 'main', proxyProtocol: FROM_TESTS }],
        routes: [{ rules: [{ pool: 'main' }] }],
        pools: { main: pool(server.address, { proxyProtocol: version }) },
      });
      for (const place of proxy.listeners) {
        for (const ends of [CLAIMED, CLAIMED_V6]) {
          const client = await WireClient.connect(place);
          await client.send(binary(ends) + get('/'));
          assert.equal(statusOf(await client.response()), 200);
          assert.deepEqual(expanded(server.said.at(-1)!.ends!), ends);
          client.close();
        }
      }
      assert.deepEqual(server.origin.malformed, []);
      await proxy.heldNothing();
    });

    test(`${version}: a tunnel's connection begins with it, before the server or the client says anything`, async (t) => {
      const server = await use(t, listening());
      const proxy = await useProxy(t, {
        listeners: [{ protocol: 'tcp', pool: 'main' }],
        pools: { main: pool(server.address, { proxyProtocol: version }) },
      });
      const client = await WireClient.connect(proxy.place);
      await server.origin.until('a header', () => server.said[0] !== undefined);
      assert.deepEqual(server.said[0]!.ends, endsOf(client));
      assert.equal((await client.exchange(get('/'))).body, 'fine');
      client.close();
      await proxy.heldNothing();
    });

    test(`${version}: nginx behind us sees the client`, { skip: nginxMissing }, async (t) => {
      const place = freePlace();
      await use(
        t,
        startNginxServers(
          place,
          `server { listen ${written(place)} proxy_protocol; return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port"; }`,
        ),
      );
      const proxy = await useProxy(t, {
        routes: [{ rules: [{ pool: 'main' }] }],
        pools: { main: pool(written(place), { proxyProtocol: version }) },
      });
      const client = await WireClient.connect(proxy.place);
      const { from, fromPort, to, toPort } = endsOf(client);
      for (let round = 0; round < 3; round++)
        assert.equal((await client.exchange(get('/'))).body, `${from} ${fromPort} ${to} ${toPort}`);
      client.close();
    });

    test(`${version}: haproxy behind us sees the client`, {
      skip: HAPROXY === undefined && 'haproxy is not installed',
    }, async (t) => {
      const place = freePlace();
      const file = join(scratchDirectory(), 'haproxy.cfg');
      writeFileSync(
        file,
        `defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 5s
frontend us
  bind ${written(place)} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port]"
`,
      );
      const child = new Child(HAPROXY!, ['-f', file, '-db'], { LD_PRELOAD: '' });
      t.after(() => {
        child.kill('SIGKILL');
        return child.exited();
      });
      await listens(place, child);
      const proxy = await useProxy(t, {
        routes: [{ rules: [{ pool: 'main' }] }],
        pools: { main: pool(written(place), { proxyProtocol: version }) },
      });
      const client = await WireClient.connect(proxy.place);
      const { from, fromPort, to, toPort } = endsOf(client);
      assert.equal((await client.exchange(get('/'))).body, `${from} ${fromPort} ${to} ${toPort}`);
      client.close();
    });
  }

  test('many clients at once: every request reaches its server under the name of its own client', async (t) => {
    const server = await use(t, listening());
    const proxy = await useProxy(t, {
      listeners: [{ proxyProtocol: FROM_TESTS }],
      routes: [{ rules: [{ pool: 'main' }] }],
      pools: { main: pool(server.address, { proxyProtocol: 'v2' }) },
      limits: { idleConnectionsMax: 8 },
    });
    await Promise.all(
      Array.from({ length: 40 }, async (_, n) => {
        const client = await WireClient.connect(proxy.place);
        const from = `203.0.113.${n}`;
        await client.send(binary({ ...CLAIMED, from }) + get('/', `X-Mine: ${from}`));
        await client.response();
        for (let round = 0; round < 10; round++) await client.exchange(get('/', `X-Mine: ${from}`));
        client.close();
      }),
    );
    assert.equal(server.requests.length, 440);
    for (const { visit, message } of server.requests)
      assert.equal(server.said[visit]!.ends!.from, fieldValue(message, 'x-mine'));
    await proxy.countersUntil('closed', ({ connections, chunksUsed }) => connections === 0 && chunksUsed === 0);
  });

  test('a client keeps connections to few servers at once: of more, the oldest goes', async (t) => {
    const servers = await Promise.all(Array.from({ length: 6 }, () => listening()));
    t.after(() => Promise.all(servers.map((server) => server.close())));
    const proxy = await useProxy(t, {
      routes: [{ rules: servers.map((_, n) => ({ matches: [{ path: { value: `/${n}` } }], pool: `p${n}` })) }],
      pools: Object.fromEntries(servers.map(({ address }, n) => [`p${n}`, pool(address, { proxyProtocol: 'v1' })])),
    });
    const client = await WireClient.connect(proxy.place);
    for (let n = 0; n < 6; n++) await client.exchange(get(`/${n}`));
    for (const gone of servers.slice(0, 2)) await gone.origin.until('an end', ({ open }) => open === 0);
    for (let n = 2; n < 6; n++) await client.exchange(get(`/${n}`));
    assert.deepEqual(
      servers.map(({ origin }) => origin.accepted),
      [1, 1, 1, 1, 1, 1],
    );
    client.close();
    await proxy.countersUntil('closed', ({ connections }) => connections === 0);
  });

  test('a server that closes a kept connection under a request gets a new one, with its header', async (t) => {
    const server = await use(
      t,
      listening(({ socket, requestCount }, nth) => {
        if (nth === 0 && requestCount === 0) socket.write(ok('fine'));
        else if (nth === 0) socket.destroy();
        else socket.write(ok('again'));
      }),
    );
    const proxy = await useProxy(t, {
      routes: [{ rules: [{ pool: 'main' }] }],
      pools: { main: pool(server.address, { proxyProtocol: 'v2' }) },
    });
    const client = await WireClient.connect(proxy.place);
    assert.equal((await client.exchange(get('/'))).body, 'fine');
    server.origin.visits[0]!.requestCount = 1;
    assert.equal((await client.exchange(get('/'))).body, 'again');
    assert.deepEqual(server.said[1]?.ends, endsOf(client));
    client.close();
  });

  test('a retry on another server begins with the header again', async (t) => {
    const bad = await use(
      t,
      listening(({ socket }) => socket.resetAndDestroy()),
    );
    const good = await use(t, listening());
    const proxy = await useProxy(t, {
      routes: [{ rules: [{ pool: 'main' }] }],
      pools: { main: { servers: [{ address: bad.address }, { address: good.address }], proxyProtocol: 'v2' } },
    });
    const client = await WireClient.connect(proxy.place);
    for (let round = 0; round < 2; round++) assert.equal(statusOf(await client.exchange(get('/'))), 200);
    assert.ok(bad.requests.length > 0);
    for (const { said } of [bad, good]) assert.deepEqual(said[0]?.ends, endsOf(client));
    client.close();
    await proxy.heldNothing();
  });

  test('a mirror gets the header of the client whose request it copies', async (t) => {
    const main = await use(t, startAnswers());
    const copy = await use(t, listening());
    const filters = [{ type: 'RequestMirror', requestMirror: { pool: 'copy' } }];
    const proxy = await useProxy(t, {
      routes: [{ rules: [{ pool: 'main', filters }] }],
      pools: { main: pool(main.address, {}), copy: pool(copy.address, { proxyProtocol: 'v1' }) },
    });
    const client = await WireClient.connect(proxy.place);
    assert.equal(statusOf(await client.exchange(get('/'))), 200);
    await copy.origin.until('a request', () => copy.requests.length === 1);
    assert.deepEqual(copy.said[0]?.ends, endsOf(client));
    assert.deepEqual(copy.origin.malformed, []);
    client.close();
    await proxy.heldNothing();
  });

  test('a reload that changes the version, or ends it, closes what was kept', async (t) => {
    const server = await use(t, listening());
    const spec = (more: object) => ({
      routes: [{ rules: [{ pool: 'main' }] }],
      pools: { main: pool(server.address, more) },
    });
    const proxy: RunningProxy = await useProxy(t, spec({ proxyProtocol: 'v1' }));
    const client = await WireClient.connect(proxy.place);
    await client.exchange(get('/'));
    await proxy.reload(spec({ proxyProtocol: 'v2' }));
    await server.origin.until('an end', ({ visits }) => visits[0]!.closed);
    await client.exchange(get('/'));
    assert.deepEqual(
      server.said.map((said) => said?.version),
      [1, 2],
    );
    await proxy.reload(spec({}));
    await client.send(get('/'));
    await server.origin.until('a plain connection', ({ malformed }) => malformed.length > 0);
    assert.match(server.origin.malformed[0]!.message, /no header: "GET/);
    client.close();
  });

  test('health checks say that they are on nobody’s behalf', async (t) => {
    for (const version of ['v1', 'v2'] as const) {
      const server = await use(t, listening());
      await useProxy(t, {
        routes: [{ rules: [{ pool: 'main' }] }],
        pools: { main: pool(server.address, { proxyProtocol: version, healthCheck: { interval: '100ms' } }) },
      });
      await server.origin.until('two checks', () => server.requests.length >= 2);
      for (const said of server.said.filter((each) => each !== undefined)) {
        assert.equal(said.ends, null);
        assert.equal(said.version, version === 'v1' ? 1 : 2);
      }
      assert.deepEqual(server.origin.malformed, []);
    }
  });
});

/** All eight groups of IPv6 addresses, as the tests write them. */
function expanded(ends: Ends): Ends {
  const full = (address: string): string => {
    if (!address.includes('::')) return address;
    const [head, tail] = address.split('::').map((part) => (part === '' ? [] : part.split(':'))) as [
      string[],
      string[],
    ];
    return [...head, ...new Array<string>(8 - head.length - tail.length).fill('0'), ...tail].join(':');
  };
  return { ...ends, from: full(ends.from), to: full(ends.to) };
}

/** Waits until a program listens that says nothing when it does. */
async function listens(place: Place, child: Child): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      (await WireClient.connect(place)).close();
      return;
    } catch (error) {
      if (child.exit !== undefined || Date.now() > deadline) throw new Error(`${String(error)}: ${child.stderr}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
