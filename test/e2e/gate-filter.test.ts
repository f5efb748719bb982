// A filter type that the product does not know: registered by two calls, it is configured, checked, described, run in every phase,
// and may hold requests up. What becomes of one that is held up, in every way that can end.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, type TestContext, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin, serveRequests, type Visit } from '../origins/raw.js';
import { scratchDirectory } from '../support/addresses.js';
import { gateEnvironment } from '../support/gate-filter.js';
import { fieldValue, statusOf } from '../support/messages.js';
import { MAIN, type ProxySpec, type RunningProxy, standIn, use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const skip = standIn ? 'nginx stands in, and has no such filter' : false;

let environment: Readonly<Record<string, string>> = {};

/** A server that is asked for leave, and gives it by hand. */
interface Porter {
  readonly origin: RawOrigin;
  readonly asked: Visit[];
}

async function usePorter(t: TestContext): Promise<Porter> {
  const asked: Visit[] = [];
  const origin = await use(
    t,
    serveRequests((_request, visit) => void asked.push(visit)),
  );
  return { origin, asked };
}

/** Waits for the question number `count`, from 1, and answers it. */
async function answer({ origin, asked }: Porter, count: number, text: string): Promise<void> {
  await origin.until('question', () => asked.length >= count);
  asked[count - 1]!.socket.write(text);
}

const FORBIDDEN = 'HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n';

const gate = (porter: Porter, more: object = {}): object => ({
  type: 'Gate',
  gate: { ask: `http://${porter.origin.address}/may`, ...more },
});

/** One rule with a gate in front of one server. */
const gated = (porter: Porter, server: string, rule: object = {}, options: object = {}): ProxySpec => ({
  routes: [{ rules: [{ name: 'gated', filters: [gate(porter, options)], pool: 'main', ...rule }] }],
  pools: { main: { servers: [{ address: server }] } },
  environment,
});

/** A client whose request is held up. */
async function heldUp(proxy: RunningProxy, porter: Porter, request = get('/a')): Promise<WireClient> {
  const count = porter.asked.length + 1;
  const client = await WireClient.connect(proxy.place);
  await client.send(request);
  await porter.origin.until('question', () => porter.asked.length >= count);
  return client;
}

/** The response on a connection that is used again. */
async function told(
  client: WireClient,
): Promise<{ text: string; gate: string | undefined; connection: string | undefined }> {
  const response = await client.response();
  client.forget();
  const text = `${statusOf(response)} ${response.body.trim()}`;
  return { text, gate: fieldValue(response, 'x-gate'), connection: fieldValue(response, 'connection') };
}

/** A first request through the gate: what a worker loads for its first question takes longer than the limits of these tests. */
async function warmUp(proxy: RunningProxy, porter: Porter): Promise<void> {
  const client = await heldUp(proxy, porter);
  await answer(porter, 1, ok('pass', 'Connection: close'));
  await told(client);
  client.close();
}

const attempts = ({ requests }: RawOrigin): (string | undefined)[] =>
  requests.map((request) => fieldValue(request, 'x-gate-attempt'));

describe('a filter type more', { skip, concurrency: 1 }, () => {
  before(() => {
    environment = gateEnvironment();
  });

  test('is checked and described as those that come with the product', () => {
    const file = join(scratchDirectory(), 'gate.yaml');
    const sevenfold = (command: string, filter: object, ...args: string[]): string => {
      const listeners = [{ address: '127.0.0.1:8080' }];
      const routes = [{ rules: [{ filters: [filter], pool: 'main' }] }];
      const pools = { main: { servers: [{ address: '127.0.0.1:3000' }] } };
      writeFileSync(file, JSON.stringify({ listeners, routes, pools }));
      const { stdout, stderr } = spawnSync(process.execPath, [MAIN, command, '-c', file, ...args], {
        encoding: 'utf8',
        env: { ...process.env, ...environment },
      });
      return stdout + stderr;
    };
    const good = { type: 'Gate', gate: { ask: 'http://10.0.0.9/may' } };
    assert.match(
      sevenfold('explain', good, 'GET http://a/'),
      /^ +Gate: asks http:\/\/10\.0\.0\.9\/may, for 10000 ms$/m,
    );
    assert.match(sevenfold('check', { type: 'Gate', gate: { ask: 'there' } }), /gate\.ask: 'there' is not a URL\./);
    assert.match(sevenfold('check', { type: 'Gate', gate: {} }), /gate: .*ask/);
    assert.match(sevenfold('check', { type: 'Gates', gate: {} }), / or Gate\. Did you mean Gate\?/);
  });

  test('takes part in every phase, on the wire', async (t) => {
    const porter = await usePorter(t);
    const origin = await use(t, startAnswers(ok('hello', 'X-Gate: from the server')));
    const proxy = await useProxy(t, gated(porter, origin.address));
    const client = await heldUp(proxy, porter, get('/a', 'X-Gate-Attempt: forged'));
    t.after(async () => client.close());
    await answer(porter, 1, ok('pass'));
    assert.deepEqual(await told(client), { text: '200 hello', gate: 'passed', connection: undefined });
    assert.deepEqual(attempts(origin), ['1']);
    await client.send(get('/b'));
    await answer(porter, 2, FORBIDDEN);
    // Local replies are responses too.
    assert.deepEqual(await told(client), { text: '403 no', gate: 'passed', connection: undefined });
    await client.send(get('/refused'));
    assert.equal((await told(client)).text, '403 refused');
    await client.send(get('/open'));
    assert.equal((await told(client)).text, '200 hello');
    assert.equal(origin.requests.length, 2);
  });

  test('sees each attempt, and gets what the server said before it', async (t) => {
    const porter = await usePorter(t);
    const bad = await use(t, startAnswers('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n'));
    const good = await use(t, startAnswers(ok('good')));
    const proxy = await useProxy(t, {
      ...gated(porter, bad.address),
      pools: {
        main: {
          servers: [{ address: bad.address, weight: 1000 }, { address: good.address }],
          retry: { on: ['status'], statuses: [503] },
        },
      },
    });
    const client = await heldUp(proxy, porter);
    t.after(async () => client.close());
    await answer(porter, 1, ok('pass'));
    assert.equal((await told(client)).text, '200 good');
    assert.deepEqual([...attempts(bad), ...attempts(good)], ['1', '2']);
  });

  for (const [name, request] of [
    ['counted', 'POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789'],
    ['chunked', 'POST /open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n'],
  ] as const) {
    test(`watches a ${name} request body, and may end the exchange`, async (t) => {
      const porter = await usePorter(t);
      const origin = await use(t, startAnswers(ok('hello')));
      const proxy = await useProxy(t, gated(porter, origin.address, {}, { requestBytesMax: 10 }));
      assert.equal((await ask(proxy.place, request)).body, 'hello');
      await proxy.reload(gated(porter, origin.address, {}, { requestBytesMax: 9 }));
      assert.equal(statusOf(await ask(proxy.place, request)), 413);
      await proxy.heldNothing();
    });
  }

  for (const [name, response] of [
    ['counted', ok('0123456789')],
    ['chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n'],
  ] as const) {
    test(`watches a ${name} response body, and may cut the exchange`, async (t) => {
      const porter = await usePorter(t);
      const origin = await use(t, startAnswers(response));
      const proxy = await useProxy(t, gated(porter, origin.address, {}, { responseBytesMax: 10 }));
      assert.equal((await ask(proxy.place, get('/open'))).body, '0123456789');
      await proxy.reload(gated(porter, origin.address, {}, { responseBytesMax: 9 }));
      const client = await WireClient.connect(proxy.place);
      await client.send(get('/open'));
      assert.equal(await client.trueEnding(), 'reset');
      assert.doesNotMatch(client.received, /0123/);
      assert.equal(await proxy.reasonCount('RESPONSE_CUT'), 1);
      await proxy.heldNothing();
    });
  }
});

describe('a request that a filter holds up', { skip, concurrency: 1 }, () => {
  before(() => {
    environment = gateEnvironment();
  });

  test('keeps what the client sends meanwhile, its body and the next request', async (t) => {
    const porter = await usePorter(t);
    const origin = await use(
      t,
      startAnswers((request, { socket }) => void socket.write(ok(request.body))),
    );
    const proxy = await useProxy(t, gated(porter, origin.address));
    const body = 'b'.repeat(300_000);
    const client = await heldUp(proxy, porter, `POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
    t.after(async () => client.close());
    const sent = client.send(`${body}${get('/open')}`);
    await answer(porter, 1, ok('pass'));
    await sent;
    const [first, second] = await client.responses(['POST', 'GET']);
    assert.equal(first!.body, body);
    assert.equal(statusOf(second!), 200);
  });

  test('goes on as it was matched, whatever came between: path, query, prefix, and the key of its server', async (t) => {
    const porter = await usePorter(t);
    const servers = await Promise.all([1, 2, 3].map((i) => use(t, startAnswers(ok(`server ${i}`)))));
    const rewrite = {
      type: 'URLRewrite',
      urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/v2' } },
    };
    const proxy = await useProxy(t, {
      ...gated(porter, ''),
      routes: [{ rules: [{ matches: [{ path: { value: '/x' } }], filters: [gate(porter), rewrite], pool: 'main' }] }],
      pools: {
        main: {
          servers: servers.map(({ address }) => ({ address })),
          balance: 'consistent-hash',
          hashKey: { type: 'Path' },
        },
      },
    });
    const of = async (path: string): Promise<string> => {
      const from = porter.asked.length + 1;
      const clients = [
        await heldUp(proxy, porter, get(`//x/./${path}?q=${path}`)),
        await heldUp(proxy, porter, get('/x/z')),
      ];
      await answer(porter, from + 1, ok('pass'));
      await told(clients[1]!);
      await answer(porter, from, ok('pass'));
      const { text } = await told(clients[0]!);
      for (const client of clients) client.close();
      return text;
    };
    const paths = ['a', 'b', 'c', 'd', 'e', 'f'];
    const first: string[] = [];
    for (const path of paths) first.push(await of(path));
    assert.ok(new Set(first).size > 1, 'paths share the servers');
    for (const [i, path] of paths.entries()) assert.equal(await of(path), first[i]);
    const targets = servers.flatMap(({ requests }) => requests.map(({ startLine }) => startLine.split(' ')[1]!));
    assert.deepEqual([...new Set(targets)].sort(), [...paths.map((path) => `/v2/${path}?q=${path}`), '/v2/z'].sort());
  });

  test('ends with its client, and what the filter says later does nothing', async (t) => {
    const porter = await usePorter(t);
    const origin = await use(t, startAnswers(ok('hello')));
    const proxy = await useProxy(t, gated(porter, origin.address));
    const client = await heldUp(proxy, porter);
    client.reset();
    await porter.origin.until('end of the question', () => porter.asked[0]!.closed);
    assert.equal(await proxy.reasonCount('CLIENT_LEFT'), 1);
    await proxy.heldNothing();
    assert.equal(origin.requests.length, 0);
    // One that only ended its side may still read: it is answered.
    const half = await heldUp(proxy, porter);
    half.end();
    await answer(porter, 2, ok('pass'));
    assert.equal((await told(half)).text, '200 hello');
  });

  test('is answered when the time of the filter is over, and the connection goes on', async (t) => {
    const porter = await usePorter(t);
    const origin = await use(t, startAnswers(ok('hello')));
    const proxy = await useProxy(t, gated(porter, origin.address));
    await warmUp(proxy, porter);
    await proxy.reload(gated(porter, origin.address, {}, { timeoutMs: 300 }));
    const client = await heldUp(proxy, porter);
    t.after(async () => client.close());
    assert.match((await told(client)).text, /^504 .*FILTER_TIMEOUT/);
    await porter.origin.until('end of the question', () => porter.asked[1]!.closed);
    await client.send(get('/open'));
    assert.equal((await told(client)).text, '200 hello');
  });

  test('is answered when the time of the request is over, and the connection goes on', async (t) => {
    const porter = await usePorter(t);
    const origin = await use(t, startAnswers(ok('hello')));
    const proxy = await useProxy(t, gated(porter, origin.address));
    await warmUp(proxy, porter);
    await proxy.reload(gated(porter, origin.address, { timeouts: { request: '300ms' } }));
    const client = await heldUp(proxy, porter);
    t.after(async () => client.close());
    assert.match((await told(client)).text, /^504 .*REQUEST_TIMEOUT/);
    await porter.origin.until('end of the question', () => porter.asked[1]!.closed);
    await client.send(get('/open'));
    assert.equal((await told(client)).text, '200 hello');
  });

  test('goes on over a reload: to the new servers of its pool, or as if it came now when the pool is gone', async (t) => {
    const porter = await usePorter(t);
    const [old, next] = [await use(t, startAnswers(ok('old'))), await use(t, startAnswers(ok('next')))];
    const proxy = await useProxy(t, gated(porter, old.address));
    const first = await heldUp(proxy, porter);
    await proxy.reload(gated(porter, next.address));
    await answer(porter, 1, ok('pass'));
    assert.equal((await told(first)).text, '200 next');
    const second = await heldUp(proxy, porter);
    const pools = { other: { servers: [{ address: old.address }] } };
    await proxy.reload({ ...gated(porter, '', { pool: 'other' }), pools });
    await answer(porter, 2, ok('pass'));
    // The new rule has a gate too, which has not been asked for this request.
    await answer(porter, 3, ok('pass'));
    assert.equal((await told(second)).text, '200 old');
    const third = await heldUp(proxy, porter);
    await proxy.reload({
      routes: [{ hostnames: ['elsewhere'], rules: [{ pool: 'last' }] }],
      pools: { last: { servers: [{ address: old.address }] } },
    });
    await answer(porter, 4, ok('pass'));
    assert.match((await told(third)).text, /^404 .*NO_ROUTE/);
    for (const client of [first, second, third]) client.close();
    await proxy.heldNothing();
  });

  test('is finished by a drain, which waits for it', async (t) => {
    const porter = await usePorter(t);
    const origin = await use(t, startAnswers(ok('hello')));
    const proxy = await useProxy(t, gated(porter, origin.address));
    const idle = await WireClient.connect(proxy.place);
    await idle.send(get('/open'));
    await told(idle);
    const client = await heldUp(proxy, porter);
    proxy.process.kill('SIGTERM');
    // The worker drains: it has closed what was idle.
    assert.equal(await idle.closed(), 'end');
    await answer(porter, 1, ok('pass'));
    assert.deepEqual(await told(client), { text: '200 hello', gate: 'passed', connection: 'close' });
    client.close();
    assert.equal((await proxy.process.exited()).code, 0);
  });

  test('is cut when a drain has no more time for it', async (t) => {
    const porter = await usePorter(t);
    const origin = await use(t, startAnswers(ok('hello')));
    const proxy = await useProxy(t, { ...gated(porter, origin.address), timeouts: { drain: '300ms' } });
    const client = await heldUp(proxy, porter);
    proxy.process.kill('SIGTERM');
    assert.equal(await client.closed(), 'reset');
    assert.equal(origin.requests.length, 0);
  });
});
