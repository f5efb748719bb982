// What becomes of paths on their way: runs of slashes by listener and rule, and rewrites by expressions.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import type { RawOrigin } from '../origins/raw.js';
import { fieldValue } from '../support/messages.js';
import { type RunningProxy, startProxy, useProxy } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

let origin: RawOrigin;
before(async () => {
  origin = await startAnswers();
});
after(() => origin.close());

/** The target that the origin got, or the status of an answer without it. */
const seen = async (proxy: RunningProxy, path: string, listener = 0): Promise<string> => {
  const count = origin.requests.length;
  const response = await ask(proxy.listeners[listener]!, get(path));
  return origin.requests[count]?.startLine.split(' ')[1] ?? response.startLine.split(' ')[1]!;
};
const at = (value: string) => ({ matches: [{ path: { value } }] });
const rewrite = (path: object) => ({ filters: [{ type: 'URLRewrite', urlRewrite: { path } }] });
const redirect = (path: object) => ({ filters: [{ type: 'RequestRedirect', requestRedirect: { path } }] });
const regex = (pattern: string, substitution: string) => ({
  type: 'ReplaceRegexMatch',
  replaceRegexMatch: { pattern, substitution },
});

describe('runs of slashes', { concurrency: 1 }, () => {
  let proxy: RunningProxy;
  const KEEPS = 1;
  const REFUSES = 2;

  before(async () => {
    proxy = await startProxy({
      listeners: [{}, { repeatedSlashes: 'keep' }, { repeatedSlashes: 'refuse' }],
      routes: [
        {
          rules: [
            { pool: 'main' },
            { ...at('/admin'), filters: [{ type: 'DirectResponse', directResponse: { status: 403 } }] },
            { ...at('/kept'), pool: 'main', repeatedSlashes: 'keep' },
            { ...at('/refused'), pool: 'main', repeatedSlashes: 'refuse' },
            { ...at('/merged'), pool: 'main', repeatedSlashes: 'merge' },
            {
              ...at('/fetch'),
              pool: 'main',
              repeatedSlashes: 'keep',
              ...rewrite({ type: 'ReplacePrefixMatch', replacePrefixMatch: '/proxy' }),
            },
            {
              ...at('/moved'),
              repeatedSlashes: 'keep',
              filters: [{ type: 'RequestRedirect', requestRedirect: { hostname: 'b.example' } }],
            },
          ],
        },
      ],
      pools: { main: { servers: [{ address: origin.address }] } },
    });
  });
  after(() => proxy.stop());

  test('are merged by default, as rules see them', async () => {
    assert.equal(await seen(proxy, '//a///b//?x=//y'), '/a/b/?x=//y');
  });

  test('go on as they came where the listener or the rule keeps them', async () => {
    assert.equal(await seen(proxy, '/fetch-/https://x.example//y', KEEPS), '/fetch-/https://x.example//y');
    assert.equal(await seen(proxy, '//a///b//?x=//y', KEEPS), '//a///b//?x=//y');
    assert.equal(await seen(proxy, '/kept//a//?X-Amz-Signature=0//1'), '/kept//a//?X-Amz-Signature=0//1');
    assert.equal(await seen(proxy, '/%6bept//%61/./b/../c%c3%a9'), '/kept//a/c%C3%A9');
  });

  test('never lead around a rule', async () => {
    for (const path of ['//admin', '/admin//x', '///admin', '/x/..//admin', '/x//..//admin']) {
      for (const listener of [0, KEEPS, REFUSES]) {
        assert.match(await seen(proxy, path, listener), /^(400|403)$/, `${path} at ${listener}`);
      }
    }
  });

  test('with .. behind an empty element are refused where they are kept, since readers disagree', async () => {
    for (const path of ['/kept//../x', '/kept/a//%2e%2e/x', '/kept//..', '/kept//./../x']) {
      assert.equal(await seen(proxy, path, KEEPS), '400', path);
    }
    assert.equal(await seen(proxy, '/kept//a/../x'), '/kept//x');
    assert.equal(
      await seen(proxy, '/merged/a//../x', KEEPS),
      '/merged/x',
      'a rule that merges goes by its own reading',
    );
  });

  test('are refused where the listener or the rule says so, and the rule wins', async () => {
    assert.equal(await seen(proxy, '/a//b', REFUSES), '400');
    assert.equal(await seen(proxy, '/a/b?x=//', REFUSES), '/a/b?x=//');
    assert.equal(await seen(proxy, '/refused//a'), '400');
    assert.equal(await seen(proxy, '/refused/a'), '/refused/a');
    assert.equal(await seen(proxy, '/kept//a', REFUSES), '/kept//a');
    assert.equal(await seen(proxy, '/merged//a', REFUSES), '/merged/a');
  });

  test('that are kept stay behind a prefix that is replaced', async () => {
    assert.equal(await seen(proxy, '/fetch/https://x.example//y?q'), '/proxy/https://x.example//y?q');
    assert.equal(await seen(proxy, '//fetch//https://x'), '/proxy//https://x');
    assert.equal(await seen(proxy, '/fetch'), '/proxy');
  });

  test('that are kept stand in redirects too', async () => {
    const response = await ask(proxy.place, get('/moved/https://x//y', 'Host: a.example'));
    assert.equal(fieldValue(response, 'location'), 'http://b.example/moved/https://x//y');
  });

  test('of long paths are kept, or the target is too long: nothing is cut', async () => {
    const long = `/kept//${'a'.repeat(3500)}//?${'q'.repeat(3000)}`;
    assert.equal(await seen(proxy, long), long);
    const quoted = `/kept//${'"'.repeat(3500)}`;
    assert.equal(await seen(proxy, quoted), '414');
  });
});

describe('a rewrite by an expression', { concurrency: 1 }, () => {
  test('puts captures where the substitution says, in every match, and leaves the query', async (t) => {
    const proxy = await useProxy(t, {
      routes: [
        {
          rules: [
            { ...at('/'), pool: 'main' },
            { ...at('/service'), pool: 'main', ...rewrite(regex('^/service/([^/]+)(/.*)$', '\\2/instance/\\1')) },
            { ...at('/dots'), pool: 'main', ...rewrite(regex('\\.', '-')) },
            { ...at('/bare'), pool: 'main', ...rewrite(regex('^/bare/(.*)$', '\\1')) },
            { ...at('/up'), pool: 'main', ...rewrite(regex('^/up/(.*)$', '/a/../\\1')) },
            { ...at('/climb'), pool: 'main', ...rewrite(regex('^/climb', '/..;')) },
            { ...at('/grow'), pool: 'main', ...rewrite(regex('x', 'y'.repeat(2000))) },
            { ...at('/back'), pool: 'main', ...rewrite(regex('b(.)ck', '\\0\\\\\\1')) },
            { ...at('/kept'), pool: 'main', repeatedSlashes: 'keep', ...rewrite(regex('^/kept(.*)$', '/k\\1')) },
            { ...at('/old'), ...redirect(regex('^/old/(\\d+)', '/new/\\1')) },
          ],
        },
      ],
      pools: { main: { servers: [{ address: origin.address }] } },
    });
    assert.equal(await seen(proxy, '/service/foo/v1/api?x=/service/y/z'), '/v1/api/instance/foo?x=/service/y/z');
    assert.equal(await seen(proxy, '/service/foo'), '/service/foo', 'no match leaves it');
    assert.equal(await seen(proxy, '/dots/a.b.c'), '/dots/a-b-c');
    assert.equal(await seen(proxy, '/bare/x'), '/x', 'a path begins with a slash');
    assert.equal(await seen(proxy, '/up/x'), '/x', 'what comes out is brought into normal form');
    assert.equal(await seen(proxy, '/climb/x'), '400');
    assert.equal(await seen(proxy, `/grow/${'x'.repeat(20)}`), '414');
    assert.equal(await seen(proxy, '/back'), '400', 'a backslash is in no path');
    assert.equal(await seen(proxy, '/kept//a//b'), '/k//a//b');
    assert.equal(await seen(proxy, '/caf%c3%a9'), '/caf%C3%A9');
    const response = await ask(proxy.place, get('/old/17?x', 'Host: a.example'));
    assert.equal(fieldValue(response, 'location'), 'http://a.example/new/17?x');
  });

  test('takes time linear in the path, whatever the expression', async (t) => {
    const proxy = await useProxy(t, {
      routes: [{ rules: [{ pool: 'main', ...rewrite(regex('^/(a+)+$', '/x')) }] }],
      pools: { main: { servers: [{ address: origin.address }] } },
    });
    const path = `/${'a'.repeat(4000)}!`;
    assert.equal(await seen(proxy, path), path);
  });
});
