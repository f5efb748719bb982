// Heads over 16 KiB, which no chunk of the slab can hold: allowed by limits.headBytesMax, in both directions.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import { fieldValue, fieldValues, statusOf } from '../support/messages.js';
import { type RunningProxy, startProxy, use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const KIB = 1024;
/** A value in which every part differs from the next: what is moved wrongly shows. */
const value = (bytes: number): string => {
  let text = '';
  for (let i = 0; text.length < bytes; i++) text += `${i};`;
  return text.slice(0, bytes);
};
const fields = (count: number): string[] => Array.from({ length: count }, (_, i) => `X-${i}: value ${i}`);
const HOP_BY_HOP = Array.from({ length: 40 }, (_, i) => [
  `X-Kept-${i}: ${value(1500)}`,
  'Keep-Alive: timeout=5',
]).flat();

describe('long heads', { concurrency: 1 }, () => {
  let origin: RawOrigin;
  let proxy: RunningProxy;

  before(async () => {
    origin = await startAnswers((request, visit) => {
      const kib = Number(/\/response\/(\d+)/.exec(request.startLine)?.[1] ?? 0);
      const many = request.startLine.includes('/many') ? fields(900) : [];
      const hops = request.startLine.includes('/hops') ? HOP_BY_HOP : [];
      const twice = Number(/\/twice\/(\d+)/.exec(request.startLine)?.[1] ?? 0);
      if (twice > 0) {
        const lines = `X-Value: ${value(twice)}\r\nContent-Length: 4\r\nContent-Length: 4\r\nX-Tail: end\r\n`;
        visit.socket.write(`HTTP/1.1 200 OK\r\n${lines}\r\nbody`);
        return;
      }
      const long = kib === 0 ? [] : [`Content-Security-Policy: ${value(kib * KIB)}`];
      visit.socket.write(ok(`body of ${request.body}`, ...long, ...many, ...hops));
    });
    proxy = await startProxy({
      pools: { main: { servers: [{ address: origin.address }] } },
      routes: [
        {
          rules: [
            {
              matches: [{ path: { value: '/only-by-header' }, headers: [{ name: 'x-last', value: 'found' }] }],
              pool: 'main',
            },
            {
              matches: [{ path: { value: '/only-by-header' } }],
              filters: [{ type: 'DirectResponse', directResponse: { status: 418, body: 'no header' } }],
            },
            { pool: 'main' },
          ],
        },
      ],
      limits: { headBytesMax: '256KiB', fieldsMax: 1000 },
    });
  });
  after(async () => {
    await proxy.heldNothing();
    await proxy.stop();
    await origin.close();
  });

  const last = () => origin.requests.at(-1)!;

  for (const kib of [9, 16, 17, 33, 100, 250]) {
    test(`a request head of ${kib} KiB arrives whole, and so do its body and the request behind it`, async () => {
      const cookie = value(kib * KIB);
      const client = await WireClient.connect(proxy.place);
      const post = get('/', `Cookie: ${cookie}`, 'Content-Length: 5').replace('GET', 'POST');
      await client.send(`${post}hello${get('/next', `Cookie: ${cookie}`, 'X-Last: found')}`);
      const [first, second] = await client.responses(['POST', 'GET']);
      client.close();
      assert.equal(first!.body, 'body of hello');
      assert.equal(statusOf(second!), 200);
      for (const request of origin.requests.slice(-2)) assert.equal(fieldValue(request, 'cookie'), cookie);
      assert.equal(fieldValue(last(), 'x-last'), 'found');
    });

    test(`a response head of ${kib} KiB arrives whole`, async () => {
      const answer = await ask(proxy.place, get(`/response/${kib}`));
      assert.equal(statusOf(answer), 200);
      assert.equal(fieldValue(answer, 'content-security-policy'), value(kib * KIB));
      assert.equal(answer.body, 'body of ');
    });
  }

  test('a head cut after every 3,001st byte is the same head', async () => {
    const cookie = value(60 * KIB);
    const request = get('/only-by-header', `Cookie: ${cookie}`, 'X-Last: found');
    const client = await WireClient.connect(proxy.place);
    const count = origin.requests.length;
    for (let at = 0; at < request.length; at += 3001) await client.send(request.slice(at, at + 3001));
    assert.equal(statusOf(await client.response()), 200);
    client.close();
    assert.equal(origin.requests.length, count + 1);
    assert.equal(fieldValue(last(), 'cookie'), cookie);
  });

  test('a length said twice is taken out of a head that goes on in the next chunk', async () => {
    // The first chunk of the head ends in the line behind, or right before it.
    const front = 'HTTP/1.1 200 OK\r\nX-Value: \r\nContent-Length: 4\r\nContent-Length: 4\r\n'.length;
    for (const behind of [0, 1, 10, 13]) {
      const bytes = 16 * KIB - front - behind;
      const client = await WireClient.connect(proxy.place);
      await client.send(get(`/twice/${bytes}`) + get('/next'));
      const [answer, next] = await client.responses(['GET', 'GET']);
      client.close();
      assert.equal(statusOf(answer!), 200);
      assert.equal(fieldValue(answer!, 'x-value'), value(bytes));
      assert.deepEqual(fieldValues(answer!, 'content-length'), ['4']);
      assert.deepEqual(fieldValues(answer!, 'transfer-encoding'), []);
      assert.deepEqual([answer!.body, next!.body], ['body', 'body of ']);
    }
  });

  test('a rule matches by a field behind the first 100 KiB', async () => {
    const cookie = `Cookie: ${value(100 * KIB)}`;
    assert.equal(statusOf(await ask(proxy.place, get('/only-by-header', cookie, 'X-Last: found'))), 200);
    assert.equal(statusOf(await ask(proxy.place, get('/only-by-header', cookie))), 418);
  });

  test('fields that end at this hop are left out wherever a chunk ends', async () => {
    const answer = await ask(proxy.place, get('/hops', ...HOP_BY_HOP));
    for (const message of [last(), answer]) {
      assert.deepEqual(fieldValues(message, 'keep-alive'), []);
      for (let i = 0; i < 40; i++) assert.equal(fieldValue(message, `x-kept-${i}`), value(1500));
    }
  });

  test('900 fields pass in both directions, every second one taken out', async () => {
    const lines = fields(450).flatMap((line) => [line, 'Keep-Alive: timeout=5']);
    const answer = await ask(proxy.place, get('/many', ...lines));
    assert.equal(statusOf(answer), 200);
    for (let i = 0; i < 900; i++) assert.equal(fieldValue(answer, `x-${i}`), `value ${i}`);
    for (let i = 0; i < 450; i++) assert.equal(fieldValue(last(), `x-${i}`), `value ${i}`);
    assert.deepEqual(fieldValues(last(), 'keep-alive'), []);
  });

  test('more than fieldsMax fields are answered 431, however they come', async () => {
    assert.equal(statusOf(await ask(proxy.place, get('/', ...fields(1000)))), 431);
    assert.equal(statusOf(await ask(proxy.place, get('/', `Cookie: ${value(20 * KIB)}`, ...fields(999)))), 431);
  });

  test('a request head beyond headBytesMax is answered 431, a response head 502', async () => {
    const count = origin.requests.length;
    assert.equal(statusOf(await ask(proxy.place, get('/', `Cookie: ${value(257 * KIB)}`))), 431);
    assert.equal(origin.requests.length, count);
    assert.equal(statusOf(await ask(proxy.place, get('/response/257'))), 502);
  });

  test('a wrong byte far inside a long head is answered 400', async () => {
    const answer = await ask(proxy.place, get('/', `Cookie: ${value(40 * KIB)}`, 'X-A: \u0001'));
    assert.equal(statusOf(answer), 400);
    const framing = get('/', `Cookie: ${value(40 * KIB)}`, 'Content-Length: 1x');
    assert.match((await ask(proxy.place, framing)).body, /REQUEST_FRAMING/);
  });

  test('clients that leave in the middle of long heads leave nothing behind', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => WireClient.connect(proxy.place)));
    for (const client of clients) await client.send(`GET / HTTP/1.1\r\nHost: a\r\nCookie: ${value(100 * KIB)}`);
    for (const client of clients) client.reset();
    await proxy.heldNothing();
    assert.equal(statusOf(await ask(proxy.place, get())), 200);
  });
});

test('long heads under way take at most a quarter of the slab, then 503', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, {
    servers: [origin.address],
    limits: { headBytesMax: '128KiB', slabBytes: '1MiB', fieldsMax: 1000 },
  });
  const clients = await Promise.all(Array.from({ length: 6 }, () => WireClient.connect(proxy.place)));
  const begun = `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${value(60 * KIB)}`;
  for (const client of clients) await client.send(begun);
  const refused = await Promise.race(
    clients.map(async (client) => ({
      client,
      answer: await client.response().catch(() => new Promise<never>(() => {})),
    })),
  );
  assert.equal(statusOf(refused.answer), 503);
  assert.match(refused.answer.body, /OVERLOADED/);
  // The others go on.
  const served = clients.filter((client) => !client.ended);
  assert.ok(served.length > 0);
  await served[0]!.send('\r\n\r\n');
  assert.equal(statusOf(await served[0]!.response()), 200);
  for (const client of clients) client.close();
  await proxy.heldNothing();
  assert.equal(statusOf(await ask(proxy.place, get('/', `Cookie: ${value(60 * KIB)}`))), 200);
});
