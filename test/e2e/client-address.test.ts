// Who the client is behind a trusted proxy, for everything that asks: rules, hashing, header values, what servers are told.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import { start as startWantsHeader } from '../origins/wants-proxy-header.js';
import { scratchDirectory } from '../support/addresses.js';
import { fieldValue, fieldValues, statusOf } from '../support/messages.js';
import { describeProduct, type RunningProxy, startProxy, use, useProxy } from '../support/proxy.js';
import { askThrough, get, type Passed, WireClient } from '../support/wire-client.js';

/** The proxy in front is 127.0.0.1; every other address of the loopback is a stranger's. */
const TRUSTED = ['127.0.0.1', '10.0.0.0/8'];
const STRANGER = '127.0.0.2';
const CLIENT = '203.0.113.9';

const address = `\${clientAddress}`;
const rules = [
  {
    matches: [{ clientAddress: '203.0.113.0/24', path: { value: '/by-address' } }],
    filters: [
      { type: 'DirectResponse', directResponse: { status: 403, headers: [{ name: 'X-Seen', value: address }] } },
    ],
  },
  {
    matches: [{ clientAddress: ['127.0.0.0/8', '10.0.0.0/8'], path: { value: '/internal' } }],
    filters: [
      { type: 'DirectResponse', directResponse: { status: 200, headers: [{ name: 'X-Seen', value: address }] } },
    ],
  },
  {
    filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'X-Seen', value: address }] } }],
    pool: 'main',
  },
];

describeProduct('the client behind a trusted proxy', () => {
  let origin: RawOrigin;
  let proxies: Record<'list' | 'forwarded' | 'single' | 'off', RunningProxy>;

  before(async () => {
    origin = await startAnswers((_, visit) => void visit.socket.write(ok('fine')));
    const start = (listener: object): Promise<RunningProxy> =>
      startProxy({
        listeners: [listener],
        routes: [{ rules }],
        pools: { main: { servers: [{ address: origin.address }] } },
        trustedProxies: TRUSTED,
      });
    const [list, forwarded, single, off] = await Promise.all([
      start({ clientAddressHeader: 'X-Forwarded-For' }),
      start({ clientAddressHeader: 'Forwarded' }),
      start({ clientAddressHeader: 'CF-Connecting-IP' }),
      start({}),
    ]);
    proxies = { list, forwarded, single, off };
  });
  after(async () => {
    await Promise.all(Object.values(proxies).map((proxy) => proxy.stop()));
    await origin.close();
  });

  const through = (
    proxy: RunningProxy,
    path: string,
    fields: readonly string[],
    localAddress = '127.0.0.1',
  ): Promise<Passed> => askThrough(origin, proxy.place, get(path, ...fields), { localAddress });

  const SAID = {
    list: [`X-Forwarded-For: 198.51.100.1, ${CLIENT}:4711, 10.0.0.1`],
    forwarded: [`Forwarded: for=198.51.100.1, for="${CLIENT}:4711";proto=https, for=10.0.0.1`],
    single: [`CF-Connecting-IP: ${CLIENT}`, 'X-Forwarded-For: 198.51.100.1'],
  } as const;

  for (const kind of ['list', 'forwarded', 'single'] as const) {
    test(`${kind}: rules and header values go by the client that is stated`, async () => {
      const { response } = await through(proxies[kind], '/by-address', SAID[kind]);
      assert.equal(statusOf(response), 403);
      assert.equal(fieldValue(response, 'x-seen'), CLIENT);
      assert.equal(statusOf((await through(proxies[kind], '/internal', SAID[kind])).response), 200, 'the last rule');
      assert.equal(fieldValue((await through(proxies[kind], '/internal', SAID[kind])).request!, 'x-seen'), CLIENT);
    });

    test(`${kind}: a stranger states nothing`, async () => {
      const { request, response } = await through(proxies[kind], '/by-address', SAID[kind], STRANGER);
      assert.equal(statusOf(response), 200);
      assert.equal(fieldValue(request!, 'x-seen'), STRANGER);
      assert.equal(fieldValue(request!, 'x-forwarded-for'), STRANGER);
      for (const name of ['forwarded', 'cf-connecting-ip']) {
        if (name === 'cf-connecting-ip' && kind !== 'single') continue;
        assert.deepEqual(fieldValues(request!, name), [], name);
      }
    });

    test(`${kind}: a client that cannot be known is in no range, not even in that of the proxy`, async () => {
      const said = {
        list: ['X-Forwarded-For: unknown'],
        forwarded: ['Forwarded: for=_hidden'],
        single: ['CF-Connecting-IP: nonsense'],
      }[kind];
      const { request, response } = await through(proxies[kind], '/internal', said);
      assert.equal(statusOf(response), 200);
      assert.equal(fieldValue(request!, 'x-seen'), 'unknown');
    });

    test(`${kind}: a trusted proxy that states nothing is the client`, async () => {
      const { response } = await through(proxies[kind], '/internal', []);
      assert.equal(fieldValue(response, 'x-seen'), '127.0.0.1');
    });
  }

  test('without the option nothing but the connection counts, whoever sends it', async () => {
    const all = [...SAID.list, ...SAID.forwarded, `CF-Connecting-IP: ${CLIENT}`];
    assert.equal(fieldValue((await through(proxies.off, '/internal', all)).response, 'x-seen'), '127.0.0.1');
  });

  test('each request of one connection has the client it states', async () => {
    const client = await WireClient.connect(proxies.list.place, { localAddress: '127.0.0.1' });
    for (const [field, seen] of [
      ['X-Forwarded-For: 203.0.113.1', '203.0.113.1'],
      ['X-Forwarded-For: 203.0.113.222', '203.0.113.222'],
    ] as const) {
      assert.equal(fieldValue(await client.exchange(get('/by-address', field)), 'x-seen'), seen);
    }
    const v6 = get('/other', 'X-Forwarded-For: [2001:db8::1]:443');
    await client.exchange(v6);
    assert.equal(fieldValue(origin.requests.at(-1)!, 'x-seen'), '2001:db8::1');
    await client.exchange(get('/other'));
    assert.equal(fieldValue(origin.requests.at(-1)!, 'x-seen'), '127.0.0.1');
    client.close();
  });

  test('X-Forwarded-For goes on with the peer behind, and is made of the field where it is missing', async () => {
    const list = await through(proxies.list, '/', SAID.list);
    assert.equal(
      fieldValues(list.request!, 'x-forwarded-for').join(', '),
      `198.51.100.1, ${CLIENT}:4711, 10.0.0.1, 127.0.0.1`,
    );
    const forwarded = await through(proxies.forwarded, '/', SAID.forwarded);
    assert.equal(fieldValue(forwarded.request!, 'x-forwarded-for'), `${CLIENT}, 127.0.0.1`);
    const single = await through(proxies.single, '/', SAID.single);
    assert.equal(fieldValue(single.request!, 'x-forwarded-for'), '198.51.100.1, 127.0.0.1');
    assert.equal(fieldValue(single.request!, 'cf-connecting-ip'), CLIENT);
    const alone = await through(proxies.single, '/', [`CF-Connecting-IP: 2001:db8::7`]);
    assert.equal(fieldValue(alone.request!, 'x-forwarded-for'), '2001:db8::7, 127.0.0.1');
    const hidden = await through(proxies.forwarded, '/', ['Forwarded: for=unknown']);
    assert.equal(fieldValue(hidden.request!, 'x-forwarded-for'), 'unknown, 127.0.0.1');
  });

  test('a name that servers could take for the field does not pass, whoever sends it, in a trailer neither', async () => {
    for (const from of ['127.0.0.1', STRANGER]) {
      const { request } = await through(proxies.single, '/', ['CF_Connecting_IP: 198.51.100.1'], from);
      assert.ok(!request!.fields.some(([, value]) => value === '198.51.100.1'), String(request!.fields));
    }
    const count = origin.requests.length;
    const client = await WireClient.connect(proxies.single.place);
    await client.exchange(
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nCf_Connecting-Ip: 198.51.100.1\r\nX-Sum: 1\r\n\r\n',
    );
    client.close();
    assert.deepEqual(origin.requests[count]!.trailers, [['x-sum', '1']]);
  });

  test('a hashing pool keeps each client at its server, though all come over one connection', async (t) => {
    const servers = await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        use(
          t,
          startAnswers((_, visit) => void visit.socket.write(ok(name))),
        ),
      ),
    );
    const proxy = await useProxy(t, {
      listeners: [{ clientAddressHeader: 'X-Forwarded-For' }],
      routes: [{ rules: [{ pool: 'main' }] }],
      pools: { main: { balance: 'ip-hash', servers: servers.map((server) => ({ address: server.address })) } },
      trustedProxies: TRUSTED,
    });
    const client = await WireClient.connect(proxy.place);
    const home = new Map<string, Set<string>>();
    for (let i = 0; i < 60; i++) {
      const from = `203.0.113.${i % 20}`;
      const { body } = await client.exchange(get('/', `X-Forwarded-For: ${from}`));
      home.set(from, (home.get(from) ?? new Set()).add(body));
    }
    client.close();
    assert.ok([...home.values()].every((bodies) => bodies.size === 1));
    assert.ok(new Set([...home.values()].map(([body]) => body)).size > 1, 'all clients at one server');
  });

  test('a PROXY header to a server names the client that is stated, and only its requests follow it', async (t) => {
    const server = await use(t, startWantsHeader());
    const proxy = await useProxy(t, {
      listeners: [{ clientAddressHeader: 'X-Forwarded-For' }],
      routes: [{ rules: [{ pool: 'main' }] }],
      pools: { main: { proxyProtocol: 'v2', servers: [{ address: server.address }] } },
      trustedProxies: TRUSTED,
    });
    const client = await WireClient.connect(proxy.place);
    for (const from of ['203.0.113.1', '203.0.113.2', '203.0.113.1', '203.0.113.2']) {
      assert.equal(statusOf(await client.exchange(get('/', `X-Forwarded-For: ${from}`))), 200);
    }
    await client.exchange(get('/'));
    client.close();
    assert.deepEqual(
      server.said.map((said) => said?.ends?.from),
      ['203.0.113.1', '203.0.113.2', '127.0.0.1'],
    );
    assert.deepEqual(
      server.requests.map(({ visit }) => visit),
      [0, 1, 0, 1, 2],
    );
  });

  test('a proxy in front at a unix socket states the client too, when it is trusted as unix:', async (t) => {
    for (const [trustedProxies, seen] of [
      [['unix:'], CLIENT],
      [['127.0.0.1'], 'unix:'],
    ] as const) {
      const path = join(scratchDirectory(), 'front.sock');
      await useProxy(t, {
        listeners: [{ address: `unix:${path}`, clientAddressHeader: 'X-Forwarded-For' }],
        routes: [{ rules }],
        pools: { main: { servers: [{ address: origin.address }] } },
        trustedProxies,
      });
      const client = await WireClient.connect({ path });
      await client.exchange(get('/other', `X-Forwarded-For: ${CLIENT}`));
      assert.equal(fieldValue(origin.requests.at(-1)!, 'x-seen'), seen, trustedProxies[0]);
      client.close();
    }
  });
});
