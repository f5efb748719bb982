// The PROXY protocol in front of backend connections: which client they name, and that no other ever uses them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok } from '../origins/raw.js';
import { start as startOrigin, startSecure } from '../origins/wants-proxy-header.js';
import { reset } from '../support/endings.js';
import { authority, authorityFile } from '../support/identity.js';
import { fieldValue, statusOf } from '../support/messages.js';
import { describeProduct, type RunningProxy, use, useProxy } from '../support/proxy.js';
import { binary, type Ends, line } from '../support/proxy-header.js';
import { get, WireClient } from '../support/wire-client.js';

const CLAIMED: Ends = { from: '203.0.113.7', fromPort: 40_001, to: '198.51.100.1', toPort: 8443 };
const CLAIMED_V6: Ends = { from: '2001:db8:0:0:0:0:0:7', fromPort: 40_002, to: '2001:db8:0:0:0:0:0:1', toPort: 4443 };
const FROM_TESTS = { from: ['127.0.0.1'] };

/** What a client's own socket says of its two ends. */
function endsOf({ socket }: WireClient): Ends {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  return { from: localAddress!, fromPort: localPort!, to: remoteAddress!, toPort: remotePort! };
}

/** TLS as the servers of these tests speak it. */
function backendTls(): object {
  const ca = authorityFile(authority());
  return { ca, serverName: 'backend.example' };
}

const pool = (address: string, more: object): object => ({ servers: [{ address }], ...more });

describeProduct('the PROXY protocol in front of servers', () => {
  for (const version of ['v1', 'v2'] as const) {
    test(`${version}: a connection begins with the client's two ends, once, and serves that client alone`, async (t) => {
      const server = await use(t, startOrigin());
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
      second.reset();
      await server.origin.until('an end', ({ open }) => open === 0);
      await proxy.countersUntil('closed', ({ connections, chunksUsed }) => connections === 0 && chunksUsed === 0);
    });

    test(`${version}: over TLS the header goes out before the handshake`, async (t) => {
      const server = await use(t, startSecure());
      const { seen } = server;
      const proxy = await useProxy(t, {
        listeners: [{ proxyProtocol: FROM_TESTS }, { protocol: 'tcp', pool: 'main' }],
        routes: [{ rules: [{ pool: 'main' }] }],
        pools: { main: pool(server.address, { proxyProtocol: version, tls: backendTls() }) },
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
      const server = await use(t, startOrigin());
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
      const server = await use(t, startOrigin());
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
  }

  test('many clients at once: every request reaches its server under the name of its own client', async (t) => {
    const server = await use(t, startOrigin());
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
    const servers = await Promise.all(Array.from({ length: 6 }, () => startOrigin()));
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
      startOrigin(({ socket, requestCount }, nth) => {
        if (nth === 0 && requestCount === 1) socket.write(ok('fine'));
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
    assert.equal((await client.exchange(get('/'))).body, 'again');
    assert.deepEqual(server.said[1]?.ends, endsOf(client));
    client.close();
  });

  test('a retry on another server begins with the header again', async (t) => {
    const bad = await use(
      t,
      startOrigin(({ socket }) => reset(socket)),
    );
    const good = await use(t, startOrigin());
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
    const copy = await use(t, startOrigin());
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

  test('a mirror over TLS gets it before its handshake', async (t) => {
    const main = await use(t, startAnswers());
    const copy = await use(t, startSecure());
    const filters = [{ type: 'RequestMirror', requestMirror: { pool: 'copy' } }];
    const proxy = await useProxy(t, {
      routes: [{ rules: [{ pool: 'main', filters }] }],
      pools: {
        main: pool(main.address, {}),
        copy: pool(copy.address, { proxyProtocol: 'v2', tls: backendTls() }),
      },
    });
    const client = await WireClient.connect(proxy.place);
    const mirrored = copy.next();
    assert.equal(statusOf(await client.exchange(get('/'))), 200);
    await mirrored;
    assert.deepEqual(copy.seen[0]!.said.ends, endsOf(client));
    client.close();
    await proxy.heldNothing();
  });

  test('a reload that changes the version, or ends it, closes what was kept', async (t) => {
    const server = await use(t, startOrigin());
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
      const server = await use(t, startOrigin());
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
