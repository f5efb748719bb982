// Answers of the proxy's own: which of a rule's filters apply to them, and where redirects lead.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { start as startNeverAnswers } from '../origins/never-answers.js';
import { freePlace, written } from '../support/addresses.js';
import { fieldValue, fieldValues } from '../support/messages.js';
import { startProxy, use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

/** Where nobody listens. */
const unusedAddress = (): string => written(freePlace());

/** Filled in by the proxy, not here. */
const PATH = ['$', '{path}'].join('');

const CORS = {
  type: 'ResponseHeaderModifier',
  responseHeaderModifier: {
    set: [
      { name: 'Access-Control-Allow-Origin', value: 'https://app.example' },
      { name: 'Content-Type', value: 'text/x-own' },
      { name: 'X-Path', value: PATH },
    ],
    add: [{ name: 'Vary', value: 'Origin' }],
    remove: ['X-Request-Id'],
  },
};

describe('a ResponseHeaderModifier applies to local replies', () => {
  test('of errors, redirects and direct responses alike, and each field comes once', async (t) => {
    const silent = await use(t, startNeverAnswers());
    const proxy = await useProxy(t, {
      routes: [
        {
          rules: [
            { matches: [{ path: { value: '/down' } }], pool: 'down', filters: [CORS] },
            {
              matches: [{ path: { value: '/silent' } }],
              pool: 'silent',
              timeouts: { request: '80ms' },
              filters: [CORS],
            },
            {
              matches: [{ path: { value: '/elsewhere' } }],
              filters: [{ type: 'RequestRedirect', requestRedirect: { hostname: 'b.example' } }, CORS],
            },
            {
              matches: [{ path: { value: '/said' } }],
              filters: [{ type: 'DirectResponse', directResponse: { status: 418, body: 'short' } }, CORS],
            },
          ],
        },
      ],
      pools: {
        down: { servers: [{ address: unusedAddress() }] },
        silent: { servers: [{ address: silent.address }] },
      },
    });
    for (const [path, status] of [
      ['/down', 502],
      ['/silent', 504],
      ['/elsewhere', 302],
      ['/said', 418],
    ] as const) {
      const response = await ask(proxy.place, get(path));
      assert.match(response.startLine, new RegExp(` ${status} `), path);
      assert.deepEqual(fieldValues(response, 'access-control-allow-origin'), ['https://app.example'], path);
      assert.deepEqual(fieldValues(response, 'vary'), ['Origin'], path);
      assert.deepEqual(fieldValues(response, 'content-type'), ['text/x-own'], path);
      assert.deepEqual(fieldValues(response, 'x-path'), [path]);
      assert.deepEqual(fieldValues(response, 'x-request-id'), [], path);
      assert.equal(fieldValues(response, 'date').length, 1, path);
      assert.equal(fieldValues(response, 'content-length').length, 1, path);
    }
    const unruled = await ask(proxy.place, get('/nowhere'));
    assert.match(unruled.startLine, / 404 /);
    assert.equal(fieldValue(unruled, 'access-control-allow-origin'), undefined);
    assert.notEqual(fieldValue(unruled, 'x-request-id'), undefined);
  });

  test('but not to what is refused before a rule is found, on a connection where one was found before', async (t) => {
    const proxy = await useProxy(t, {
      routes: [{ rules: [{ matches: [{ path: { value: '/down' } }], pool: 'down', filters: [CORS] }] }],
      pools: { down: { servers: [{ address: unusedAddress() }] } },
    });
    const client = await WireClient.connect(proxy.place);
    assert.equal(fieldValue(await client.exchange(get('/down')), 'vary'), 'Origin');
    const refused = await client.exchange('GET / HTTP/1.1\r\n\r\n');
    assert.match(refused.startLine, / 400 /);
    assert.equal(fieldValue(refused, 'vary'), undefined);
    client.close();
  });
});

describe('a redirect', () => {
  const redirecting = (requestRedirect: object, trusted = false) => ({
    routes: [
      {
        rules: [
          { matches: [{ path: { value: '/' } }], filters: [{ type: 'RequestRedirect', requestRedirect }] },
          { matches: [{ path: { value: '/unused' } }], pool: 'unused' },
        ],
      },
    ],
    pools: { unused: { servers: [{ address: unusedAddress() }] } },
    ...(trusted ? { trustedProxies: ['127.0.0.0/8'] } : {}),
  });
  const NEW = { path: { type: 'ReplaceFullPath', replaceFullPath: '/new' } };
  const old = (...lines: string[]): string => get('/old', 'Host: a.example', ...lines);

  test('without a scheme has the one that a trusted proxy says', async (t) => {
    const proxy = await useProxy(t, redirecting(NEW, true));
    const location = async (...lines: string[]) => fieldValue(await ask(proxy.place, old(...lines)), 'location');
    assert.equal(await location('X-Forwarded-Proto: https'), 'https://a.example/new');
    assert.equal(await location('X-Forwarded-Proto: HTTPS, http'), 'https://a.example/new');
    assert.equal(await location('X-Forwarded-Proto: http'), 'http://a.example/new');
    assert.equal(await location('X-Forwarded-Proto: javascript'), 'http://a.example/new');
    assert.equal(await location(), 'http://a.example/new');
  });

  test('without a scheme ignores what a stranger says', async (t) => {
    const proxy = await useProxy(t, redirecting(NEW));
    assert.equal(
      fieldValue(await ask(proxy.place, old('X-Forwarded-Proto: https')), 'location'),
      'http://a.example/new',
    );
  });

  test('of a request without a host is a path alone', async (t) => {
    const proxy = await useProxy(t, redirecting(NEW));
    for (const request of ['GET /old?q=1 HTTP/1.0\r\n\r\n', 'GET /old?q=1 HTTP/1.1\r\nHost:\r\n\r\n']) {
      const response = await ask(proxy.place, request);
      assert.match(response.startLine, / 302 /);
      assert.equal(fieldValue(response, 'location'), '/new?q=1');
    }
  });

  test('of a request without a host never leads to the host in its path', async (t) => {
    const proxy = await useProxy(t, redirecting({ path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } }));
    const response = await ask(proxy.place, 'GET //evil.example/ HTTP/1.0\r\n\r\n');
    assert.equal(fieldValue(response, 'location'), '/evil.example/');
  });

  test('to another scheme or port needs a host', async (t) => {
    for (const redirect of [{ scheme: 'https' }, { port: 8443 }]) {
      const proxy = await useProxy(t, redirecting(redirect));
      const response = await ask(proxy.place, 'GET /old HTTP/1.0\r\n\r\n');
      assert.match(response.startLine, / 400 /);
      assert.match(response.body, /REDIRECT_HOST_MISSING/);
    }
    const named = await useProxy(t, redirecting({ scheme: 'https', hostname: 'b.example' }));
    assert.equal(fieldValue(await ask(named.place, 'GET /old HTTP/1.0\r\n\r\n'), 'location'), 'https://b.example/old');
  });
});

test('a rule whose weights are all 0 answers 500, and the start warns of it', async (t) => {
  const proxy = await startProxy({
    routes: [{ rules: [{ backendRefs: [{ pool: 'down', weight: 0 }] }] }],
    pools: { down: { servers: [{ address: unusedAddress() }] } },
  });
  t.after(async () => {
    proxy.process.kill('SIGTERM');
    await proxy.process.exited(10_000);
  });
  const response = await ask(proxy.place, get('/'));
  assert.match(response.startLine, / 500 /);
  assert.match(response.body, /\(POOL_UNKNOWN, /);
  assert.match(proxy.process.stderr, /Every weight is 0\.\n {2}Every request that matches is answered with 500\./);
});
