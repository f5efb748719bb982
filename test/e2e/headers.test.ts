// What a request and a response carry besides what was sent: the fields the proxy sets, replaces and drops.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { start as startEcho } from '../origins/json-echo.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import { fieldValue, fieldValues, type Message } from '../support/messages.js';
import { type RunningProxy, startProxy, use, useProxy } from '../support/proxy.js';
import { ask, askThrough, get, WireClient } from '../support/wire-client.js';

const SPOOFED = [
  'X-Forwarded-For: 203.0.113.9',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: spoofed.example',
  'X-Forwarded-Port: 443',
  'X-Request-Id: from-the-client',
];

describe('fields', { concurrency: 1 }, () => {
  let origin: RawOrigin;
  let strict: RunningProxy;
  let trusting: RunningProxy;

  before(async () => {
    origin = await startAnswers((request, visit) => {
      const hop = request.startLine.includes('/hop')
        ? ['Connection: X-Drop-Me, keep-alive', 'X-Drop-Me: now', 'Keep-Alive: timeout=1', 'Proxy-Authenticate: Basic']
        : [];
      visit.socket.write(ok('fine', 'Server: origin', 'Date: Thu, 01 Jan 1970 00:00:00 GMT', ...hop));
    });
    strict = await startProxy({ servers: [origin.address] });
    trusting = await startProxy({ servers: [origin.address], trustedProxies: ['127.0.0.0/8'] });
  });
  after(async () => {
    await Promise.all([strict.stop(), trusting.stop()]);
    await origin.close();
  });

  /** The request as the origin saw it, and the response as the client did. */
  const through = async (proxy: RunningProxy, asked: string): Promise<{ request: Message; response: Message }> => {
    const { request, response } = await askThrough(origin, proxy.place, asked);
    return { request: request!, response };
  };

  test('a request gets X-Forwarded-For, -Proto, -Host, -Port, X-Request-Id and Via', async () => {
    const { request } = await through(strict, get('/', 'Host: shop.example:81'));
    assert.equal(fieldValue(request, 'x-forwarded-for'), '127.0.0.1');
    assert.equal(fieldValue(request, 'x-forwarded-proto'), 'http');
    assert.equal(fieldValue(request, 'x-forwarded-host'), 'shop.example:81');
    assert.equal(fieldValue(request, 'x-forwarded-port'), String(strict.place.port));
    assert.match(fieldValue(request, 'x-request-id') ?? '', /^[\w-]{16,}$/);
    assert.match(fieldValue(request, 'via') ?? '', /^1\.1 \S+/);
  });

  for (const [who, proxy] of [
    ['a stranger', () => strict],
    ['a trusted proxy', () => trusting],
  ] as const) {
    test(`a name that servers fold to one of ours does not pass, from ${who} either`, async () => {
      const { request } = await through(
        proxy(),
        get(
          '/',
          'X_Forwarded_For: 203.0.113.9',
          'x-request_id: chosen',
          'Content_Length: 7',
          'X.Real.IP: 203.0.113.9',
          'X_Other: 1',
        ),
      );
      const values = request.fields.map(([, value]) => value);
      assert.ok(!values.includes('203.0.113.9'), String(request.fields));
      assert.ok(!values.includes('chosen') && !values.includes('7'), String(request.fields));
      assert.equal(fieldValue(request, 'x_other'), '1');
    });
  }

  test('Host passes as it was sent', async () => {
    const { request } = await through(strict, get('/', 'Host: ShOp.example:81'));
    assert.equal(fieldValue(request, 'host'), 'ShOp.example:81');
  });

  test('request ids differ', async () => {
    const ids = new Set<string | undefined>();
    for (let i = 0; i < 50; i++) ids.add(fieldValue((await through(strict, get())).request, 'x-request-id'));
    assert.equal(ids.size, 50);
  });

  test('what a stranger claims about itself is replaced', async () => {
    const { request } = await through(strict, get('/', 'Host: real.example', ...SPOOFED));
    assert.equal(fieldValue(request, 'x-forwarded-for'), '127.0.0.1');
    assert.equal(fieldValue(request, 'x-forwarded-proto'), 'http');
    assert.equal(fieldValue(request, 'x-forwarded-host'), 'real.example');
    assert.equal(fieldValue(request, 'x-forwarded-port'), String(strict.place.port));
    assert.notEqual(fieldValue(request, 'x-request-id'), 'from-the-client');
  });

  test('repeated claims of a stranger are all replaced', async () => {
    const { request } = await through(strict, get('/', ...SPOOFED, ...SPOOFED.map((line) => line.toLowerCase())));
    for (const line of SPOOFED)
      assert.equal(fieldValues(request, line.slice(0, line.indexOf(':')).toLowerCase()).length, 1);
    assert.equal(fieldValue(request, 'x-forwarded-for'), '127.0.0.1');
  });

  test('a trusted proxy is believed, and its client chain goes on', async () => {
    const { request } = await through(trusting, get('/', 'Host: real.example', ...SPOOFED));
    assert.equal(fieldValues(request, 'x-forwarded-for').join(', '), '203.0.113.9, 127.0.0.1');
    assert.equal(fieldValue(request, 'x-forwarded-proto'), 'https');
    assert.equal(fieldValue(request, 'x-forwarded-host'), 'spoofed.example');
    assert.equal(fieldValue(request, 'x-forwarded-port'), '443');
    assert.equal(fieldValue(request, 'x-request-id'), 'from-the-client');
  });

  test('Via goes on after those of trusted proxies before, and replaces those of a stranger', async () => {
    const { request } = await through(trusting, get('/', 'Via: 1.0 first.example'));
    assert.match(fieldValues(request, 'via').join(', '), /^1\.0 first\.example, 1\.1 \S+/);
    const replaced = await through(strict, get('/', 'Via: 1.0 first.example'));
    assert.match(fieldValues(replaced.request, 'via').join(', '), /^1\.1 \S+$/);
  });

  test('hop-by-hop fields go, and those that Connection names, in any case', async () => {
    const { request } = await through(
      strict,
      get(
        '/',
        'Connection: close, X-One',
        'connection: x-TWO',
        'X-One: 1',
        'x-two: 2',
        'X-Three: 3',
        'Keep-Alive: timeout=9',
        'Proxy-Connection: close',
        'TE: gzip',
      ),
    );
    for (const name of ['x-one', 'x-two', 'keep-alive', 'proxy-connection', 'te', 'upgrade']) {
      assert.deepEqual(fieldValues(request, name), [], name);
    }
    assert.equal(fieldValue(request, 'x-three'), '3');
    assert.doesNotMatch(fieldValues(request, 'connection').join(), /x-|close/i);
  });

  test('hop-by-hop fields go for each of many clients at once, and for nobody else', async () => {
    // More than there are idle backend connections, so that heads wait for new ones while others are read.
    const clients = await Promise.all(Array.from({ length: 64 }, () => WireClient.connect(strict.place)));
    const count = origin.requests.length;
    await Promise.all(
      clients.map((client, i) =>
        client.exchange(get(`/${i}`, ...(i % 2 ? ['Connection: X-Tag'] : []), 'X-Tag: yes', `X-Even: ${i % 2 === 0}`)),
      ),
    );
    for (const client of clients) client.close();
    for (const request of origin.requests.slice(count)) {
      const wanted = fieldValue(request, 'x-even') === 'true' ? 'yes' : undefined;
      assert.equal(fieldValue(request, 'x-tag'), wanted, request.startLine);
    }
  });

  test('Connection cannot take away what the proxy sets or what frames the message', async () => {
    const { request } = await through(
      strict,
      'POST / HTTP/1.1\r\nHost: real.example\r\nConnection: X-Forwarded-For, X-Request-Id, Host, Content-Length, Via\r\nContent-Length: 3\r\n\r\nabc',
    );
    assert.equal(fieldValue(request, 'x-forwarded-for'), '127.0.0.1');
    assert.equal(fieldValue(request, 'host'), 'real.example');
    assert.notEqual(fieldValue(request, 'x-request-id'), undefined);
    assert.notEqual(fieldValue(request, 'via'), undefined);
    assert.equal(request.body, 'abc');
  });

  test('Upgrade without Connection: upgrade goes no further', async () => {
    const { request } = await through(strict, get('/', 'Upgrade: websocket'));
    assert.deepEqual(fieldValues(request, 'upgrade'), []);
  });

  test('hop-by-hop fields of a response go, the others stay', async () => {
    const { response } = await through(strict, get('/hop'));
    assert.deepEqual(fieldValues(response, 'x-drop-me'), []);
    assert.deepEqual(fieldValues(response, 'keep-alive'), []);
    assert.equal(fieldValue(response, 'server'), 'origin');
    assert.equal(fieldValue(response, 'date'), 'Thu, 01 Jan 1970 00:00:00 GMT');
  });
});

test('trailers that a server could take for what we say, or for framing, do not go on, in any spelling', async (t) => {
  const origin = await use(t, startEcho());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const lies = [
    ...SPOOFED,
    'Forwarded: for=203.0.113.9',
    'X-Real-Ip: 203.0.113.9',
    'X_Forwarded_For: 203.0.113.9',
    'X-Forwarded_Proto: https',
    'x_real_ip: 203.0.113.9',
    'x.request.id: from-the-client',
    'Content_Length: 50',
    'Transfer_Encoding: chunked',
  ];
  const request = `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${lies.join('\r\n')}\r\nX-Sum: 1\r\n\r\n`;
  assert.deepEqual(JSON.parse((await ask(proxy.place, request)).body).trailers, { 'x-sum': '1' });
});
