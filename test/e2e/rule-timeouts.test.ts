// The deadlines and limits of a rule: they take the place of those of all, longer or shorter, and 0 is no limit.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { listenRaw, ok, type RawOrigin, type Visit } from '../origins/raw.js';
import { start as startUpgrade } from '../origins/upgrade-raw.js';
import { statusOf } from '../support/messages.js';
import { type ProxySpec, type RunningProxy, standIn, use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const skip = standIn ? 'nginx stands in, and has other options' : false;
const SHORT = '300ms';

const at = (value: string, rest: object): object => ({
  matches: [{ path: { type: 'PathPrefix', value } }],
  pool: 'main',
  ...rest,
});

/** A proxy whose rules are at /rule, with what is under test, and at / for everything else. */
function ruled(t: TestContext, origin: { address: string }, rule: object, rest: ProxySpec = {}, pool: object = {}) {
  return useProxy(t, {
    routes: [{ rules: [at('/rule', rule), at('/', {})] }],
    pools: { main: { servers: [{ address: origin.address }], retry: { retriesMax: 0, ...pool } } },
    ...rest,
  });
}

/** Answers nothing until it is told to; what it holds is by path. */
async function startHolding(t: TestContext): Promise<RawOrigin & { answer(path: string): void }> {
  const held = new Map<string, Visit>();
  const origin = await use(
    t,
    startAnswers((request, visit) => {
      held.set(request.startLine.split(' ')[1]!, visit);
    }),
  );
  return Object.assign(origin, { answer: (path: string) => held.get(path)!.socket.write(ok('late')) });
}

/** A request that ends by the deadline of all has passed: another, begun before it, is past that deadline too. */
async function passDeadlineOfAll(proxy: RunningProxy): Promise<void> {
  assert.equal(statusOf(await ask(proxy.place, get('/other'))), 504);
}

for (const [name, rule] of [
  ['a longer backendRequest', { timeouts: { backendRequest: '20s' } }],
  ['backendRequest 0, which is no limit', { timeouts: { backendRequest: 0 } }],
  ['a longer responseHead', { timeouts: { responseHead: '20s' } }],
  ['responseHead 0, which is no limit', { timeouts: { responseHead: 0 } }],
] as const) {
  test(`${name} of a rule takes the place of timeouts.responseHead`, { skip }, async (t) => {
    const origin = await startHolding(t);
    const proxy = await ruled(t, origin, rule, { timeouts: { responseHead: SHORT } });
    const asked = ask(proxy.place, get('/rule'));
    await origin.until('the request', (seen) => seen.requests.length === 1);
    await passDeadlineOfAll(proxy);
    origin.answer('/rule');
    assert.equal(statusOf(await asked), 200);
  });
}

test('a shorter responseHead of a rule ends its requests', { skip }, async (t) => {
  const proxy = await ruled(t, await startHolding(t), { timeouts: { responseHead: SHORT } });
  assert.equal(statusOf(await ask(proxy.place, get('/rule'))), 504);
});

test('backendRequest 0 of a rule also takes the place of its pool’s perTryTimeout', { skip }, async (t) => {
  const origin = await startHolding(t);
  const proxy = await ruled(t, origin, { timeouts: { backendRequest: 0 } }, {}, { perTryTimeout: SHORT });
  const asked = ask(proxy.place, get('/rule'));
  await origin.until('the request', (seen) => seen.requests.length === 1);
  await passDeadlineOfAll(proxy);
  origin.answer('/rule');
  assert.equal(statusOf(await asked), 200);
});

for (const [name, rule, pool] of [
  ['perTryTimeout of a pool', {}, { perTryTimeout: SHORT }],
  ['backendRequest of a rule', { timeouts: { backendRequest: SHORT } }, {}],
] as const) {
  test(`${name} counts from the request sent, not while the client still uploads`, { skip }, async (t) => {
    const origin = await use(
      t,
      startAnswers((request, visit) => {
        if (request.body === 'helloworld') visit.socket.write(ok('got it all'));
      }),
    );
    const proxy = await ruled(t, origin, rule, {}, pool);
    const client = await WireClient.connect(proxy.place);
    const post = 'POST /rule HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n';
    await client.send(`${post}hello`);
    await origin.until('the half', (seen) => seen.visits[0]?.bytes.endsWith('hello'));
    // Sent whole and not answered, a request that began later has its deadline pass.
    assert.equal(statusOf(await ask(proxy.place, `${post}whole body`)), 504);
    await client.send('world');
    assert.equal(statusOf(await client.response('POST')), 200);
    client.close();
  });
}

test('backendRequest of a rule covers the whole response', { skip }, async (t) => {
  const origin = await use(
    t,
    startAnswers((_, visit) => visit.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n0123456789')),
  );
  const proxy = await ruled(t, origin, { timeouts: { backendRequest: SHORT } });
  const client = await WireClient.connect(proxy.place);
  await client.send(get('/rule'));
  await client.closed();
  assert.match(client.received, /\r\n\r\n0123456789$/);
});

test('perTryTimeout of a pool ends with the head of the response', { skip }, async (t) => {
  const held: Visit[] = [];
  const origin = await use(
    t,
    startAnswers((request, visit) => {
      if (!request.startLine.includes('/rule')) return;
      held.push(visit);
      visit.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n0123456789');
    }),
  );
  const proxy = await ruled(t, origin, {}, {}, { perTryTimeout: SHORT });
  const asked = ask(proxy.place, get('/rule'));
  await origin.until('the request', () => held.length === 1);
  await passDeadlineOfAll(proxy);
  held[0]!.socket.write('0123456789');
  assert.equal((await asked).body.length, 20);
});

test('responseIdle of a rule cuts a response that stalls', { skip }, async (t) => {
  const origin = await use(
    t,
    startAnswers((_, visit) => visit.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n0123456789')),
  );
  const proxy = await ruled(t, origin, { timeouts: { responseIdle: SHORT } });
  const client = await WireClient.connect(proxy.place);
  await client.send(get('/rule'));
  await client.closed();
  assert.match(client.received, /\r\n\r\n0123456789$/);
});

test('requestBody of a rule answers 408 to a body that stalls', { skip }, async (t) => {
  const origin = await use(
    t,
    listenRaw((visit, seen) => {
      visit.socket.on('data', () => seen.note());
    }),
  );
  const proxy = await ruled(t, origin, { timeouts: { requestBody: SHORT } });
  const client = await WireClient.connect(proxy.place);
  await client.send('POST /rule HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf');
  assert.equal(statusOf(await client.response('POST')), 408);
  await client.closed();
});

test('tunnelIdle of a rule closes its tunnels, and outlives that of all', { skip }, async (t) => {
  const origin = await use(t, startUpgrade());
  const upgrade = async (proxy: RunningProxy, path: string): Promise<WireClient> => {
    const client = await WireClient.connect(proxy.place);
    await client.send(get(path, 'Connection: upgrade', 'Upgrade: echo'));
    await client.until('101', () => (client.received.startsWith('HTTP/1.1 101 ') ? true : undefined));
    return client;
  };
  const short = await ruled(t, origin, { timeouts: { tunnelIdle: SHORT } });
  await (await upgrade(short, '/rule')).closed();
  const long = await ruled(t, origin, { timeouts: { tunnelIdle: 0 } }, { timeouts: { tunnelIdle: SHORT } });
  const stays = await upgrade(long, '/rule');
  await (await upgrade(long, '/other')).closed();
  stays.forget();
  await stays.send('still there?');
  await stays.until('the echo', () => (stays.received.includes('still there?') ? true : undefined));
  stays.close();
});

test('bodyBytesMax of a rule is larger or smaller than that of all, counted or chunked', { skip }, async (t) => {
  const origin = await use(t, startAnswers());
  const limits = { bodyBytesMax: 10 };
  const proxy = await useProxy(t, {
    routes: [
      {
        rules: [
          at('/large', { limits: { bodyBytesMax: 20 } }),
          at('/small', { limits: { bodyBytesMax: 5 } }),
          at('/any', { limits: { bodyBytesMax: 0 } }),
          at('/', {}),
        ],
      },
    ],
    pools: { main: { servers: [{ address: origin.address }] } },
    limits,
  });
  const counted = (path: string, bytes: number): Promise<number> => {
    const body = 'x'.repeat(bytes);
    return ask(proxy.place, `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n${body}`).then(
      statusOf,
    );
  };
  const chunked = (path: string, bytes: number): Promise<number> => {
    const body = `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n0\r\n\r\n`;
    return ask(proxy.place, `POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`).then(
      statusOf,
    );
  };
  for (const send of [counted, chunked]) {
    for (const [path, most] of [
      ['/large', 20],
      ['/small', 5],
      ['/other', 10],
    ] as const) {
      assert.equal(await send(path, most), 200, path);
      assert.equal(await send(path, most + 1), 413, path);
    }
    assert.equal(await send('/any', 5000), 200);
  }
});
