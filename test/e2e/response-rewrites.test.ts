// LocationRewrite and CookieRewrite: places in responses, said as clients see them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import { fieldValue, fieldValues, type Message } from '../support/messages.js';
import { type RunningProxy, startProxy } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

describe('places in responses', { concurrency: 1 }, () => {
  let origin: RawOrigin;
  let proxy: RunningProxy;
  /** What the origin says next. */
  let lines: readonly string[] = [];

  before(async () => {
    origin = await startAnswers((_request, visit) => visit.socket.write(ok('fine', ...lines), 'latin1'));
    const at = (value: string) => ({ matches: [{ path: { value } }], pool: 'main' });
    proxy = await startProxy({
      routes: [
        {
          rules: [
            { ...at('/plain') },
            {
              ...at('/app'),
              filters: [
                {
                  type: 'LocationRewrite',
                  locationRewrite: {
                    rewrites: [
                      { from: 'http://10.0.0.1:8080/inner/', to: '/app' },
                      { from: 'http://10.0.0.1:8080', to: 'https://shop.example' },
                      { pattern: '^https?://([a-z]+)\\.internal(/.*)?$', substitution: '/\\1\\2' },
                      { from: '/', to: '/app/' },
                    ],
                  },
                },
                {
                  type: 'CookieRewrite',
                  cookieRewrite: {
                    paths: [
                      { from: '/inner', to: '/app' },
                      { from: '/', to: '/all' },
                    ],
                    domains: [
                      { from: 'Internal.example', to: 'shop.example' },
                      { from: 'gone.example', to: '' },
                    ],
                  },
                },
                {
                  type: 'ResponseHeaderModifier',
                  responseHeaderModifier: { set: [{ name: 'Refresh', value: '9' }], remove: ['Content-Location'] },
                },
              ],
            },
            {
              ...at('/places'),
              filters: [
                { type: 'LocationRewrite', locationRewrite: { rewrites: [{ from: 'http://a', to: '/' }] } },
                { type: 'CookieRewrite', cookieRewrite: { domains: [{ from: '*', to: '' }] } },
              ],
            },
          ],
        },
      ],
      pools: { main: { servers: [{ address: origin.address }] } },
    });
  });
  after(async () => {
    await proxy.stop();
    await origin.close();
  });

  const answer = (path: string, ...said: readonly string[]): Promise<Message> => {
    lines = said;
    return ask(proxy.place, get(path));
  };
  const location = async (path: string, place: string): Promise<string | undefined> =>
    fieldValue(await answer(path, `Location: ${place}`), 'location');

  test('Location: the first rewrite that fits is applied, by whole elements', async () => {
    assert.equal(
      await location('/app', 'http://10.0.0.1:8080/inner/x?y=http://10.0.0.1:8080/#z'),
      '/app/x?y=http://10.0.0.1:8080/#z',
    );
    assert.equal(await location('/app', 'http://10.0.0.1:8080/inner'), '/app');
    assert.equal(await location('/app', 'http://10.0.0.1:8080/innermost'), 'https://shop.example/innermost');
    assert.equal(await location('/app', 'http://10.0.0.1:8080?q'), 'https://shop.example?q');
    assert.equal(await location('/app', 'http://10.0.0.1:80801/x'), 'http://10.0.0.1:80801/x');
    assert.equal(await location('/app', 'https://cart.internal/x'), '/cart/x');
    assert.equal(await location('/app', '/login'), '/app/login');
    assert.equal(await location('/app', '/'), '/app/');
    assert.equal(await location('/app', 'login'), 'login');
    assert.equal(await location('/app', 'https://elsewhere.example/'), 'https://elsewhere.example/');
  });

  test('Location: what was a path behind a host never becomes a host', async () => {
    assert.equal(await location('/places', 'http://a//evil.example/'), '/evil.example/');
    assert.equal(
      await location('/places', 'http://a/\\evil.example/'),
      '/evil.example/',
      'browsers take it for a slash',
    );
    assert.equal(await location('/places', 'http://a/\t/evil.example/'), '/evil.example/', 'and drop tabs');
    assert.equal(await location('/places', 'http://a'), '/');
    assert.equal(
      await location('/app', '//evil.example/x'),
      '//evil.example/x',
      'a host that the server named stays one',
    );
    assert.equal(await location('/app', 'http://x.internal//evil.example/'), '/x//evil.example/');
  });

  test('Content-Location and Refresh are places too', async () => {
    const response = await answer('/places', 'Content-Location: http://a/doc', 'Refresh: 5; url=http://a/next');
    assert.equal(fieldValue(response, 'content-location'), '/doc');
    assert.equal(fieldValue(response, 'refresh'), '5; url=/next');
    const quoted = await answer('/places', 'Refresh: 0;URL="http://a/next?x"');
    assert.equal(fieldValue(quoted, 'refresh'), '0;URL="/next?x"');
    assert.equal(fieldValue(await answer('/places', 'Refresh: 5'), 'refresh'), '5');
  });

  test('Set-Cookie: Path and Domain change, all else and the other cookies stay', async () => {
    const response = await answer(
      '/app',
      'Set-Cookie: a=1; Path=/inner/x; HttpOnly; domain=.INTERNAL.example; Secure',
      'X-Other: kept',
      'Set-Cookie: b=Path=/inner; path=/; Domain=gone.example',
      'Set-Cookie: c=3; Domain=other.example; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
      'Set-Cookie: d=caf\xe9; Path=/innermost',
    );
    assert.deepEqual(fieldValues(response, 'set-cookie'), [
      'a=1; Path=/app/x; HttpOnly; domain=shop.example; Secure',
      'b=Path=/inner; path=/all',
      'c=3; Domain=other.example; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
      'd=caf\xe9; Path=/all/innermost',
    ]);
    assert.equal(fieldValue(response, 'x-other'), 'kept');
    const all = await answer('/places', 'Set-Cookie: a=1; Domain=any.example; Path=/x');
    assert.deepEqual(fieldValues(all, 'set-cookie'), ['a=1; Path=/x']);
  });

  test('what the rule sets or removes goes before, and rules without the filters change nothing', async () => {
    const response = await answer('/app', 'Content-Location: /x', 'Refresh: 1; url=/y', 'Location: /z');
    assert.deepEqual(fieldValues(response, 'content-location'), []);
    assert.deepEqual(fieldValues(response, 'refresh'), ['9']);
    assert.equal(fieldValue(response, 'location'), '/app/z');
    assert.equal(await location('/plain', 'http://10.0.0.1:8080/inner/x'), 'http://10.0.0.1:8080/inner/x');
  });

  test('a field that Connection names does not come back', async () => {
    const response = await answer('/app', 'Connection: Location', 'Location: /x');
    assert.equal(fieldValue(response, 'location'), undefined);
  });
});
