// The matcher on small tables, one promise of the matching language per test.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../../../src/routing/compile.js';
import type { MatchConfig, RouteConfig } from '../../../src/routing/input.js';
import { Matcher } from '../../../src/routing/matcher.js';
import { matchRequest, type RequestText } from '../../support/match-request.js';

const POOLS = { a: {}, b: {}, c: {} };

/** A matcher over routes whose rules are named; answers the name of the rule that wins. */
function router(routes: readonly RouteConfig[]): (request: RequestText | string) => string | undefined {
  const { table, rules } = compile({ routes, pools: POOLS });
  const matcher = new Matcher(table);
  return (request) => {
    const rule = matcher.match(matchRequest(typeof request === 'string' ? { url: request } : request));
    return rule === -1 ? undefined : rules[rule]!.name;
  };
}

/** One route for every host; rule names are the keys. */
function rules(matches: Record<string, readonly MatchConfig[]>): readonly RouteConfig[] {
  return [{ rules: Object.entries(matches).map(([name, list]) => ({ name, matches: list, pool: 'a' })) }];
}

function hosts(byName: Record<string, readonly string[]>): readonly RouteConfig[] {
  return Object.entries(byName).map(([name, hostnames]) => ({ hostnames, rules: [{ name, pool: 'a' }] }));
}

test('an exact host beats a wildcard, a longer wildcard a shorter one, and any name the default', () => {
  const route = router(
    hosts({ rest: [], short: ['*.example.com'], long: ['*.eu.example.com'], exact: ['shop.eu.example.com'] }),
  );
  assert.equal(route('http://shop.eu.example.com/'), 'exact');
  assert.equal(route('http://x.eu.example.com/'), 'long');
  assert.equal(route('http://a.b.eu.example.com/'), 'long');
  assert.equal(route('http://x.example.com/'), 'short');
  assert.equal(route('http://example.com/'), 'rest');
  assert.equal(route('http://other.test/'), 'rest');
  assert.equal(route('/'), 'rest');
});

test('a host matches in any case, on any port, and with a closing dot', () => {
  const route = router(hosts({ exact: ['Shop.Example.com'], wild: ['*.Example.org'] }));
  for (const host of ['shop.example.com', 'SHOP.EXAMPLE.COM', 'shop.example.com:8080', 'shop.example.com.']) {
    assert.equal(route(`http://${host}/`), 'exact');
  }
  assert.equal(route('http://x.EXAMPLE.org.:81/'), 'wild');
  assert.equal(route('http://.example.org/'), undefined);
  assert.equal(route({ url: '/', headers: [['host', 'shop.example.com:1']] }), 'exact');
});

test('a host name longer than a name can be reaches only the default', () => {
  const route = router(hosts({ wild: ['*.example.com'], rest: ['*'] }));
  assert.equal(route(`http://${'a.'.repeat(120)}example.com/`), 'wild');
  assert.equal(route(`http://${'a.'.repeat(121)}example.com/`), 'wild', '253 bytes');
  assert.equal(route(`http://${'a.'.repeat(121)}xexample.com/`), 'rest', '254 bytes');
  assert.equal(route(`http://x${'a.'.repeat(121)}example.com/`), 'rest', '254 bytes');
});

test('when no rule of the more specific host matches, the next host gets its turn', () => {
  const route = router([
    { hostnames: ['api.example.com'], rules: [{ name: 'v1', matches: [{ path: { value: '/v1' } }], pool: 'a' }] },
    { hostnames: ['*.example.com'], rules: [{ name: 'any', pool: 'b' }] },
  ]);
  assert.equal(route('http://api.example.com/v1/x'), 'v1');
  assert.equal(route('http://api.example.com/v2'), 'any');
});

test('PathPrefix matches whole elements: /api matches /api and /api/x, not /apis', () => {
  const route = router(rules({ api: [{ path: { type: 'PathPrefix', value: '/api' } }] }));
  for (const path of ['/api', '/api/', '/api/x', '/api/x/y']) assert.equal(route(path), 'api');
  for (const path of ['/apis', '/ap', '/', '/x/api', '/API']) assert.equal(route(path), undefined);
});

test('a closing slash of a PathPrefix says nothing', () => {
  const route = router(rules({ api: [{ path: { value: '/api/' } }] }));
  assert.equal(route('/api'), 'api');
  assert.equal(route('/api/x'), 'api');
});

test('Exact beats PathPrefix, a longer prefix a shorter, an expression only /', () => {
  const route = router(
    rules({
      root: [{}],
      expression: [{ path: { type: 'RegularExpression', value: '/.*\\.php' } }],
      a: [{ path: { value: '/a' } }],
      ab: [{ path: { value: '/a/b' } }],
      exact: [{ path: { type: 'Exact', value: '/a/b/c' } }],
    }),
  );
  assert.equal(route('/a/b/c'), 'exact');
  assert.equal(route('/a/b/c/'), 'ab');
  assert.equal(route('/a/b'), 'ab');
  assert.equal(route('/a/x.php'), 'a');
  assert.equal(route('/x.php'), 'expression');
  assert.equal(route('/x.php5'), 'root');
});

test('a method condition beats none, and GET does not stand for HEAD', () => {
  const route = router(rules({ any: [{}], get: [{ method: 'GET' }] }));
  assert.equal(route({ method: 'GET', url: '/' }), 'get');
  assert.equal(route({ method: 'HEAD', url: '/' }), 'any');
});

test('more header matches beat fewer, and cookies count as headers', () => {
  const route = router(
    rules({
      none: [{}],
      one: [{ headers: [{ name: 'A', value: '1' }] }],
      query: [{ queryParams: [{ name: 'q', value: '1' }] }],
      two: [{ headers: [{ name: 'a', value: '1' }], cookies: [{ name: 'c', value: '2' }] }],
    }),
  );
  assert.equal(
    route({
      url: '/?q=1',
      headers: [
        ['a', '1'],
        ['cookie', 'x=y; c=2'],
      ],
    }),
    'two',
  );
  assert.equal(route({ url: '/?q=1', headers: [['A', '1']] }), 'one');
  assert.equal(route({ url: '/?q=1', headers: [['A', '2']] }), 'query');
  assert.equal(route('/?q=2'), 'none');
});

test('equal rules: the earlier in the file wins, and a rule matches if any of its matches does', () => {
  const route = router(
    rules({ first: [{ path: { value: '/x' } }, { path: { value: '/y' } }], second: [{ path: { value: '/y' } }] }),
  );
  assert.equal(route('/x'), 'first');
  assert.equal(route('/y'), 'first');
});

test('strings compare as Exact, Prefix, Suffix, Contains, Present and RegularExpression, each also inverted', () => {
  const cases = [
    ['Exact', 'json', 'json', 'xjson'],
    ['Prefix', 'js', 'json', 'xjson'],
    ['Suffix', 'on', 'json', 'jsonx'],
    ['Contains', 'so', 'json', 'jon'],
    ['RegularExpression', 'j.*n', 'json', 'jsonx'],
  ] as const;
  for (const [type, value, yes, no] of cases) {
    for (const invert of [false, true]) {
      const route = router(rules({ hit: [{ headers: [{ name: 'x', type, value, invert }] }] }));
      assert.equal(route({ url: '/', headers: [['X', yes]] }), invert ? undefined : 'hit', `${type} ${yes} ${invert}`);
      assert.equal(route({ url: '/', headers: [['X', no]] }), invert ? 'hit' : undefined, `${type} ${no} ${invert}`);
      assert.equal(route('/'), invert ? 'hit' : undefined, `${type} absent ${invert}`);
    }
  }
  const present = router(rules({ hit: [{ queryParams: [{ name: 'x', type: 'Present' }] }] }));
  assert.equal(present('/?x'), 'hit');
  assert.equal(present('/?y'), undefined);
});

test('a repeated header matches as its joined list', () => {
  const route = router(rules({ hit: [{ headers: [{ name: 'accept', value: 'a, b, c' }] }] }));
  assert.equal(
    route({
      url: '/',
      headers: [
        ['Accept', 'a'],
        ['X', '1'],
        ['ACCEPT', 'b'],
        ['accept', 'c'],
      ],
    }),
    'hit',
  );
  assert.equal(route({ url: '/', headers: [['Accept', 'a, b, c']] }), 'hit');
  assert.equal(
    route({
      url: '/',
      headers: [
        ['Accept', 'b'],
        ['accept', 'a'],
      ],
    }),
    undefined,
  );
});

test('query parameters are percent-decoded, + is a space, and the first of a name counts', () => {
  const route = router(rules({ hit: [{ queryParams: [{ name: 'a b', value: 'x y/é' }] }] }));
  assert.equal(route('/?a%20b=x+y%2F%C3%A9'), 'hit');
  assert.equal(route('/?z=1&a+b=x%20y/%c3%a9&a+b=2'), 'hit');
  assert.equal(route('/?a+b=2&a+b=x+y/%C3%A9'), undefined);
  assert.equal(route('/?a+b=x+y/%C3%A'), undefined);
});

test('cookies are read from every Cookie header, blanks around pairs do not count', () => {
  const route = router(rules({ hit: [{ cookies: [{ name: 'beta', value: 'true' }] }] }));
  assert.equal(route({ url: '/', headers: [['Cookie', 'a=1;  beta=true ;c=2']] }), 'hit');
  assert.equal(
    route({
      url: '/',
      headers: [
        ['Cookie', 'a=1'],
        ['Cookie', 'beta=true'],
      ],
    }),
    'hit',
  );
  assert.equal(route({ url: '/', headers: [['Cookie', 'beta=false; beta=true']] }), undefined);
  assert.equal(route({ url: '/', headers: [['Cookie', 'xbeta=true; Beta=true; beta']] }), undefined);
});

test('a client address matches by range, of its own family only', () => {
  const route = router(rules({ hit: [{ clientAddress: ['10.0.0.0/8', '192.168.1.64/26', '2001:db8::/33'] }] }));
  for (const clientAddress of ['10.255.0.1', '192.168.1.127', '2001:db8:7fff::1', '::ffff:10.0.0.1']) {
    assert.equal(route({ url: '/', clientAddress }), 'hit', clientAddress);
  }
  for (const clientAddress of ['11.0.0.1', '192.168.1.128', '2001:db8:8000::1', undefined]) {
    assert.equal(route({ url: '/', clientAddress }), undefined, clientAddress);
  }
});

test('a TLS server name matches exactly or by wildcard, in any case', () => {
  const route = router(rules({ exact: [{ serverName: 'a.example.com' }], wild: [{ serverName: '*.example.com' }] }));
  assert.equal(route({ url: '/', serverName: 'A.example.com' }), 'exact');
  assert.equal(route({ url: '/', serverName: 'b.EXAMPLE.com' }), 'wild');
  assert.equal(route({ url: '/', serverName: 'example.com' }), undefined);
  assert.equal(route('/'), undefined);
});

test('many rules under one path are told apart by their header values', () => {
  const list = Object.fromEntries(
    Array.from({ length: 1000 }, (_, i) => [`r${i}`, [{ headers: [{ name: 'tenant', value: `t${i}` }] }]]),
  );
  const route = router(rules({ ...list, present: [{ headers: [{ name: 'tenant', type: 'Present' }] }], rest: [{}] }));
  for (const i of [0, 1, 500, 999]) assert.equal(route({ url: '/', headers: [['Tenant', `t${i}`]] }), `r${i}`);
  assert.equal(route({ url: '/', headers: [['Tenant', 't1000']] }), 'present');
  assert.equal(route('/'), 'rest');
});

test('two values with one hash are still two values', () => {
  // These two words have the same 32-bit FNV-1a hash.
  const list = ['costarring', 'liquid', 'a', 'b', 'c', 'd'].map((value) => [
    value,
    [{ headers: [{ name: 'x', value }] }],
  ]);
  const route = router(rules(Object.fromEntries(list)));
  assert.equal(route({ url: '/', headers: [['X', 'costarring']] }), 'costarring');
  assert.equal(route({ url: '/', headers: [['X', 'liquid']] }), 'liquid');
});

test('tells how long the matched prefix is', () => {
  const { table } = compile({ routes: rules({ api: [{ path: { value: '/api/v1/' } }], root: [{}] }), pools: POOLS });
  const matcher = new Matcher(table);
  matcher.match(matchRequest({ url: '/api/v1/x' }));
  assert.equal(matcher.prefixBytes, 7);
  matcher.match(matchRequest({ url: '/x' }));
  assert.equal(matcher.prefixBytes, 0);
});

test('refuses a block that is no table, of another version, or cut short', () => {
  const { table } = compile({ routes: rules({ root: [{}] }), pools: POOLS });
  assert.throws(() => new Matcher(new SharedArrayBuffer(8)), /Not a routing table/);
  assert.throws(() => new Matcher(new SharedArrayBuffer(4096)), /Not a routing table/);
  const longer = new SharedArrayBuffer(table.byteLength + 4);
  new Uint8Array(longer).set(new Uint8Array(table));
  assert.throws(() => new Matcher(longer), /cut short/);
  new Int32Array(table)[1] = 99;
  assert.throws(() => new Matcher(table), /version 99/);
});
