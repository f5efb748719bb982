// The admin API of a running process: what it shows, what can be changed, and what it refuses.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { start as startNeverAnswers } from '../origins/never-answers.js';
import { freePlace, scratchDirectory, written } from '../support/addresses.js';
import { makeIdentity } from '../support/identity.js';
import { fieldValue, statusOf } from '../support/messages.js';
import { type Answer, askHttp, type Where } from '../support/metrics.js';
import { describeProduct, type ProxySpec, type RunningProxy, startProxy, use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const TOKEN = 'a-token-of-some-length';

interface Server {
  readonly name: string;
  readonly from: string;
  readonly weight: number;
  readonly state: string;
  readonly configured: object | null;
  readonly operator: object | null;
  readonly now: { readonly status: string } | null;
}

const json = <T>(answer: Answer): T => JSON.parse(answer.text) as T;

describeProduct('admin API', () => {
  test('shows what runs and changes servers, until a reload or for good', async (t) => {
    const [one, two] = [await use(t, startAnswers()), await use(t, startAnswers())];
    const silent = await use(t, startNeverAnswers());
    const directory = scratchDirectory();
    const where = { socketPath: join(directory, 'admin.sock') };
    const stateFile = join(directory, 'state.json');
    const { files } = makeIdentity({ names: ['shop.example'] });
    const spec: ProxySpec = {
      listeners: [{ name: 'web' }, { protocol: 'https', name: 'secure', tls: { certificates: [files] } }],
      routes: [
        {
          name: 'shop',
          rules: [
            { matches: [{ path: { value: '/silent' } }], pool: 'silent' },
            {
              pool: 'api',
              filters: [
                {
                  type: 'RequestHeaderModifier',
                  requestHeaderModifier: { set: [{ name: 'Authorization', value: 'Bearer hidden-from-all' }] },
                },
              ],
            },
            {
              matches: [{ path: { value: '/keyed' }, headers: [{ name: 'X-Api-Key', value: 'hidden-from-all' }] }],
              pool: 'api',
            },
          ],
        },
      ],
      pools: {
        api: { servers: [{ address: one.address, name: 'one' }] },
        silent: { servers: [{ address: silent.address }] },
      },
      admin: { address: `unix:${where.socketPath}`, stateFile },
    };
    // A reload is refused on the way, and says so on stderr: its clean stop is asked for below.
    const proxy = await startProxy(spec);
    t.after(() => proxy.process.kill('SIGKILL'));
    const seen = async (path: string): Promise<Answer> => {
      const answer = await askHttp(where, path);
      assert.equal(answer.status, 200, answer.text);
      return answer;
    };
    const change = (
      method: string,
      path: string,
      body?: object,
      headers: Record<string, string> = {},
    ): Promise<Answer> =>
      askHttp(where, path, {
        method,
        headers: {
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          'Sevenfold-Operator': 'alice',
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });

    await t.test('state, configuration without secrets, routes, certificates, support', async () => {
      const status = json<{ state: string; listeners: object[]; generation: number }>(await seen('/status'));
      assert.equal(status.state, 'ready');
      assert.equal(status.listeners.length, 2);
      for (const path of ['/config', '/support', '/routes', '/explain?request=http://a.example/keyed']) {
        const { text } = await seen(path);
        assert.ok(!text.includes('hidden-from-all'), `${path} shows a secret`);
        assert.ok(text.includes('(secret)'));
      }
      const { matches } = json<{ matches: { rule: string; target: string }[] }>(await seen('/routes'));
      assert.deepEqual(
        matches.map(({ target }) => target),
        ['silent', 'api', 'api'],
      );
      const { certificates } = json<{ certificates: { names: string[]; daysLeft: number }[] }>(
        await seen('/certificates'),
      );
      assert.deepEqual(certificates[0]?.names, ['DNS:shop.example']);
      assert.ok(certificates[0]!.daysLeft >= 0);
    });

    await t.test('what is under way, the oldest first', async () => {
      const client = await WireClient.connect(proxy.place);
      await client.send(get('/silent/path?secret=1'));
      for (const deadline = Date.now() + 10_000; ; ) {
        const { exchanges } = json<{ exchanges: Record<string, unknown>[] }>(await seen('/exchanges'));
        const [x] = exchanges;
        if (x?.stage === 'WAITING') {
          assert.equal(exchanges.length, 1);
          assert.deepEqual(
            [x.method, x.path, x.rule, x.pool, x.server, x.attempts, x.listener],
            ['GET', '/silent/path', 'shop.rules[0]', 'silent', silent.address, 1, 'web'],
          );
          break;
        }
        assert.ok(Date.now() < deadline, JSON.stringify(exchanges));
      }
      const { connections } = json<{ connections: Record<string, unknown>[] }>(await seen('/connections'));
      assert.deepEqual([connections.length, connections[0]?.state, connections[0]?.listener], [1, 'BUSY', 'web']);
      client.socket.resetAndDestroy();
      assert.equal((await askHttp(where, '/exchanges?most=many')).status, 400);
    });

    await t.test('explains a request on the table that runs, in words or as it is sent', async () => {
      const query = new URLSearchParams({ request: 'GET http://shop.example/silent' });
      const explained = json<{ rule: string; pools: { pool: string }[]; text: string }>(
        await seen(`/explain?${query}`),
      );
      assert.equal(explained.rule, 'shop.rules[0]');
      assert.match(explained.text, /silent/);
      const raw = await askHttp(where, '/explain', {
        method: 'POST',
        headers: { 'Content-Type': 'message/http' },
        body: 'GET /x HTTP/1.1\r\nHost: shop.example\r\n\r\n',
      });
      assert.equal(json<{ rule: string }>(raw).rule, 'shop.rules[1]');
      assert.equal((await askHttp(where, '/explain?request=nonsense')).status, 400);
    });

    const path = '/pools/api/servers/one';
    const server = async (): Promise<Server> => json<Server>(await seen(path));

    await t.test('drains, returns and weighs a server, with ETag and an audit line', async () => {
      const before = await askHttp(where, path);
      const tag = String(before.headers.etag);
      const drained = await change('PATCH', path, { state: 'drain' }, { 'If-Match': tag });
      assert.equal(drained.status, 200, drained.text);
      assert.deepEqual([json<Server>(drained).state, json<Server>(drained).now?.status], ['drain', 'DRAINING']);
      assert.equal(statusOf(await ask(proxy.place, get('/x'))), 503);
      const late = await change('PATCH', path, { state: 'ready' }, { 'If-Match': tag });
      assert.equal(late.status, 412);
      assert.equal(json<{ expected: string }>(late).expected, drained.headers.etag);
      assert.equal((await change('PATCH', path, { state: 'maintenance' })).status, 200);
      assert.equal((await server()).now?.status, 'MAINTENANCE');
      assert.equal((await change('PATCH', path, { state: 'ready', weight: 7 })).status, 200);
      const now = await server();
      assert.deepEqual(
        [now.weight, now.state, now.configured, now.operator],
        [7, 'ready', { weight: 1, backup: false }, { weight: 7, keep: 'reload' }],
      );
      assert.equal(statusOf(await ask(proxy.place, get('/x'))), 200);
      assert.match(
        proxy.process.stdout,
        /^server api\/one: drain until the next reload \(by alice over a unix socket\)$/m,
      );
    });

    await t.test('adds a server and takes one out', async () => {
      const added = '/pools/api/servers/two';
      const put = await change('PUT', added, { address: two.address, weight: 1 }, { 'If-None-Match': '*' });
      assert.equal(put.status, 201, put.text);
      assert.equal((await change('PUT', added, { address: two.address }, { 'If-None-Match': '*' })).status, 412);
      assert.equal((await change('PUT', '/pools/api/servers/three', { address: two.address })).status, 409);
      assert.equal((await change('PUT', path, { address: two.address })).status, 409);
      assert.equal((await change('DELETE', path)).status, 204);
      assert.equal((await server()).state, 'removed');
      const asked = two.requests.length;
      for (let i = 0; i < 4; i++) assert.equal(statusOf(await ask(proxy.place, get(`/${i}`))), 200);
      assert.equal(two.requests.length, asked + 4);
      const metrics = (await seen('/metrics?name=sevenfold_server_up')).text;
      assert.match(metrics, /server="two"\} 1/);
      assert.doesNotMatch(metrics, /server="one"/);
    });

    await t.test('a reload takes changes back, but for those that are saved', async () => {
      assert.equal(
        (await change('PUT', '/pools/api/servers/two', { address: two.address, keep: 'saved' })).status,
        200,
      );
      const reload = await change('POST', '/reload');
      assert.equal(reload.status, 200, reload.text);
      const { servers } = json<{ servers: Server[] }>(await seen('/pools/api/servers'));
      assert.deepEqual(
        servers.map(({ name, from, state, weight }) => [name, from, state, weight]),
        [
          ['one', 'file', 'ready', 1],
          ['two', 'operator', 'ready', 1],
        ],
      );
      assert.match(proxy.process.stdout, /^server api\/one: as configured \(by the reload\)$/m);
      assert.deepEqual(JSON.parse(readFileSync(stateFile, 'utf8')).api.two.added.address, two.address);
      proxy.rewrite({ ...spec, limits: { retriesMax: 'many' } });
      const refused = await change('POST', '/reload');
      assert.equal(refused.status, 422);
      assert.match(refused.text, /limits\.retriesMax/);
      proxy.rewrite(spec);
      assert.equal((await change('PATCH', '/pools/api/servers/two', { weight: null })).status, 200);
      assert.equal((await change('DELETE', '/pools/api/servers/two?keep=saved')).status, 204);
      assert.equal(readFileSync(stateFile, 'utf8'), '{}\n');
    });

    await t.test('what cannot be is refused, with the place, what was found and what is expected', async () => {
      const cases: [method: string, path: string, body: object | undefined, status: number, place: string][] = [
        ['GET', '/nowhere', undefined, 404, 'path'],
        ['GET', '/pools/apo', undefined, 404, 'path.pool'],
        ['GET', '/pools/api/servers/none', undefined, 404, 'path.server'],
        ['POST', '/pools', undefined, 405, 'method'],
        ['GET', '/status?verbose=1', undefined, 400, 'query'],
        ['PATCH', path, { weight: 1001 }, 400, 'body.weight'],
        ['PATCH', path, {}, 400, 'body'],
        ['PATCH', path, { wait: 1 }, 400, 'body'],
        ['PUT', '/pools/api/servers/n', { address: 'name:80' }, 400, 'body.address'],
      ];
      for (const [method, at, body, status, place] of cases) {
        const answer = await change(method, at, body);
        assert.deepEqual(
          [answer.status, json<{ place: string }>(answer).place],
          [status, place],
          `${method} ${at} ${answer.text}`,
        );
        assert.equal(answer.headers['content-type'], 'application/problem+json');
      }
      const typed = await askHttp(where, path, {
        method: 'PATCH',
        headers: { 'Content-Type': 'text/plain' },
        body: '{}',
      });
      assert.equal(typed.status, 415);
      const large = await askHttp(where, '/explain', {
        method: 'POST',
        headers: { 'Content-Type': 'text/plain' },
        body: 'x'.repeat(200_000),
      });
      assert.equal(large.status, 413);
    });

    await t.test('events come as they happen, and again from a number on', async () => {
      const stream = request({ ...where, path: '/events', headers: { Accept: 'text/event-stream' }, agent: false });
      stream.end();
      const [response] = (await once(stream, 'response')) as [import('node:http').IncomingMessage];
      t.after(() => stream.destroy());
      let text = '';
      response.on('data', (piece: Buffer) => {
        text += String(piece);
      });
      response.on('error', () => {});
      await once(response, 'data');
      assert.equal((await change('PATCH', path, { weight: 3 })).status, 200);
      for (const deadline = Date.now() + 10_000; !text.includes('weight 3'); ) {
        assert.ok(Date.now() < deadline, text);
        await once(response, 'data');
      }
      assert.match(text, /^id: \d+\nevent: operator\.changed\ndata: \{.*"type":"operator\.changed".*\}$/m);
      const { events } = json<{ events: { id: number; event: { type: string } }[] }>(await seen('/events'));
      assert.equal(events[0]?.id, 1);
      const last = events.at(-1)!;
      assert.equal(last.event.type, 'operator.changed');
      const { events: later } = json<{ events: object[] }>(await seen(`/events?since=${last.id - 1}`));
      assert.equal(later.length, 1);
      stream.destroy();
    });

    await t.test('the OpenAPI document names every path, and each answers', async () => {
      const document = json<{ openapi: string; paths: Record<string, Record<string, { operationId: string }>> }>(
        await seen('/openapi.json'),
      );
      assert.equal(document.openapi, '3.1.0');
      const ids = Object.values(document.paths).flatMap((path) =>
        Object.values(path).map(({ operationId }) => operationId),
      );
      assert.equal(new Set(ids).size, ids.length);
      for (const [template, methods] of Object.entries(document.paths)) {
        if (!('get' in methods)) continue;
        const at = template.replace('{pool}', 'api').replace('{server}', 'one');
        const answer = await askHttp(where, at === '/explain' ? '/explain?request=/' : at);
        assert.equal(answer.status, 200, `${template}: ${answer.text}`);
      }
    });

    await t.test('a saved change holds over a restart', async () => {
      assert.equal((await change('PATCH', path, { weight: 9, keep: 'saved' })).status, 200);
      await proxy.checkInvariants();
      proxy.process.kill('SIGTERM');
      assert.equal((await proxy.process.exited()).code, 0);
      assert.ok(!existsSync(where.socketPath));
      const again = await useProxy(t, { ...spec, admin: { address: `unix:${where.socketPath}`, stateFile } });
      assert.equal((await server()).weight, 9);
      await again.stop();
    });
  });

  test('a port of the loopback interface: a token for changes, no other host, no other page', async (t) => {
    const origin = await use(t, startAnswers());
    const open = freePlace();
    const start = (admin: object): Promise<RunningProxy> => useProxy(t, { servers: [origin.address], admin });
    const proxy = await start({ address: written(open) });
    const where: Where = { host: open.host, port: open.port };
    const headers = { Host: `localhost:${open.port}` };
    assert.equal((await askHttp(where, '/pools', { headers })).status, 200);
    const refusals: [path: string, method: string, headers: Record<string, string>, status: number, place: string][] = [
      ['/reload', 'POST', headers, 403, 'admin.token'],
      ['/pools', 'GET', { Host: 'evil.example' }, 421, 'Host'],
      ['/pools', 'GET', { ...headers, Origin: 'http://evil.example' }, 403, 'Origin'],
      ['/pools', 'GET', { ...headers, 'Sec-Fetch-Site': 'cross-site' }, 403, 'Origin'],
    ];
    for (const [path, method, own, status, place] of refusals) {
      const answer = await askHttp(where, path, { method, headers: own });
      assert.deepEqual([answer.status, json<{ place: string }>(answer).place], [status, place], answer.text);
    }
    assert.equal((await askHttp(where, '/livez', { headers: { Host: 'node-7.internal' } })).text, 'ok\n');

    // A reload brings a token; the address stays.
    await proxy.reload({ servers: [origin.address], admin: { address: written(open), token: TOKEN } });
    const none = await askHttp(where, '/pools', { headers });
    assert.deepEqual([none.status, none.headers['www-authenticate']], [401, 'Bearer realm="sevenfold"']);
    assert.equal(
      (await askHttp(where, '/pools', { headers: { ...headers, Authorization: `Bearer ${TOKEN}x` } })).status,
      401,
    );
    const good = { ...headers, Authorization: `Bearer ${TOKEN}` };
    assert.equal((await askHttp(where, '/pools', { headers: good })).status, 200);
    assert.equal((await askHttp(where, '/reload', { method: 'POST', headers: good })).status, 200);
    const shown =
      (await askHttp(where, '/config', { headers: good })).text +
      (await askHttp(where, '/support', { headers: good })).text;
    assert.ok(!shown.includes(TOKEN));

    // Not ready from the first moment of a drain.
    const client = await WireClient.connect(proxy.place);
    assert.equal(fieldValue(await client.exchange(get()), 'connection'), undefined);
    await client.send('GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n');
    assert.equal((await askHttp(where, '/readyz')).status, 200);
    proxy.process.kill('SIGTERM');
    for (const deadline = Date.now() + 10_000; (await askHttp(where, '/readyz')).status !== 503; ) {
      assert.ok(Date.now() < deadline, 'still ready in a drain');
    }
    await client.send('12345');
    await client.until('an answer', () => (client.ended ? true : undefined));
    await proxy.stop();
  });
});
