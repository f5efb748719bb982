// The package's public router: requests in words, decisions with reasons.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, compile, defineConfig } from '../../src/index.js';

const config = defineConfig({
  listeners: [{ address: ':8080' }],
  routes: [
    {
      hostnames: ['shop.example.com'],
      rules: [
        {
          name: 'beta',
          matches: [{ cookies: [{ name: 'beta', value: '1' }], headers: [{ name: 'X-A', value: 'a, b' }] }],
          pool: 'next',
        },
        { name: 'api', backendRefs: [{ pool: 'api', weight: 3 }, { pool: 'next' }] },
      ],
    },
    {
      hostnames: ['sorry.example.com'],
      rules: [{ filters: [{ type: 'DirectResponse', directResponse: { status: 503, body: 'sorry' } }] }],
    },
  ],
  pools: { api: { servers: [] }, next: { servers: [] } },
});

test('tells the rule, the pools and their shares', () => {
  const { rule, pools, status, actions } = compile(config).match({ url: 'http://shop.example.com/' });
  assert.equal(rule, 'api');
  assert.deepEqual(pools, [
    { pool: 'api', share: 0.75 },
    { pool: 'next', share: 0.25 },
  ]);
  assert.equal(status, undefined);
  assert.deepEqual(actions, ['pool api gets 75 %', 'pool next gets 25 %']);
});

test('cookies and repeated headers count', () => {
  const request = {
    url: '/',
    headers: { Host: 'shop.example.com', 'x-a': ['a', 'b'] },
    cookies: { a: 'b', beta: '1' },
  };
  assert.equal(compile(config).match(request).rule, 'beta');
});

test('tells the status of an answer of our own', () => {
  const router = compile(config);
  assert.equal(router.match({ url: 'http://sorry.example.com/' }).status, 503);
  assert.equal(router.match({ url: 'http://nobody.example.com/' }).status, 404);
  assert.equal(router.match({ url: 'http://shop.example.com/%00' }).status, 400);
});

test('says what the proxy answers to a request that no rule may see', () => {
  const router = compile(config);
  const cases: [Parameters<typeof router.match>[0], number, RegExp][] = [
    [{ url: '/' }, 400, /needs a Host field \(HOST_MISSING\)\. Name a host: http:\/\/HOST\/PATH, or a Host header\.$/m],
    [{ url: '/', headers: { Host: ['a', 'b'] } }, 400, /HOST_REPEATED/],
    [{ url: 'http://shop.example.com:99999/' }, 400, /HOST_INVALID/],
    [{ url: 'http://shop.example.com:x/' }, 400, /HOST_INVALID/],
    [{ url: 'http://shop.example.com/', method: 'FOO' }, 501, /not known here \(METHOD_UNKNOWN\)\.$/m],
    [{ url: 'http://shop.example.com/', method: 'get' }, 501, /\(METHOD_UNKNOWN\)\. Methods are in capitals: GET\.$/m],
    [{ url: 'http://shop.example.com/', method: 'CONNECT' }, 405, /METHOD_REFUSED/],
    [{ url: 'http://shop.example.com/', method: '(GET)' }, 400, /REQUEST_MALFORMED/],
    [{ url: 'gopher://shop.example.com/' }, 400, /./],
    [{ url: 'http://shop.example.com/', headers: { Expect: 'cake' } }, 417, /EXPECTATION_UNKNOWN/],
    [{ url: 'http://shop.example.com/', headers: { 'Bad Name': 'x' } }, 400, /REQUEST_MALFORMED/],
    [{ url: 'http://shop.example.com/', headers: { A: 'x\r\nB: y' } }, 400, /REQUEST_MALFORMED/],
    [
      { url: 'http://shop.example.com/', headers: { 'Content-Length': '1', 'Transfer-Encoding': 'chunked' } },
      400,
      /REQUEST_FRAMING/,
    ],
    [{ url: `http://shop.example.com/${'x'.repeat(70_000)}` }, 414, /URI_TOO_LONG/],
    [{ url: 'http://shop.example.com/', headers: { A: 'x'.repeat(70_000) } }, 431, /HEAD_TOO_LARGE/],
  ];
  for (const [request, status, words] of cases) {
    const decision = router.match(request);
    assert.equal(decision.status, status, JSON.stringify(request).slice(0, 100));
    assert.match(decision.text(), words);
    assert.deepEqual([decision.rule, decision.explain()], [undefined, undefined]);
  }
  const fine = router.match({ url: 'http://shop.example.com', headers: { 'Content-Length': '5' }, method: 'POST' });
  assert.equal(fine.rule, 'api');
  assert.equal(router.match({ url: 'http://shop.example.com/', headers: { Host: 'sorry.example.com' } }).rule, 'api');
});

test('gives its reasons as data and in words', () => {
  const decision = compile(config).match({ method: 'POST', url: 'http://shop.example.com/x' });
  assert.equal(decision.explain()?.winner?.rule.name, 'api');
  assert.deepEqual(
    decision.explain()?.losers.map(({ rule }) => rule.name),
    ['beta', 'routes[1].rules[0]'],
  );
  assert.match(decision.text(), /^not to beta, match 1/m);
});

test('reasons stay those of their own request after others were asked', () => {
  const router = compile(config);
  const first = router.match({ url: 'http://shop.example.com/first' });
  router.match({ url: 'http://sorry.example.com/second' });
  assert.equal(first.explain()?.request.path, '/first');
  assert.equal(first.explain()?.winner?.rule.name, 'api');
});

test('what TLS told and the client certificate count', () => {
  const router = compile(
    defineConfig({
      listeners: [{ address: ':8080' }],
      routes: [
        {
          rules: [
            { name: 'known', matches: [{ clientCertificate: {} }], pool: 'api' },
            { name: 'named', matches: [{ serverName: 'a.example' }], pool: 'api' },
            { name: 'old', matches: [{ tlsVersion: 'TLSv1.2' }], pool: 'api' },
            { name: 'plain', matches: [{ scheme: 'http' }], pool: 'api' },
            { name: 'safe', pool: 'api' },
          ],
        },
      ],
      pools: { api: { servers: [] } },
    }),
  );
  for (const [request, rule] of [
    [{ url: 'http://a.example/' }, 'plain'],
    [{ url: 'https://a.example/' }, 'named'],
    [{ url: 'https://A.Example:8443/' }, 'named'],
    [{ url: 'https://b.example/' }, 'safe'],
    [{ url: 'https://10.0.0.1/' }, 'safe'],
    [{ url: 'https://a.example/', serverName: 'b.example' }, 'safe'],
    [{ url: 'https://a.example/', serverName: '' }, 'safe'],
    [{ url: '/', headers: { Host: 'b.example' }, serverName: 'A.example.' }, 'named'],
    [{ url: 'https://b.example/', tlsVersion: 'TLSv1.2' }, 'old'],
    [{ url: 'http://b.example/', clientCertificate: {} }, 'known'],
    [{ url: 'https://b.example/', clientCertificate: { subject: 'CN=a' } }, 'known'],
  ] as const) {
    assert.equal(router.match(request).rule, rule, JSON.stringify(request));
  }
});

test('refuses a configuration that is wrong', () => {
  assert.throws(() => compile({ ...config, listeners: [] }), ConfigError);
});

test('a body longer than its rule allows is refused, one that the rule alone allows is not', () => {
  const router = compile(
    defineConfig({
      listeners: [{ address: ':8080' }],
      routes: [
        {
          rules: [
            { matches: [{ path: { value: '/up' } }], pool: 'api', limits: { bodyBytesMax: '1MiB' } },
            { matches: [{ path: { value: '/any' } }], pool: 'api', limits: { bodyBytesMax: 0 } },
            { pool: 'api' },
          ],
        },
      ],
      pools: { api: { servers: [] } },
      limits: { bodyBytesMax: 10 },
    }),
  );
  const statusOf = (path: string, bytes: number) =>
    router.match({
      method: 'POST',
      url: `http://a.example${path}`,
      headers: { 'content-length': String(bytes) },
    }).status;
  assert.equal(statusOf('/', 11), 413);
  assert.equal(statusOf('/', 10), undefined);
  assert.equal(statusOf('/up', 1_048_576), undefined);
  assert.equal(statusOf('/up', 1_048_577), 413);
  assert.equal(statusOf('/any', 1e12), undefined);
});

test('actions tell the deadlines and limits of a rule, and that 0 is none', () => {
  const router = compile(
    defineConfig({
      listeners: [{ address: ':8080' }],
      routes: [
        {
          rules: [
            {
              pool: 'api',
              timeouts: { backendRequest: 0, responseHead: '90s', tunnelIdle: '1d' },
              limits: { bodyBytesMax: '1KiB' },
            },
          ],
        },
      ],
      pools: { api: { servers: [] } },
    }),
  );
  assert.deepEqual(router.match({ url: 'http://a.example/' }).actions, [
    'pool api',
    'one attempt may take, from the request sent to the end of the response, any time',
    'the head of the response may take 90000 ms',
    'a tunnel may be idle for 86400000 ms',
    'the request body may have 1024 bytes',
  ]);
});

test('runs of slashes: says what the server gets, and what is refused', () => {
  const router = compile({
    listeners: [
      { address: ':8080', name: 'plain' },
      { address: ':8081', name: 'strict', repeatedSlashes: 'refuse' },
    ],
    pools: { api: { servers: [{ address: '10.0.0.1:80' }] } },
    routes: [
      {
        rules: [
          { name: 'all', pool: 'api' },
          { name: 'fetch', matches: [{ path: { value: '/fetch' } }], pool: 'api', repeatedSlashes: 'keep' },
        ],
      },
    ],
  });
  const kept = router.match({ url: 'http://a.example:8080//fetch/https://x' });
  assert.equal(kept.rule, 'fetch');
  assert.ok(kept.actions.includes('runs of / in the path are kept: //fetch/https://x'), kept.actions.join('\n'));
  assert.match(kept.text(), /runs of \/ in the path are kept/);
  assert.equal(router.match({ url: 'http://a.example:8081/fetch//x' }).rule, 'fetch');
  assert.equal(router.match({ url: 'http://a.example:8081/fetch//../x' }).status, 400);
  const refused = router.match({ url: 'http://a.example:8081/a//b' });
  assert.equal(refused.status, 400);
  assert.match(refused.text(), /refused at all \(TARGET_INVALID\)/);
  assert.equal(router.match({ url: 'http://a.example:8080/a//b' }).status, undefined);
  assert.equal(router.match({ url: 'http://a.example:8081/a/b?x=//' }).status, undefined);
});

test('actions name the error pages of a rule, and of all where no rule matches', () => {
  const router = compile(
    defineConfig({
      listeners: [{ address: ':8080' }],
      routes: [
        {
          hostnames: ['shop.example'],
          rules: [{ pool: 'api', fallback: 'sorry', errorPages: [{ statuses: [404, '502-504'], body: 'sorry' }] }],
        },
      ],
      pools: { api: { servers: [] }, sorry: { servers: [] } },
      errorPages: [{ statuses: ['400-499'], body: 'no', contentType: 'text/plain' }, { statuses: [500] }],
    }),
  );
  assert.deepEqual(router.match({ url: 'http://shop.example/' }).actions, [
    'pool api',
    'pool sorry where that cannot answer',
    'error page for local replies 404, 502-504: 5 bytes of text/html; charset=utf-8',
  ]);
  assert.deepEqual(router.match({ url: 'http://other.example/' }).actions, [
    '404: no rule matches',
    'error page for local replies 400-499: 2 bytes of text/plain',
  ]);
});

test('says what a rule rewrites in paths and in responses', () => {
  const router = compile({
    listeners: [{ address: ':8080' }],
    pools: { api: { servers: [{ address: '10.0.0.1:80' }] } },
    routes: [
      {
        rules: [
          {
            pool: 'api',
            filters: [
              {
                type: 'URLRewrite',
                urlRewrite: {
                  path: {
                    type: 'ReplaceRegexMatch',
                    replaceRegexMatch: { pattern: '^/a/(.*)$', substitution: '/\\1' },
                  },
                },
              },
              {
                type: 'LocationRewrite',
                locationRewrite: {
                  rewrites: [
                    { from: 'http://10.0.0.1/', to: '/' },
                    { pattern: '^/x', substitution: '/y' },
                  ],
                },
              },
              {
                type: 'CookieRewrite',
                cookieRewrite: {
                  paths: [{ from: '/', to: '/a' }],
                  domains: [
                    { from: '.Inner.example', to: 'shop.example' },
                    { from: '*', to: '' },
                  ],
                },
              },
            ],
          },
        ],
      },
    ],
  });
  const { actions } = router.match({ url: 'http://a.example/' });
  for (const line of [
    'URLRewrite: in the path "^/a/(.*)$" becomes "/\\1"',
    'LocationRewrite: http://10.0.0.1/ becomes /, "^/x" becomes "/y"',
    'CookieRewrite: path / becomes /a, domain inner.example becomes shop.example, every domain is taken away',
  ]) {
    assert.ok(actions.includes(line), actions.join('\n'));
  }
});

test('Max-Forwards: 0 ends here, with OPTIONS and TRACE alone', () => {
  const router = compile({
    listeners: [{ address: ':8080' }],
    pools: { api: { servers: [{ address: '10.0.0.1:80' }] } },
    routes: [
      {
        rules: [
          { pool: 'api' },
          {
            matches: [{ path: { value: '/said' } }],
            filters: [{ type: 'DirectResponse', directResponse: { status: 204 } }],
          },
        ],
      },
    ],
  });
  const status = (method: string, left: string, path = '/') =>
    router.match({ method, url: `http://a.example${path}`, headers: { 'Max-Forwards': left } }).status;
  assert.equal(status('OPTIONS', '0'), 200);
  assert.equal(status('TRACE', '0'), 405);
  assert.equal(status('OPTIONS', '1'), undefined);
  assert.equal(status('GET', '0'), undefined);
  assert.equal(status('OPTIONS', '0', '/said'), 204);
  assert.equal(status('OPTIONS', 'x'), 400);
});

test('actions say how a client stays with its pool, and a cookie that two splits would share is warned of', () => {
  const both = [{ pool: 'api', weight: 9 }, { pool: 'next' }] as const;
  const router = compile(
    defineConfig({
      listeners: [{ address: ':8080' }],
      routes: [
        {
          rules: [
            { backendRefs: [...both], sessionPersistence: {} },
            {
              matches: [{ path: { value: '/user' } }],
              backendRefs: [...both],
              hashKey: { type: 'Header', name: 'X-User' },
            },
            {
              name: 'other',
              matches: [{ path: { value: '/other' } }],
              backendRefs: [{ pool: 'api' }, { pool: 'third' }],
              sessionPersistence: {},
            },
            {
              matches: [{ path: { value: '/same' } }],
              backendRefs: [{ pool: 'next', weight: 3 }, { pool: 'api' }],
              sessionPersistence: {},
            },
          ],
        },
      ],
      pools: {
        api: { servers: [{ address: '10.0.0.1:80' }] },
        next: { servers: [{ address: '10.0.0.2:80' }] },
        third: { servers: [{ address: '10.0.0.3:80' }] },
      },
    }),
  );
  const actions = (path: string) => router.match({ url: `http://a.example${path}` }).actions;
  assert.ok(actions('/').includes('a client stays with its pool by the cookie sevenfold-pool'));
  assert.ok(actions('/user').includes('the pool is chosen by a hash of the header X-User'));
  assert.deepEqual(
    router.warnings.map(({ path, found }) => [path, found]),
    [
      [
        'routes[0].rules[2].sessionPersistence',
        "routes[0].rules[0] keeps other pools under the cookie 'sevenfold-pool'.",
      ],
    ],
  );
});
