// What rules change on the way: fields, targets, hosts, answers; and where copies and shares of requests go.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { start as startNever } from '../origins/never-answers.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import { start as startResets } from '../origins/resets.js';
import { freePlace, written } from '../support/addresses.js';
import { fieldValue, fieldValues, type Message, statusOf } from '../support/messages.js';
import { type RunningProxy, startProxy, use, useProxy } from '../support/proxy.js';
import { ask, askThrough, get, WireClient } from '../support/wire-client.js';

const rule = (value: string, filters: readonly object[], rest: object = { pool: 'main' }): object => ({
  matches: [{ path: { type: 'PathPrefix', value } }],
  filters,
  ...rest,
});
const requestFields = (change: object): object => ({ type: 'RequestHeaderModifier', requestHeaderModifier: change });
const responseFields = (change: object): object => ({ type: 'ResponseHeaderModifier', responseHeaderModifier: change });
const rewrite = (change: object): object => ({ type: 'URLRewrite', urlRewrite: change });
const redirect = (change: object): object => ({ type: 'RequestRedirect', requestRedirect: change });
const direct = (answer: object): object => ({ type: 'DirectResponse', directResponse: answer });
/** A placeholder of the configuration, which the proxy fills in. */
const fact = (name: string): string => `\${${name}}`;
const field = (name: string, value: string): object => ({ name, value });

describe('filters', { concurrency: 1 }, () => {
  let origin: RawOrigin;
  let proxy: RunningProxy;

  before(async () => {
    origin = await startAnswers((request, visit) => {
      visit.socket.write(ok(request.startLine, 'Server: origin', 'X-Old: 1', 'X-Old: 2', 'X-Gone: yes'));
    });
    proxy = await startProxy({
      routes: [
        {
          rules: [
            rule('/request', [
              requestFields({
                set: [
                  field('X-Set', 'new'),
                  field('X-From', `${fact('clientAddress')} ${fact('method')} ${fact('host')}`),
                ],
                add: [field('X-Add', 'added')],
                remove: ['X-Remove'],
              }),
            ]),
            rule('/response', [
              responseFields({ set: [field('X-Old', '3')], add: [field('Server', 'proxy')], remove: ['X-Gone'] }),
            ]),
            rule('/full', [rewrite({ path: { type: 'ReplaceFullPath', replaceFullPath: '/replaced' } })]),
            rule('/prefix', [rewrite({ path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' } })]),
            rule('/strip', [rewrite({ path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } })]),
            rule('/host', [rewrite({ hostname: 'inner.example' })]),
            rule('/moved', [redirect({ scheme: 'https', hostname: 'new.example', statusCode: 308 })], {}),
            rule(
              '/moved-path',
              [redirect({ path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/there' }, statusCode: 301 })],
              {},
            ),
            rule('/direct', [direct({ status: 299, headers: [field('X-Own', 'yes')], body: 'said by the proxy' })], {}),
          ],
        },
      ],
      pools: { main: { servers: [{ address: origin.address }] } },
    });
  });
  after(async () => {
    await proxy.heldNothing();
    await proxy.stop();
    await origin.close();
  });

  const through = async (asked: string): Promise<{ seen: Message; response: Message }> => {
    const { request, response } = await askThrough(origin, proxy.place, asked);
    return { seen: request!, response };
  };

  test('fields of a request are set, added and removed, in any case', async () => {
    const lines = ['x-set: old', 'X-SET: older', 'X-Add: there', 'x-remove: 1', 'X-Remove: 2', 'X-Kept: yes'];
    const { seen } = await through(get('/request', 'Host: shop.example', ...lines));
    assert.deepEqual(fieldValues(seen, 'x-set'), ['new']);
    assert.deepEqual(fieldValues(seen, 'x-add').join(', '), 'there, added');
    assert.deepEqual(fieldValues(seen, 'x-remove'), []);
    assert.equal(fieldValue(seen, 'x-kept'), 'yes');
    assert.equal(fieldValue(seen, 'x-from'), '127.0.0.1 GET shop.example');
  });

  test('what a rule sets or removes cannot be sent by another spelling that servers take for the same', async () => {
    const { seen } = await through(get('/request', 'X_Set: mine', 'x_remove: 1', 'X.Remove: 2', 'X_Kept: yes'));
    assert.deepEqual(
      seen.fields.filter(([name]) => /^x.(set|remove|kept)$/.test(name)).map(([name]) => name),
      ['x_kept', 'x-set'],
    );
  });

  test('fields of a response are set, added and removed', async () => {
    const { response } = await through(get('/response'));
    assert.deepEqual(fieldValues(response, 'x-old'), ['3']);
    assert.equal(fieldValues(response, 'server').join(', '), 'origin, proxy');
    assert.deepEqual(fieldValues(response, 'x-gone'), []);
  });

  test('what a request makes a filter write cannot break a line', async () => {
    const client = await WireClient.connect(proxy.place);
    await client.send(get('/request/%0d%0aX-Evil:%20yes', 'Host: shop.example'));
    await client.response();
    client.close();
    assert.deepEqual(origin.malformed, []);
    for (const request of origin.requests) assert.deepEqual(fieldValues(request, 'x-evil'), []);
  });

  test('the path is replaced whole or by its prefix, and the query stays', async () => {
    const lines: Record<string, string> = {
      '/full/x?a=1': '/replaced?a=1',
      '/prefix/x/y?a=1': '/new/x/y?a=1',
      '/prefix': '/new',
      '/prefix?a': '/new?a',
      '/strip/x?a': '/x?a',
      '/strip': '/',
    };
    for (const [sent, wanted] of Object.entries(lines)) {
      assert.equal((await through(get(sent))).seen.startLine, `GET ${wanted} HTTP/1.1`, sent);
    }
  });

  test('a rewritten path with a body, pipelined, keeps everything in its place', async () => {
    const client = await WireClient.connect(proxy.place);
    const post = 'POST /prefix/long/path HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello';
    await client.send(post + get('/strip/2') + post);
    const bodies = (await client.responses(['POST', 'GET', 'POST'])).map((response) => response.body);
    assert.deepEqual(bodies, ['POST /new/long/path HTTP/1.1', 'GET /2 HTTP/1.1', 'POST /new/long/path HTTP/1.1']);
    client.close();
    assert.equal(origin.requests.at(-1)?.body, 'hello');
  });

  test('the host is replaced, and the one before stays in X-Forwarded-Host', async () => {
    const { seen } = await through(get('/host', 'Host: outer.example'));
    assert.equal(fieldValue(seen, 'host'), 'inner.example');
    assert.equal(fieldValue(seen, 'x-forwarded-host'), 'outer.example');
  });

  test('a redirect names the new place and reaches no server', async () => {
    const count = origin.requests.length;
    const moved = await ask(proxy.place, get('/moved/x?q=1', 'Host: old.example'));
    assert.equal(statusOf(moved), 308);
    assert.equal(fieldValue(moved, 'location'), 'https://new.example/moved/x?q=1');
    const path = await ask(proxy.place, get('/moved-path/x?q=1', 'Host: old.example:8080'));
    assert.equal(statusOf(path), 301);
    assert.match(fieldValue(path, 'location') ?? '', /^http:\/\/old\.example:\d+\/there\/x\?q=1$/);
    assert.equal(origin.requests.length, count);
  });

  test('a redirect cannot be made to split the response', async () => {
    const client = await WireClient.connect(proxy.place);
    await client.send(get('/moved/%0d%0aSet-Cookie:%20evil=1?a=%0d%0aX-Evil:%20yes', 'Host: old.example'));
    const response = await client.response();
    assert.deepEqual(fieldValues(response, 'set-cookie'), []);
    assert.deepEqual(fieldValues(response, 'x-evil'), []);
    client.close();
  });

  test('a direct response is answered without a server, also to HEAD and to a request with a body', async () => {
    const count = origin.requests.length;
    const client = await WireClient.connect(proxy.place);
    const response = await client.exchange(get('/direct'));
    assert.equal(statusOf(response), 299);
    assert.equal(response.body, 'said by the proxy');
    assert.equal(fieldValue(response, 'x-own'), 'yes');
    const head = await client.exchange('HEAD /direct HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(fieldValue(head, 'content-length'), String('said by the proxy'.length));
    client.close();
    const post = await ask(proxy.place, 'POST /direct HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    assert.equal(post.body, 'said by the proxy');
    assert.equal(origin.requests.length, count);
  });
});

describe('mirrors and shares', () => {
  const mirrored = (mirror: string, main: string): Parameters<typeof startProxy>[0] => ({
    routes: [{ rules: [rule('/', [{ type: 'RequestMirror', requestMirror: { pool: 'mirror' } }])] }],
    pools: { main: { servers: [{ address: main }] }, mirror: { servers: [{ address: mirror }] } },
    timeouts: { responseHead: '1s' },
  });

  test('a mirror gets a copy with its body, and its answer goes nowhere', async (t) => {
    const main = await use(t, startAnswers());
    const mirror = await use(t, startAnswers(ok('from the mirror')));
    const proxy = await useProxy(t, mirrored(mirror.address, main.address));
    const client = await WireClient.connect(proxy.place);
    for (let i = 0; i < 10; i++) {
      const post = `POST /${i} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`;
      assert.equal((await client.exchange(post)).body, `POST /${i} HTTP/1.1`);
    }
    client.close();
    await mirror.until('ten copies', (seen) => seen.requests.length === 10);
    assert.ok(mirror.requests.every((request) => request.body === 'hello'));
    assert.deepEqual(mirror.malformed, []);
    await proxy.heldNothing();
  });

  const bad: Record<string, () => Promise<{ address: string; close(): Promise<unknown> }>> = {
    'refuses connections': async () => ({ address: written(freePlace()), close: async () => undefined }),
    resets: () => startResets(),
    'never answers': () => startNever(),
  };
  for (const [name, start] of Object.entries(bad)) {
    test(`a mirror that ${name} never touches the client`, async (t) => {
      const main = await use(t, startAnswers());
      const mirror = await use(t, start());
      const proxy = await useProxy(t, mirrored(mirror.address, main.address));
      const client = await WireClient.connect(proxy.place);
      const big = `POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n${'x'.repeat(200_000)}`;
      for (let i = 0; i < 5; i++) {
        assert.equal((await client.exchange(get(`/${i}`))).body, `GET /${i} HTTP/1.1`);
        assert.equal(statusOf(await client.exchange(big)), 200);
      }
      client.close();
      assert.equal(main.requests.length, 10);
      await proxy.heldNothing();
    });
  }

  test('pools share requests by weight, exactly over time, and weight 0 gets none', async (t) => {
    const origins = await Promise.all([0, 1, 2].map(() => use(t, startAnswers())));
    const pools = Object.fromEntries(origins.map(({ address }, i) => [`p${i}`, { servers: [{ address }] }]));
    const backendRefs = [
      { pool: 'p0', weight: 9 },
      { pool: 'p1', weight: 1 },
      { pool: 'p2', weight: 0 },
    ];
    const proxy = await useProxy(t, { routes: [{ rules: [{ backendRefs }] }], pools });
    const client = await WireClient.connect(proxy.place);
    for (let i = 0; i < 100; i++) await client.exchange(get(`/${i}`));
    client.close();
    assert.deepEqual(
      origins.map((origin) => origin.requests.length),
      [90, 10, 0],
    );
  });

  test('the timeout of a rule ends its requests, not those of others', async (t) => {
    const origin = await use(t, startNever());
    const good = await use(t, startAnswers());
    const proxy = await useProxy(t, {
      routes: [{ rules: [rule('/short', [], { pool: 'never', timeouts: { request: '300ms' } }), rule('/', [])] }],
      pools: { never: { servers: [{ address: origin.address }] }, main: { servers: [{ address: good.address }] } },
    });
    assert.equal(statusOf(await ask(proxy.place, get('/short'))), 504);
    assert.equal(statusOf(await ask(proxy.place, get('/'))), 200);
  });
});

test('what filters add may be longer than a chunk of the slab, in both directions', async (t) => {
  const origin = await use(t, startAnswers());
  const query = fact('query');
  const change = { set: [field('X-A', query), field('X-B', query), field('X-C', query)] };
  const proxy = await useProxy(t, {
    routes: [{ rules: [rule('/', [requestFields(change), responseFields(change)])] }],
    pools: { main: { servers: [{ address: origin.address }] } },
    limits: { uriBytesMax: '15KiB' },
  });
  const sent =
    Array.from({ length: 1000 }, (_, i) => `${i}`)
      .join('.')
      .slice(0, 8000) + 'x'.repeat(4000);
  const answer = await ask(proxy.place, get(`/?${sent}`));
  assert.equal(statusOf(answer), 200);
  for (const name of ['x-a', 'x-b', 'x-c']) {
    assert.equal(fieldValue(origin.requests[0]!, name), sent);
    assert.equal(fieldValue(answer, name), sent);
  }
  await proxy.heldNothing();
});
