// Filters for all, on a listener, on a route and in a rule: each applies, in its order, to requests, responses and our own answers.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import { fieldValue, fieldValues, type Message, statusOf } from '../support/messages.js';
import { describeProduct, type ProxySpec, type RunningProxy, startProxy, use, useProxy } from '../support/proxy.js';
import { askThrough, get, type Passed, WireClient } from '../support/wire-client.js';

const field = (name: string, value: string): object => ({ name, value });
const fact = (name: string): string => `\${${name}}`;
const onRequest = (change: object): object => ({ type: 'RequestHeaderModifier', requestHeaderModifier: change });
const onResponse = (change: object): object => ({ type: 'ResponseHeaderModifier', responseHeaderModifier: change });
/** What every layer does: adds its name to a list, and sets one header to it. */
const layer = (name: string): object[] => [
  onRequest({ add: [field('X-Way', name)], set: [field('X-Last', name)] }),
  onResponse({ add: [field('X-Way', name)], set: [field('X-Last', name)] }),
];

describeProduct('layers of filters', () => {
  let origin: RawOrigin;
  let proxy: RunningProxy;

  const spec = (more: Partial<ProxySpec> = {}): ProxySpec => ({
    listeners: [{ filters: layer('listener') }, {}, { redirectToHttps: 443, filters: layer('redirecting') }],
    filters: [
      ...layer('all'),
      onResponse({ set: [field('X-Client', fact('clientAddress')), field('X-Rule', fact('rule'))] }),
    ],
    routes: [
      {
        filters: layer('route'),
        rules: [
          { name: 'plain', matches: [{ path: { value: '/plain' } }], pool: 'main' },
          {
            matches: [{ path: { value: '/own' } }],
            filters: [
              ...layer('rule'),
              onRequest({ set: [field('X-Last', 'second')], remove: ['X-Gone'] }),
              { type: 'URLRewrite', urlRewrite: { hostname: 'inner.example' } },
              { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' } } },
            ],
            pool: 'main',
          },
          {
            matches: [{ path: { value: '/answer' } }],
            filters: [{ type: 'DirectResponse', directResponse: { status: 200 } }],
          },
          { matches: [{ path: { value: '/down' } }], pool: 'down' },
        ],
      },
      { hostnames: ['bare.example'], rules: [{ pool: 'main' }] },
    ],
    pools: { main: { servers: [{ address: origin.address }] }, down: { servers: [{ address: '127.0.0.1:1' }] } },
    ...more,
  });

  before(async () => {
    origin = await startAnswers((_, visit) => void visit.socket.write(ok('fine', 'X-Last: origin', 'X-Way: origin')));
    proxy = await startProxy(spec());
  });
  after(async () => {
    await proxy.stop();
    await origin.close();
  });

  const through = (
    path: string,
    { host = 'shop.example', nth = 0 }: { host?: string; nth?: number } = {},
  ): Promise<Passed> =>
    askThrough(origin, proxy.listeners[nth]!, get(path, `Host: ${host}`, 'X-Last: client', 'X-Gone: 1'));
  const way = (message: Message): string => fieldValues(message, 'x-way').join(' ');

  test('a request meets the outermost layer first, a response the innermost', async () => {
    const { request, response } = await through('/own/x');
    assert.equal(way(request!), 'all listener route rule');
    assert.equal(fieldValue(request!, 'x-last'), 'second', 'the last filter of the innermost layer');
    assert.equal(way(response), 'origin rule route listener all');
    assert.equal(fieldValue(response, 'x-last'), 'all', 'the outermost layer');
    assert.deepEqual(fieldValues(request!, 'x-gone'), []);
    assert.match(request!.startLine, /^GET \/new\/x /);
    assert.equal(fieldValue(request!, 'host'), 'inner.example');
  });

  test('each layer is for what is in it alone', async () => {
    const plain = await through('/plain');
    assert.equal(way(plain.request!), 'all listener route');
    assert.equal(fieldValue(plain.request!, 'x-gone'), '1');
    assert.equal(fieldValue(plain.response, 'x-rule'), 'plain');
    const other = await through('/plain', { nth: 1 });
    assert.equal(way(other.request!), 'all route');
    assert.equal(way(other.response), 'origin route all');
    const bare = await through('/', { host: 'bare.example', nth: 1 });
    assert.equal(way(bare.request!), 'all');
  });

  test('our own answers have what the layers around them say', async () => {
    const answer = await through('/answer');
    assert.equal(statusOf(answer.response), 200);
    assert.equal(way(answer.response), 'route listener all');
    const down = await through('/down');
    assert.equal(statusOf(down.response), 502);
    assert.equal(way(down.response), 'route listener all');
    // No rule: the listener and those of all, with the facts there are.
    const none = await through('/nothing');
    assert.equal(statusOf(none.response), 404);
    assert.equal(way(none.response), 'listener all');
    assert.equal(fieldValue(none.response, 'x-client'), '127.0.0.1');
    assert.equal(fieldValue(none.response, 'x-rule'), '');
    const redirected = await through('/plain', { nth: 2 });
    assert.equal(statusOf(redirected.response), 308);
    assert.equal(way(redirected.response), 'redirecting all');
    const client = await WireClient.connect(proxy.place);
    await client.send('GET / HTTP/1.1\r\n\r\n');
    const refused = await client.response();
    client.close();
    assert.equal(statusOf(refused), 400);
    assert.equal(way(refused), 'listener all');
  });

  test('a listener mirrors what comes to it, and a reload takes its filters back', async (t) => {
    const copies = await use(
      t,
      startAnswers((_, visit) => void visit.socket.write(ok('copy'))),
    );
    const mirrored = spec({
      listeners: [
        { filters: [{ type: 'RequestMirror', requestMirror: { pool: 'copies' } }, ...layer('listener')] },
        {},
      ],
      pools: {
        main: { servers: [{ address: origin.address }] },
        down: { servers: [{ address: '127.0.0.1:1' }] },
        copies: { servers: [{ address: copies.address }] },
      },
    });
    const other = await useProxy(t, mirrored);
    const client = await WireClient.connect(other.listeners[0]!);
    const second = await WireClient.connect(other.listeners[1]!);
    const request = get('/plain', 'Host: shop.example');
    await client.exchange(request);
    await second.exchange(request);
    await copies.until('a copy', () => (copies.requests.length > 0 ? true : undefined));
    assert.equal(copies.requests.length, 1);
    assert.equal(way(copies.requests[0]!), 'all listener route');
    const { copies: _, ...pools } = mirrored.pools!;
    await other.reload({ ...mirrored, pools, listeners: [{}, {}] });
    assert.equal(way(await client.exchange(request)), 'origin route all');
    await other.reload(mirrored);
    assert.equal(way(await client.exchange(request)), 'origin route listener all');
    client.close();
    second.close();
  });

  test('a connection of a listener that is gone keeps its filters, but for mirrors to pools that may be gone too', async (t) => {
    const copies = await use(
      t,
      startAnswers((_, visit) => void visit.socket.write(ok('copy'))),
    );
    const pools = { main: { servers: [{ address: origin.address }] }, down: { servers: [{ address: '127.0.0.1:1' }] } };
    const other = await useProxy(
      t,
      spec({
        listeners: [
          {},
          { filters: [{ type: 'RequestMirror', requestMirror: { pool: 'copies' } }, ...layer('listener')] },
        ],
        pools: { ...pools, copies: { servers: [{ address: copies.address }] } },
      }),
    );
    const client = await WireClient.connect(other.listeners[1]!);
    const request = get('/plain', 'Host: shop.example');
    await client.exchange(request);
    await copies.until('a copy', () => copies.requests.length === 1);
    await other.reload(spec({ listeners: [{}], pools }));
    assert.equal(way(await client.exchange(request)), 'origin route listener all');
    assert.equal(copies.requests.length, 1);
    client.close();
  });
});
