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

test('refuses a configuration that is wrong', () => {
  assert.throws(() => compile({ ...config, listeners: [] }), ConfigError);
});
