// Explanations: the winner is the matcher's, and every loser says truthfully what it lacked.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { filterTypes } from '../../../src/filters/registry.js';
import { compile } from '../../../src/routing/compile.js';
import { describeExplanation } from '../../../src/routing/describe.js';
import { explain } from '../../../src/routing/explain.js';
import type { RouteConfig } from '../../../src/routing/input.js';
import { Matcher } from '../../../src/routing/matcher.js';
import { matchRequest, type RequestText } from '../../support/match-request.js';
import { request, routes } from './arbitraries.js';

/** A variable as a config writes it. */
const variable = (name: string) => `$\{${name}}`;

const SHOP: readonly RouteConfig[] = [
  {
    hostnames: ['shop.example.com'],
    rules: [
      { name: 'images', matches: [{ path: { value: '/images' } }], pool: 'images' },
      {
        name: 'beta',
        matches: [
          {
            path: { value: '/api' },
            method: 'POST',
            headers: [{ name: 'Accept', type: 'Contains', value: 'json' }],
            cookies: [{ name: 'beta', value: 'true' }],
            queryParams: [{ name: 'debug', type: 'Present', invert: true }],
            clientAddress: ['10.0.0.0/8', '2001:db8::/32'],
          },
        ],
        filters: [
          {
            type: 'RequestHeaderModifier',
            requestHeaderModifier: {
              set: [{ name: 'X-From', value: `${variable('clientAddress')}!` }],
              remove: ['X-Debug'],
            },
          },
          { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/v2' } } },
          { type: 'RequestMirror', requestMirror: { pool: 'images', percent: 1.5 } },
        ],
        backendRefs: [
          { pool: 'api', weight: 2 },
          { pool: 'api-next', weight: 1 },
        ],
        timeouts: { request: 10_000 },
      },
      { name: 'api', matches: [{ path: { value: '/api' } }], pool: 'api' },
    ],
  },
  {
    hostnames: ['*.example.com'],
    rules: [
      {
        name: 'moved',
        filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https', statusCode: 301 } }],
      },
    ],
  },
];
const POOLS = { api: {}, 'api-next': {}, images: {} };

function explained(sent: RequestText): string {
  const compiled = compile(
    { routes: SHOP, pools: POOLS },
    {
      filterTypes,
      placeOf: (path) => ({
        file: 'shop.yaml',
        line: 1 + path.reduce<number>((sum, step) => sum + (typeof step === 'number' ? step * 10 : 1), 0),
        column: path.length,
      }),
    },
  );
  return describeExplanation(explain(compiled, matchRequest(sent)), Object.keys(POOLS), filterTypes);
}

test('names the winner with its reasons, pools, shares, filters and timeouts, and what the others lacked', () => {
  const text = explained({
    method: 'POST',
    url: 'http://shop.example.com:8080/x/../api/y?v=2',
    headers: [
      ['Accept', 'application/json'],
      ['Cookie', 'beta=true'],
    ],
    clientAddress: '10.1.2.3',
  });
  assert.equal(
    text,
    `POST http://shop.example.com/api/y?v=2

goes to beta, match 1 (shop.yaml:14:6)
  because host is "shop.example.com", expected "shop.example.com"
  because path is "/api/y", expected prefix "/api"
  because method is "POST", expected "POST"
  because header accept is "application/json", expected containing "json"
  because cookie beta is "true", expected "true"
  because query parameter debug is absent, expected not any value
  because client address is "10.1.2.3", expected within "10.0.0.0/8, 2001:db8::/32"
  pool api gets 66.67 %
  pool api-next gets 33.33 %
  RequestHeaderModifier: set X-From: ${variable('clientAddress')}!, remove x-debug
  URLRewrite: matched prefix becomes /v2
  RequestMirror: 1.5 % to pool images
  the whole request may take 10000 ms

not to api, match 1 (shop.yaml:24:6)
  it matches too, but has no condition on the method

not to moved, match 1 (shop.yaml:13:4)
  it matches too, but has a less specific host name

not to images, match 1 (shop.yaml:4:6)
  path: found "/api/y", expected prefix "/images"
`,
  );
});

test('says for a loser every condition that failed: what was found, and what was expected', () => {
  const text = explained({
    url: 'http://shop.example.com/api?debug=1',
    headers: [['Cookie', 'beta=false']],
    clientAddress: '2001:db9::1',
  });
  assert.match(text, /^goes to api, match 1/m);
  assert.ok(
    text.includes(`not to beta, match 1 (shop.yaml:14:6)
  method: found "GET", expected "POST"
  header accept: found absent, expected containing "json"
  cookie beta: found "false", expected "true"
  query parameter debug: found "1", expected not any value
  client address: found "2001:db9::1", expected within "10.0.0.0/8, 2001:db8::/32"
`),
    text,
  );
});

test('says that no rule matches, and which came nearest', () => {
  const text = explained({ url: 'http://other.test/images/cat.png' });
  assert.match(text, /^No rule matches: the answer is 404\.$/m);
  assert.match(text, /^not to images, match 1 .*\n {2}host: found "other.test", expected "shop.example.com"$/m);
});

test('a rule of the right host is nearer than one of the right path', () => {
  const text = explained({ url: 'http://shop.example.org/images' });
  assert.match(text, /No rule matches/);
  const compiled = compile({
    routes: [
      { hostnames: ['a.test'], rules: [{ name: 'right host', matches: [{ path: { value: '/x/y' } }], pool: 'p' }] },
      { hostnames: ['b.test'], rules: [{ name: 'right path', matches: [{ path: { value: '/z' } }], pool: 'p' }] },
    ],
    pools: { p: {} },
  });
  const { losers } = explain(compiled, matchRequest({ url: 'http://a.test/z' }));
  assert.deepEqual(
    losers.map(({ rule }) => rule.name),
    ['right host', 'right path'],
  );
});

test('agrees with match() on random rules, and tells the truth about every loser', () => {
  fc.assert(
    fc.property(routes, request, (set, sent) => {
      const compiled = compile({ routes: set, pools: { p: {} } });
      const matcher = new Matcher(compiled.table);
      const view = matchRequest({
        ...sent,
        url: `http://${sent.host}${sent.path}?${sent.query}`,
        clientAddress: sent.clientAddress?.join('.'),
      });
      const { winner, losers } = explain(compiled, view, matcher, 1000);
      assert.equal(winner?.rule.index ?? -1, matcher.match(view));
      assert.ok(winner?.findings.every(({ holds }) => holds) ?? true);
      const matches = set
        .flatMap((route) => route.rules)
        .reduce((sum, { matches: list }) => sum + (list?.length || 1), 0);
      assert.equal(losers.length + (winner === undefined ? 0 : 1), matches);
      for (const loser of losers) {
        const holds = loser.findings.every((finding) => finding.holds);
        assert.equal(loser.outrankedBy !== undefined, holds);
        if (winner === undefined) assert.ok(!holds);
      }
    }),
    { numRuns: 3000 },
  );
});

test('among thousands of rules, those of unrelated hosts are no losers', () => {
  const site = (host: string, path: string): RouteConfig => ({
    hostnames: [host],
    rules: [{ name: `${host}${path}`, matches: [{ path: { value: path } }], pool: 'p' }],
  });
  const many = Array.from({ length: 1000 }, (_, i) => site(`shop-${i}.example.net`, `/path-${i % 7}`));
  const compiled = compile({
    routes: [...many, site('www.shop.test', '/a'), site('shpo.test', '/b'), site('*.shop.test', '/c')],
    pools: { p: {} },
  });
  const losersOf = (url: string) => explain(compiled, matchRequest({ url })).losers.map(({ rule }) => rule.name);
  assert.deepEqual(losersOf('http://shop.test/path-1/x').sort(), ['*.shop.test/c', 'shpo.test/b', 'www.shop.test/a']);
  assert.deepEqual(losersOf('http://elsewhere.org/path-1/x'), []);
  assert.deepEqual(losersOf('http://elsewhere.org/c'), ['*.shop.test/c'], 'few lack the host alone');
  assert.match(
    describeExplanation(explain(compiled, matchRequest({ url: 'http://elsewhere.org/path-1' })), ['p'], filterTypes),
    /^No rule matches: the answer is 404\.\nNo route is for the host "elsewhere\.org"\.\n$/m,
  );
});
