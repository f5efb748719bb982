// Requests with a body that are sent again: whole, once per server, however the body came, as long as it is small.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { start as startNeverAnswers } from '../origins/never-answers.js';
import { listenRaw, type RawOrigin } from '../origins/raw.js';
import { reset } from '../support/endings.js';
import { fieldValue, statusOf } from '../support/messages.js';
import { type ProxySpec, type RunningProxy, standIn, use, useProxy } from '../support/proxy.js';
import { get, WireClient } from '../support/wire-client.js';

const skip = standIn ? 'nginx stands in, and retries by other rules' : false;

/** A server that resets a connection once the bytes it got end in `after`, or when it is asked for anything else. */
function startResetsAfter(t: TestContext, after: string): Promise<RawOrigin> {
  return use(
    t,
    listenRaw((visit, seen) => {
      visit.socket.on('data', (text: string) => {
        visit.bytes += text;
        if (visit.bytes.endsWith(after) || !visit.bytes.startsWith('P')) reset(visit.socket);
        seen.note();
      });
    }),
  );
}

interface Pair {
  readonly proxy: RunningProxy;
  /** The first server asked; it never answers. */
  readonly bad: RawOrigin;
  /** The one asked next. */
  readonly good: RawOrigin;
  readonly client: WireClient;
}

/** Two servers in turn, the first as given. */
async function usePair(t: TestContext, bad: RawOrigin, pool: object = {}, rest: ProxySpec = {}): Promise<Pair> {
  const good = await use(t, startAnswers());
  const servers = [{ address: bad.address }, { address: good.address, backup: true }];
  const proxy = await useProxy(t, { pools: { main: { servers, ...pool } }, ...rest });
  const client = await WireClient.connect(proxy.place);
  return { proxy, bad, good, client };
}

const head = (...lines: string[]): string => ['PUT /up HTTP/1.1', 'Host: a.example', ...lines, '', ''].join('\r\n');

/** The answer came from the good server, which got the whole body; nothing is left, and the connection is in step. */
async function assertResent({ proxy, good, client }: Pair, body: string): Promise<void> {
  const response = await client.response('PUT');
  assert.equal(response.body, 'PUT /up HTTP/1.1');
  assert.deepEqual(
    good.requests.map((request) => request.body),
    [body],
  );
  assert.deepEqual(good.malformed, []);
  client.forget();
  assert.equal((await client.exchange(get('/next'))).body, 'GET /next HTTP/1.1');
  client.close();
  await proxy.heldNothing();
}

test('a body that came in a segment of its own is sent again, whole', { skip }, async (t) => {
  const pair = await usePair(t, await startResetsAfter(t, 'hello'));
  await pair.client.send(head('Content-Length: 5'));
  await pair.bad.until('the head', (seen) => seen.visits[0]?.bytes.endsWith('\r\n\r\n'));
  await pair.client.send('hello');
  await assertResent(pair, 'hello');
});

test('a body that is still on its way when its server fails goes on to the next server', { skip }, async (t) => {
  const bad = await startResetsAfter(t, 'two');
  const pair = await usePair(t, bad);
  await pair.client.send(`${head('Content-Length: 14')}one`);
  await bad.until('the first piece', (seen) => seen.visits[0]?.bytes.endsWith('one'));
  await pair.client.send('two');
  await pair.good.until('the body so far', (seen) => seen.accepted === 1);
  await pair.client.send('three');
  await pair.client.send('end');
  await assertResent(pair, 'onetwothreeend');
});

test('a chunked body is sent again, with its trailers', { skip }, async (t) => {
  const bad = await startResetsAfter(t, 'X-Sum: 1\r\n\r\n');
  const pair = await usePair(t, bad);
  await pair.client.send(`${head('Transfer-Encoding: chunked')}3\r\none\r\n`);
  await bad.until('the first piece', (seen) => seen.visits[0]?.bytes.endsWith('one\r\n'));
  await pair.client.send('3\r\ntwo\r\n0\r\nX-Sum: 1\r\n\r\n');
  await assertResent(pair, 'onetwo');
  assert.deepEqual(pair.good.requests[0]!.trailers, [['x-sum', '1']]);
});

test('a chunked body that is still on its way goes on to the next server', { skip }, async (t) => {
  const bad = await startResetsAfter(t, 'one\r\n');
  const pair = await usePair(t, bad);
  await pair.client.send(`${head('Transfer-Encoding: chunked')}3\r\none\r\n`);
  await pair.good.until('the body so far', (seen) => seen.accepted === 1);
  await pair.client.send('3\r\ntwo\r\n');
  await pair.client.send('0\r\n\r\n');
  await assertResent(pair, 'onetwo');
});

test('a body is sent again when its server does not answer in time', { skip }, async (t) => {
  const bad = await use(
    t,
    listenRaw(() => undefined),
  );
  const pair = await usePair(t, bad, { retry: { perTryTimeout: '200ms' } });
  await pair.client.send(head('Content-Length: 5'));
  await bad.until('the connection', (seen) => seen.accepted === 1);
  await pair.client.send('hello');
  await assertResent(pair, 'hello');
});

test('a body longer than a chunk of the slab is sent again when the limit allows it', { skip }, async (t) => {
  const body = Array.from({ length: 4000 }, (_, i) => `line ${i}\n`).join('');
  const bad = await startResetsAfter(t, 'line 3999\n');
  const pair = await usePair(t, bad, {}, { limits: { retryBodyBytesMax: '64KiB' } });
  await pair.client.send(head(`Content-Length: ${body.length}`));
  for (let at = 0; at < body.length; at += 7000) await pair.client.send(body.slice(at, at + 7000));
  await assertResent(pair, body);
});

const NOT_KEPT = [
  ['longer than retryBodyBytesMax, 16 KiB by default', 'x'.repeat(16_385), {}],
  ['longer than retryBodyBytesMax of all', 'hello', { limits: { retryBodyBytesMax: 4 } }],
] as const;
for (const [name, body, rest] of NOT_KEPT) {
  for (const framing of ['counted', 'chunked']) {
    test(`a ${framing} body ${name} is not sent again, and is counted`, { skip }, async (t) => {
      const end = framing === 'counted' ? body.slice(-4) : '0\r\n\r\n';
      const { proxy, client, good } = await usePair(t, await startResetsAfter(t, end), {}, rest);
      if (framing === 'counted') await client.send(head(`Content-Length: ${body.length}`) + body);
      else {
        const chunk = `${body.length.toString(16)}\r\n${body}\r\n`;
        await client.send(`${head('Transfer-Encoding: chunked')}${chunk}0\r\n\r\n`);
      }
      assert.equal(statusOf(await client.response('PUT')), 502);
      client.close();
      assert.equal(good.accepted, 0);
      const counters = (await proxy.counters())[0]! as Readonly<Record<string, unknown>>;
      assert.deepEqual(counters.bodiesNotKept, { tooLong: 1 });
      await proxy.heldNothing();
    });
  }
}

test('the chunks of a body that is kept have a holder', { skip }, async (t) => {
  const origin = await use(t, startNeverAnswers());
  const proxy = await useProxy(t, { servers: [origin.address], limits: { retryBodyBytesMax: '64KiB' } });
  const client = await WireClient.connect(proxy.place);
  await client.send(head('Content-Length: 40000') + 'x'.repeat(40_000));
  await origin.until('all of it', ({ visits }) => visits[0] !== undefined && visits[0].byteCount > 40_000);
  await proxy.countersUntil('three chunks and the head', ({ chunksUsed }) => chunksUsed === 4);
  await proxy.checkInvariants();
  client.reset();
  await proxy.heldNothing();
});

test('retryBodyBytesMax of a rule takes the place of that of all', { skip }, async (t) => {
  const bad = await startResetsAfter(t, 'hello');
  const rule = { pool: 'main', limits: { retryBodyBytesMax: '1KiB' } };
  const rest = { routes: [{ rules: [rule] }], limits: { retryBodyBytesMax: 0 } };
  const pair = await usePair(t, bad, {}, rest);
  await pair.client.send(`${head('Content-Length: 5')}hello`);
  await assertResent(pair, 'hello');
});

test('a body that cannot be sent twice is not kept: a POST gets its 502', { skip }, async (t) => {
  const { proxy, client, good } = await usePair(t, await startResetsAfter(t, 'hello'));
  await client.send('POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello');
  assert.equal(statusOf(await client.response('POST')), 502);
  client.close();
  assert.equal(good.accepted, 0);
  await proxy.heldNothing();
});

test('a mirror gets the body once, however often the request is sent', { skip }, async (t) => {
  const mirror = await use(t, startAnswers());
  const good = await use(t, startAnswers());
  const bad = await startResetsAfter(t, 'one');
  const filters = [{ type: 'RequestMirror', requestMirror: { pool: 'mirror' } }];
  const proxy = await useProxy(t, {
    routes: [{ rules: [{ pool: 'main', filters }] }],
    pools: {
      main: { servers: [{ address: bad.address }, { address: good.address, backup: true }] },
      mirror: { servers: [{ address: mirror.address }] },
    },
  });
  const client = await WireClient.connect(proxy.place);
  await client.send(`${head('Content-Length: 6')}one`);
  await good.until('the body so far', (seen) => seen.accepted === 1);
  await client.send('two');
  assert.equal(statusOf(await client.response('PUT')), 200);
  client.close();
  await mirror.until('the copy', (seen) => seen.requests.length === 1);
  assert.equal(mirror.requests[0]!.body, 'onetwo');
  assert.equal(fieldValue(mirror.requests[0]!, 'content-length'), '6');
  await proxy.heldNothing();
});

test('the client that leaves between two tries leaves nothing behind', { skip }, async (t) => {
  const bad = await startResetsAfter(t, 'one');
  const stuck = await use(
    t,
    listenRaw(() => undefined),
  );
  const servers = [{ address: bad.address }, { address: stuck.address, backup: true }];
  const proxy = await useProxy(t, { pools: { main: { servers } } });
  const client = await WireClient.connect(proxy.place);
  await client.send(`${head('Content-Length: 6')}one`);
  await stuck.until('the body so far', (seen) => seen.accepted === 1);
  client.reset();
  await proxy.heldNothing();
});
