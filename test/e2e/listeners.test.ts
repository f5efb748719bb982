// Routes bound to listeners, and a listener that redirects all but what it must not.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import type { Place } from '../support/addresses.js';
import { fieldValue, statusOf } from '../support/messages.js';
import { describeProduct, type RunningProxy, startProxy, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const everything = { type: 'RequestRedirect', requestRedirect: { scheme: 'https', port: 8443, statusCode: 301 } };
const main = { servers: [] as { address: string }[] };
const ACME = '/.well-known/acme-challenge';

describeProduct('listeners with names', () => {
  let origin: RawOrigin;
  before(async () => {
    origin = await startAnswers((request, visit) => void visit.socket.write(ok(request.startLine)));
    main.servers = [{ address: origin.address }];
  });
  after(() => origin.close());

  const spec = (plain: string, inner: string) => ({
    listeners: [{ name: plain }, { name: inner }, {}],
    routes: [
      { listeners: [plain], rules: [{ filters: [everything] }] },
      {
        listeners: [inner],
        hostnames: ['shop.example'],
        rules: [{ matches: [{ path: { value: '/api/v1' } }], pool: 'main' }],
      },
      // For every listener, the one without a name too.
      { hostnames: ['other.example'], rules: [{ pool: 'main' }] },
      {
        listeners: [plain, inner],
        rules: [
          {
            matches: [{ path: { value: '/both' } }],
            filters: [{ type: 'DirectResponse', directResponse: { status: 204 } }],
          },
        ],
      },
    ],
    pools: { main },
  });
  const statusAt = async (place: Place, path: string): Promise<number> =>
    statusOf(await ask(place, get(path, 'Host: shop.example')));

  test('a route is for its listeners alone: a redirect does not lose to a longer prefix elsewhere', async (t) => {
    const proxy = await useProxy(t, spec('plain', 'inner'));
    const [plain, inner, unnamed] = proxy.listeners;
    assert.equal(await statusAt(plain!, '/api/v1/x'), 301);
    assert.equal(await statusAt(inner!, '/api/v1/x'), 200);
    assert.equal(await statusAt(unnamed!, '/api/v1/x'), 404);
    assert.equal(await statusAt(plain!, '/both'), 204);
    assert.equal(await statusAt(inner!, '/both'), 204);
    assert.equal(await statusAt(inner!, '/'), 404);
    assert.equal(await statusAt(unnamed!, '/both'), 404);
    for (const place of proxy.listeners) {
      assert.equal(statusOf(await ask(place, get('/', 'Host: other.example'))), 200);
    }
  });

  test('after a reload a listener has the routes of its new name, also on connections that stand', async (t) => {
    const proxy = await useProxy(t, spec('plain', 'inner'));
    const client = await WireClient.connect(proxy.listeners[0]!);
    const request = get('/api/v1', 'Host: shop.example');
    assert.equal(statusOf(await client.exchange(request)), 301);
    await proxy.reload(spec('inner', 'plain'));
    // The routes were swapped with the names: the first listener redirects still, by its new name.
    assert.equal(statusOf(await client.exchange(request)), 301);
    const { listeners, ...rest } = spec('plain', 'inner');
    await proxy.reload({ ...rest, listeners: [listeners[1]!, listeners[0]!, {}] });
    assert.equal(statusOf(await client.exchange(request)), 200);
    client.close();
  });
});

describeProduct('redirectToHttps', () => {
  let origin: RawOrigin;
  let proxy: RunningProxy;
  before(async () => {
    origin = await startAnswers((request, visit) => void visit.socket.write(ok(request.startLine)));
    proxy = await startProxy({
      listeners: [{ redirectToHttps: 443, redirectToHttpsExcept: [`${ACME}/`, '/health'] }, { redirectToHttps: 443 }],
      routes: [{ rules: [{ pool: 'main' }] }],
      pools: { main: { servers: [{ address: origin.address }] } },
      trustedProxies: ['127.0.0.1'],
    });
  });
  after(async () => {
    await proxy.stop();
    await origin.close();
  });

  const where = async (path: string, fields: string[] = [], from = '127.0.0.2', nth = 0): Promise<string> => {
    const client = await WireClient.connect(proxy.listeners[nth]!, { localAddress: from });
    const response = await client.exchange(get(path, 'Host: shop.example', ...fields));
    client.close();
    return fieldValue(response, 'location') ?? response.body;
  };

  test('what is excepted is routed, by whole elements and in normal form', async () => {
    assert.equal(await where(`${ACME}/token?x`), `GET ${ACME}/token?x HTTP/1.1`);
    assert.equal(await where('/health'), 'GET /health HTTP/1.1');
    assert.equal(await where('/%68ealth/x'), 'GET /health/x HTTP/1.1');
    assert.equal(await where('/healthy'), 'https://shop.example/healthy');
    assert.equal(await where(`${ACME}-not`), `https://shop.example${ACME}-not`);
    assert.equal(await where(`${ACME}/../../admin`), `https://shop.example${ACME}/../../admin`);
    assert.equal(await where('/'), 'https://shop.example/');
    assert.equal(await where(`${ACME}/token`, [], '127.0.0.2', 1), `https://shop.example${ACME}/token`);
  });

  test('what came to a trusted proxy by https is routed: there is no loop', async () => {
    for (const field of [
      'X-Forwarded-Proto: https',
      'X-Forwarded-Proto: HTTPS, http',
      'Forwarded: for=203.0.113.9;proto=https',
      'Forwarded: for="a;proto=http";Proto="https", for=10.0.0.1;proto=http',
    ]) {
      for (const nth of [0, 1]) assert.equal(await where('/x', [field], '127.0.0.1', nth), 'GET /x HTTP/1.1', field);
    }
    for (const field of [
      'X-Forwarded-Proto: http',
      'X-Forwarded-Proto: http, https',
      'X-Forwarded-Proto: httpsx',
      'X-Forwarded-Proto:',
      'Forwarded: for=203.0.113.9;by="proto=https"',
      'Forwarded: for=203.0.113.9, proto=https',
      'X-Other: https',
    ]) {
      assert.equal(await where('/x', [field], '127.0.0.1'), 'https://shop.example/x', field);
    }
  });

  test('a stranger that says https is redirected all the same', async () => {
    assert.equal(await where('/x', ['X-Forwarded-Proto: https', 'Forwarded: proto=https']), 'https://shop.example/x');
  });
});
