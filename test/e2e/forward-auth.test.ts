// ForwardAuth on one proxy: what the server that decides gets, what its word does, and what becomes of a request without one.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import { fieldValue, fieldValues, statusOf } from '../support/messages.js';
import { describeProduct, type RunningProxy, startProxy } from '../support/proxy.js';
import { askThrough, get, type Passed, WireClient } from '../support/wire-client.js';

const answer = (status: string, body: string, ...lines: string[]): string =>
  [`HTTP/1.1 ${status}`, `Content-Length: ${body.length}`, ...lines, '', body].join('\r\n');

/** What the server that decides says, by the path that is asked for. */
const WORDS: Record<string, string> = {
  '/pass': ok(
    '',
    'X-Auth-User: anna',
    'X-Auth-Group: a',
    'X-Auth-Group: b',
    'X-Other: 1',
    'Set-Cookie: session=1; Path=/',
    'Set-Cookie: tracking=1',
  ),
  '/bare': ok(''),
  '/login': answer(
    '302 Found',
    'to the login',
    'Location: https://login.example/',
    'Set-Cookie: state=1',
    'Connection: keep-alive',
    'X-Why: no',
  ),
  '/denied': answer(
    '401 Unauthorized',
    '{"no":1}',
    'WWW-Authenticate: Basic realm="a"',
    'WWW-Authenticate: Bearer',
    'Content-Type: application/json',
  ),
  '/forbidden': answer('403 Forbidden', ''),
  '/accepted': answer('202 Accepted', ''),
  '/broken': answer('500 Internal Server Error', 'oh'),
  '/long': answer('403 Forbidden', 'x'.repeat(2000)),
};

describeProduct('ForwardAuth', () => {
  let origin: RawOrigin;
  let auth: RawOrigin;
  let proxy: RunningProxy;

  before(async () => {
    const field = ['X-From: server'];
    origin = await startAnswers((request, visit) => {
      if (fieldValue(request, 'upgrade') === undefined) visit.socket.write(ok('fine', ...field));
      else visit.socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    });
    auth = await startAnswers((request, visit) => {
      const path = fieldValue(request, 'x-forwarded-uri')!.replace(/\?.*/, '');
      const word = WORDS[path];
      if (word !== undefined) visit.socket.write(word, 'latin1');
    });
    const forwardAuth = (more: object = {}): object => ({
      type: 'ForwardAuth',
      forwardAuth: {
        pool: 'auth',
        path: '/verify?app=shop',
        responseHeaders: ['X-Auth-User', 'X-Auth-Group'],
        cookies: ['session'],
        answerBytesMax: 1000,
        ...more,
      },
    });
    const rule = (value: string, ...filters: object[]): object => ({
      matches: [{ path: { value } }],
      filters,
      pool: 'main',
    });
    proxy = await startProxy({
      routes: [
        {
          hostnames: ['slow.example'],
          rules: [{ filters: [forwardAuth({ timeout: '100ms' })], pool: 'main' }],
        },
        {
          hostnames: ['accepts.example'],
          rules: [{ filters: [forwardAuth({ passStatuses: [200, 202] })], pool: 'main' }],
        },
        { hostnames: ['down.example'], rules: [{ filters: [forwardAuth({ pool: 'down' })], pool: 'main' }] },
        { rules: [rule('/', forwardAuth())] },
      ],
      pools: {
        main: { servers: [{ address: origin.address }] },
        auth: { servers: [{ address: '127.0.0.1:1' }, { address: auth.address }] },
        down: { servers: [{ address: '127.0.0.1:1' }] },
      },
    });
  });
  after(async () => {
    await proxy.stop();
    await origin.close();
    await auth.close();
  });

  const through = (request: string): Promise<Passed> => askThrough(origin, proxy.place, request);

  test('the server that decides gets what it needs, and no more', async () => {
    const lies = ['X-Forwarded-Uri: /lie', 'X-Forwarded-Method: LIE', 'X-Forwarded-For: 10.0.0.1', 'X-Auth-User: root'];
    const body = 'Content-Length: 4\r\nContent-Type: text/plain';
    const { response } = await through(
      `POST /pass?a=1&b HTTP/1.1\r\nHost: shop.example:8080\r\nCookie: c=1\r\nAuthorization: x\r\n${lies.join('\r\n')}\r\n${body}\r\n\r\nbody`,
    );
    assert.equal(statusOf(response), 200);
    const asked = auth.requests.at(-1)!;
    assert.equal(asked.startLine, 'GET /verify?app=shop HTTP/1.1');
    assert.deepEqual(
      asked.fields
        .filter(([name]) => !/^(host|connection)$/i.test(name))
        .map(([name, value]) => `${name.toLowerCase()}: ${value}`),
      [
        'authorization: x',
        'cookie: c=1',
        'x-forwarded-method: POST',
        'x-forwarded-proto: http',
        'x-forwarded-host: shop.example:8080',
        'x-forwarded-uri: /pass?a=1&b',
        'x-forwarded-for: 127.0.0.1',
      ],
    );
    assert.deepEqual(auth.malformed, []);
  });

  test('a request that it lets pass goes on, with the fields that are listed and none that the client made up', async () => {
    const lies = ['X-Auth-User: root', 'x_auth_group: root', 'X-Auth-Group: root'];
    const { request, response } = await through(get('/pass', ...lies));
    const named = request!.fields
      .filter(([name]) => /^x.(auth|other)/i.test(name))
      .map(([name, value]) => `${name}: ${value}`);
    assert.deepEqual(named, ['x-auth-user: anna', 'x-auth-group: a', 'x-auth-group: b']);
    assert.deepEqual(fieldValues(response, 'set-cookie'), ['session=1; Path=/']);
    const bare = await through(get('/bare', ...lies));
    assert.deepEqual(
      bare.request!.fields.filter(([name]) => /^x.auth/i.test(name)),
      [],
      'also where the answer has none',
    );
    assert.deepEqual(fieldValues(bare.response, 'set-cookie'), []);
  });

  test('its refusal goes to the client as it is, and is not followed', async () => {
    const login = await through(get('/login'));
    assert.deepEqual([login.request, statusOf(login.response), login.response.body], [undefined, 302, 'to the login']);
    assert.equal(fieldValue(login.response, 'location'), 'https://login.example/');
    assert.deepEqual(fieldValues(login.response, 'set-cookie'), ['state=1']);
    assert.equal(fieldValue(login.response, 'x-why'), 'no');
    const denied = await through(get('/denied'));
    assert.deepEqual([statusOf(denied.response), denied.response.body], [401, '{"no":1}']);
    assert.deepEqual(fieldValues(denied.response, 'www-authenticate'), ['Basic realm="a"', 'Bearer']);
    assert.deepEqual(fieldValues(denied.response, 'content-type'), ['application/json']);
    assert.equal(statusOf((await through(get('/forbidden'))).response), 403);
  });

  test('without a word that counts a request is refused', async () => {
    const host = (name: string): string => `Host: ${name}.example`;
    for (const [target, name] of [
      ['/broken', 'shop'],
      ['/long', 'shop'],
      ['/accepted', 'shop'],
      ['/silent', 'slow'],
      ['/pass', 'down'],
    ] as const) {
      const { request, response } = await through(get(target, host(name)));
      assert.deepEqual([request, statusOf(response)], [undefined, 502], target);
      assert.match(response.body, /AUTH_SERVER_FAILED/, target);
    }
    assert.equal(statusOf((await through(get('/accepted', host('accepts')))).response), 200);
    const [counters] = await proxy.counters();
    assert.equal(counters!.policies['ForwardAuth.failed'], 5);
    assert.equal(counters!.policies['ForwardAuth.refused'], 3);
  });

  test('an upgrade is asked about too', async () => {
    const upgrade = (path: string): string => get(path, 'Connection: Upgrade', 'Upgrade: echo');
    assert.equal(statusOf((await through(upgrade('/forbidden'))).response), 403);
    const client = await WireClient.connect(proxy.place);
    await client.send(upgrade('/pass'));
    await client.until('a tunnel', () => client.received.startsWith('HTTP/1.1 101') || undefined);
    client.close();
  });

  test('a client that leaves while it waits takes its question back', async () => {
    const before = auth.requests.length;
    const client = await WireClient.connect(proxy.place);
    await client.send(get('/silent'));
    await auth.until('the question', () => auth.requests.length > before);
    const visit = auth.visits.findLast(({ closed }) => !closed)!;
    client.reset();
    await auth.until('its end', () => visit.closed);
  });
});
