// What the router says in words is what the running proxy answers: the same requests asked of both.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type ConfigValue, compile, type RouteRequest } from '../../src/index.js';
import { fieldValues, statusOf } from '../support/messages.js';
import { documentOf, type ProxySpec, type RunningProxy, startProxy, useProxy } from '../support/proxy.js';
import { randomFrom, seed } from '../support/random.js';
import { WireClient } from '../support/wire-client.js';

const answer = (status: number): object => ({ type: 'DirectResponse', directResponse: { status } });

const REQUESTS: readonly RouteRequest[] = [
  { url: '/', headers: { Host: 'a.example' } },
  { url: '/x/../two', headers: { Host: 'a.example:80' } },
  { url: '/', headers: { Host: 'b.example' } },
  { url: 'http://a.example/two', headers: { Host: 'b.example' } },
  { url: '/' },
  { url: '/', headers: { Host: '' } },
  { url: '/', headers: { Host: ['a.example', 'a.example'] } },
  { url: '/', headers: { Host: 'a.example:99999' } },
  { url: '/', headers: { Host: 'a@a.example' } },
  { url: '/%00', headers: { Host: 'a.example' } },
  { url: '/a\\b', headers: { Host: 'a.example' } },
  { url: '*', headers: { Host: 'a.example' }, method: 'OPTIONS' },
  { url: '*', headers: { Host: 'a.example' } },
  { url: 'a.example:443', headers: { Host: 'a.example' }, method: 'CONNECT' },
  { url: 'ftp://a.example/', headers: { Host: 'a.example' } },
  { url: '/', headers: { Host: 'a.example' }, method: 'FOO' },
  { url: '/', headers: { Host: 'a.example' }, method: 'get' },
  { url: '/', headers: { Host: 'a.example' }, method: 'G@T' },
  { url: '/', headers: { Host: 'a.example', 'Bad Name': 'x' } },
  { url: '/', headers: { Host: 'a.example', Expect: 'cake' } },
  { url: '/', headers: { Host: 'a.example', 'Content-Length': 'x' } },
  { url: '/', headers: { Host: 'a.example', 'Transfer-Encoding': 'gzip, chunked' } },
  { url: '/', headers: { Host: 'a.example', 'Content-Length': '2000' }, method: 'POST' },
  { url: `/${'x'.repeat(3000)}`, headers: { Host: 'a.example' } },
  { url: '/', headers: { Host: 'a.example', A: 'x'.repeat(5000) } },
  { url: '/', headers: { Host: 'a.example', A: Array.from({ length: 40 }, String) } },
];

function written({ method = 'GET', url, headers = {} }: RouteRequest): string {
  const lines = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`));
  return `${method} ${url} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

test('for every request, explain names the status that the proxy answers with', async (t) => {
  const rules = [
    { matches: [{ path: { value: '/pool' } }], pool: 'main' },
    { matches: [{ path: { value: '/two' } }], filters: [answer(202)] },
    { filters: [answer(201)] },
  ];
  const spec: ProxySpec = {
    servers: ['127.0.0.1:1'],
    routes: [{ hostnames: ['a.example'], rules }],
    limits: { headBytesMax: '4KiB', uriBytesMax: '2KiB', fieldsMax: 32, bodyBytesMax: '1KiB' },
  };
  const proxy = await useProxy(t, spec);
  const router = compile(documentOf(spec, proxy.listeners) as ConfigValue);
  for (const request of REQUESTS) {
    const client = await WireClient.connect(proxy.place);
    await client.send(written(request));
    const response = await client.response(request.method ?? 'GET');
    client.close();
    const said = router.match(request);
    assert.equal(
      said.status,
      statusOf(response),
      `${written(request).slice(0, 100)}\n${said.text()}\n${response.body}`,
    );
  }
});

test('a refusal that only a filter gives is named as well', async (t) => {
  const rewrite = (substitution: string) => ({
    type: 'URLRewrite',
    urlRewrite: { path: { type: 'ReplaceRegexMatch', replaceRegexMatch: { pattern: 'x', substitution } } },
  });
  const spec: ProxySpec = {
    servers: ['127.0.0.1:1'],
    routes: [
      {
        rules: [
          { matches: [{ path: { value: '/long' } }], pool: 'main', filters: [rewrite('y'.repeat(9000))] },
          { matches: [{ path: { value: '/climbs' } }], pool: 'main', filters: [rewrite('..;')] },
          { filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https' } }] },
        ],
      },
    ],
  };
  const proxy = await useProxy(t, spec);
  const router = compile(documentOf(spec, proxy.listeners) as ConfigValue);
  for (const [url, Host, status] of [
    ['/long/xx', 'a.example', 414],
    ['/climbs/x', 'a.example', 400],
    ['/', '', 400],
    ['/', 'a.example', 302],
  ] as const) {
    const request = { url, headers: { Host } };
    const client = await WireClient.connect(proxy.place);
    await client.send(written(request));
    assert.equal(statusOf(await client.response()), status);
    client.close();
    const said = router.match(request);
    assert.equal(said.status, status, said.text());
  }
});

/** A server that answers everything with 200 and the name of its pool. Its address. */
async function originOf(t: TestContext, pool: string): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(200, { 'X-Pool': pool }).end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Stops a proxy whose configuration it has warned of. */
async function stopWarned({ process }: RunningProxy): Promise<void> {
  if (process.exit === undefined) process.kill('SIGTERM');
  const { code, stderr } = await process.exited();
  assert.equal(code, 0);
  assert.match(stderr, /^(?:warning: .*\n(?: {2}.*\n)*)*$/);
}

const CONFIGURATIONS = 6;
const REQUESTS_EACH = 100;

/** Configurations and requests that meet each other often: few hosts, few paths, and everything that can be wrong. */
function arbitrary(random: (below: number) => number) {
  const of = <Item>(...items: readonly Item[]): Item => items[random(items.length)]!;
  const some = <Item>(item: () => Item, max: number): Item[] => Array.from({ length: random(max + 1) }, item);
  const path = () => of('/', '/a', '/a/b', '/a//b', '/two', '/x%20y', '/%7Ea');
  const match = () => ({
    ...of(
      {},
      { path: { type: of('Exact', 'PathPrefix'), value: path().replace('//', '/') } },
      {
        path: { type: 'RegularExpression', value: of('/a/.*', '/[a-z]+', '.*b') },
      },
    ),
    ...of({}, {}, { method: of('GET', 'POST', 'OPTIONS', 'TRACE', 'DELETE') }),
    ...of(
      {},
      {},
      { headers: [{ name: 'X-Kind', ...of({ value: 'one' }, { type: 'Present' }, { type: 'Prefix', value: 'o' }) }] },
    ),
    ...of({}, {}, { queryParams: [{ name: 'q', value: '1' }] }),
    ...of({}, {}, { cookies: [{ name: 'c', value: '1' }] }),
    ...of({}, {}, { clientAddress: of('127.0.0.1/32', '10.0.0.0/8') }),
    ...of({}, {}, {}, { scheme: of('http', 'https') }),
  });
  const rewrite = () =>
    of<object>(
      { type: 'ReplaceFullPath', replaceFullPath: of('/full', '/a//b') },
      { type: 'ReplacePrefixMatch', replacePrefixMatch: of('/new', '/') },
      {
        type: 'ReplaceRegexMatch',
        replaceRegexMatch: { pattern: 'a', substitution: of('b/..', '%2e%2e;', 'c'.repeat(9000)) },
      },
    );
  const target = () =>
    of<object>(
      { pool: of('p', 'q') },
      { pool: 'p' },
      {
        backendRefs: [
          { pool: 'p', weight: of(0, 1) },
          { pool: 'q', weight: of(0, 1) },
        ],
      },
      { backendRefs: [{ pool: 'p', weight: 0 }], fallback: 'q' },
      { filters: [{ type: 'DirectResponse', directResponse: { status: 201 } }] },
      { filters: [{ type: 'DirectResponse', directResponse: { status: of(200, 204, 403) } }] },
      {
        filters: [
          {
            type: 'RequestRedirect',
            requestRedirect: {
              ...of({ scheme: 'https' }, { port: 8443 }, { hostname: 'b.example' }),
              ...of({}, { statusCode: 301 }),
            },
          },
        ],
      },
      { pool: 'p', filters: [{ type: 'URLRewrite', urlRewrite: { path: rewrite() } }] },
    );
  let names = 0;
  const rule = () => {
    const to = target();
    const prefixed = JSON.stringify(to).includes('ReplacePrefixMatch');
    const matches = [match(), ...some(match, 1)];
    return {
      name: `rule-${names++}`,
      matches: prefixed ? matches.map((one) => ({ ...one, path: { type: 'PathPrefix', value: '/a' } })) : matches,
      ...to,
      ...of({}, {}, { repeatedSlashes: of('keep', 'merge', 'refuse') }),
      ...of({}, {}, { limits: { bodyBytesMax: of('0', '1KiB') } }),
      ...of({}, {}, {}, { priority: random(3) }),
    };
  };
  const routes = () => [
    { hostnames: of(['a.example'], ['a.example', '*.b.example']), rules: [rule(), ...some(rule, 4)] },
    { hostnames: ['*.example'], rules: [rule(), ...some(rule, 2)] },
    { rules: [{ ...rule(), matches: [{ path: { type: 'PathPrefix', value: of('/', '/', '/a') } }] }] },
  ];
  const listener = () => ({
    ...of({}, {}, { repeatedSlashes: of('keep', 'refuse') }),
    ...of({}, {}, { clientAddressHeader: of('X-Forwarded-For', 'X-Real-IP') }),
    ...of<object>({}, {}, {}, { redirectToHttps: 8443, ...of({}, { redirectToHttpsExcept: ['/two', '/a/b'] }) }),
  });
  const host = () =>
    of(
      'a.example',
      'a.example',
      'a.example:80',
      'A.Example.',
      'x.b.example',
      'other',
      'no.example',
      '',
      'a@b',
      'a:99999',
      '[::1]:8',
    );
  const headers = (): Record<string, string | string[]> => ({
    ...of<object>(
      { Host: host() },
      { Host: host() },
      { Host: host() },
      { Host: host() },
      {},
      { Host: [host(), host()] },
    ),
    ...of({}, {}, { 'X-Kind': of('one', 'other', '') }),
    ...of({}, {}, { Cookie: of('c=1', 'c =1', 'd=2; c=1') }),
    ...of({}, {}, {}, { 'Max-Forwards': of('0', '1', 'x', '') }),
    ...of({}, {}, {}, {}, { Expect: of('cake', '') }),
    ...of({}, {}, { 'X-Forwarded-For': of('10.1.2.3', '10.1.2.3, 8.8.8.8', 'unknown') }),
    ...of({}, {}, {}, { 'X-Forwarded-Proto': of('https', 'http') }),
    ...of({}, {}, {}, { 'Content-Length': of('0', '5', '2000', 'x', '-1') }),
    ...of({}, {}, {}, {}, {}, {}, { 'Transfer-Encoding': of('gzip', 'chunked, chunked') }),
    ...of({}, {}, {}, {}, {}, {}, { 'Bad Name': 'x' }),
  });
  const url = () =>
    `${of('', '', '', '', 'http://a.example', 'HTTP://b.example:8443', 'http://x.b.example:99999', 'http://', 'ftp://a.example')}${of(
      path(),
      path(),
      path(),
      path(),
      '/a/../two',
      '/a/./b',
      '/..//a//../b',
      '/a;/../b',
      '/%00',
      '/a%2',
      '/a\\b',
      '*',
      '',
      'a',
      '/q?q=1',
      '/a?q=2&q=1',
      '/%61',
    )}${of('', '', '', '?q=1', '?q=%31', '#x')}`;
  const request = (): RouteRequest => {
    // Half of them have nothing wrong.
    const isFine = random(2) === 0;
    const asked = isFine ? `${path()}${of('', '?q=1')}` : url();
    const fields = isFine
      ? { Host: of('a.example', 'x.b.example'), 'X-Kind': of('one', 'other'), Cookie: of('c=1', 'c=2') }
      : headers();
    return {
      method: isFine
        ? of('GET', 'POST', 'OPTIONS', 'DELETE')
        : of('GET', 'GET', 'GET', 'HEAD', 'POST', 'OPTIONS', 'TRACE', 'CONNECT', 'BREW', 'get'),
      url: asked,
      // A URL with a host and no Host field is what a client is given, not what it sends.
      headers: /^http:/i.test(asked) ? { Host: 'other', ...fields } : fields,
    };
  };
  return { routes, listener, request };
}

test(`for requests and configurations at random (seed ${seed}), explain decides as the proxy does`, async (t) => {
  const random = randomFrom(seed);
  const made = arbitrary(random);
  const pools = {
    p: { servers: [{ address: await originOf(t, 'p') }] },
    q: { servers: [{ address: await originOf(t, 'q') }] },
  };
  const counts = { pool: 0, own: 0, refused: 0 };
  for (let number = 0; number < CONFIGURATIONS; number++) {
    const spec: ProxySpec = {
      pools,
      listeners: [made.listener()],
      routes: made.routes(),
      filters: [
        {
          type: 'ResponseHeaderModifier',
          responseHeaderModifier: { set: [{ name: 'X-Rule', value: '$' + '{rule}' }] },
        },
      ],
      limits: { bodyBytesMax: '1500' },
      trustedProxies: [random(2) === 0 ? '10.0.0.0/8' : '127.0.0.0/8'],
    };
    const proxy = await startProxy(spec);
    t.after(() => stopWarned(proxy));
    const router = compile(documentOf(spec, proxy.listeners) as ConfigValue);
    for (let i = 0; i < REQUESTS_EACH; i++) {
      const request = made.request();
      const length = Number([request.headers?.['Content-Length']].flat()[0] ?? 0);
      const client = await WireClient.connect(proxy.place);
      // The fragment is not sent: clients keep it to themselves.
      await client.send(
        written({ ...request, url: request.url.replace(/#.*/, '') }) + 'x'.repeat(length > 0 ? length : 0),
      );
      const response = await client.response(request.method);
      client.close();
      const said = router.match({ ...request, url: request.url });
      const [rule = ''] = fieldValues(response, 'x-rule');
      const [pool] = fieldValues(response, 'x-pool');
      const about = `configuration ${number}, request ${i}: ${written(request)}\n${said.text()}\n${response.startLine}\n${response.body}\n${JSON.stringify(spec.routes)}`;
      assert.equal(said.status ?? 200, statusOf(response), about);
      assert.equal(said.status === undefined, pool !== undefined, about);
      if (pool !== undefined)
        assert.ok(
          said.pools.some((share) => share.pool === pool),
          about,
        );
      if (said.rule !== undefined) assert.equal(said.rule, rule, about);
      if (pool !== undefined) assert.equal(said.rule, rule, about);
      if (pool !== undefined) counts.pool++;
      else if (said.rule !== undefined) counts.own++;
      else counts.refused++;
    }
    await stopWarned(proxy);
  }
  t.diagnostic(JSON.stringify(counts));
  assert.ok(
    Object.values(counts).every((count) => count >= 10),
    `each kind of decision is asked often: ${JSON.stringify(counts)}`,
  );
});
