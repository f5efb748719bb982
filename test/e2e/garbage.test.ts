// Random bytes and broken messages, from clients and from servers. The process lives, the next request is served, and
// no server ever gets bytes that a strict reader refuses. SEVENFOLD_SEED replays a failure.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { serveRequests } from '../origins/raw.js';
import { reset } from '../support/endings.js';
import { statusOf } from '../support/messages.js';
import { use, useProxy } from '../support/proxy.js';
import { randomFrom, seed } from '../support/random.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const ROUNDS = process.env.SEVENFOLD_LONG === '1' ? 20_000 : 1500;
const AT_ONCE = 50;

const TELLING = ['\r', '\n', '\r\n', ' ', '\t', ':', '\0', ',', ';', '0', 'f', '\xff', '/', '%', 'HTTP/1.1', 'chunked'];

/** A few bytes of `message` replaced, dropped, doubled or added. */
function broken(message: string, random: (below: number) => number): string {
  let text = message;
  for (let i = 1 + random(4); i > 0; i--) {
    const at = random(text.length + 1);
    const telling = TELLING[random(TELLING.length)]!;
    const kind = random(5);
    if (kind === 0) text = text.slice(0, at) + telling + text.slice(at);
    else if (kind === 1) text = text.slice(0, at) + text.slice(at + 1 + random(3));
    else if (kind === 2) text = text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1);
    else if (kind === 3) text = text.slice(0, at) + telling + text.slice(at + telling.length);
    else text = text.slice(0, at) + text.slice(Math.max(0, at - random(30)));
  }
  return text;
}

function noise(random: (below: number) => number): string {
  return Array.from({ length: 1 + random(600) }, () => String.fromCharCode(random(256))).join('');
}

const REQUESTS = [
  get('/plain', 'Accept: */*', 'Connection: keep-alive, X-A', 'X-A: b'),
  'POST /counted HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world',
  'POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: u\r\n\r\n',
  'GET http://a.example/absolute?q HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\n\r\n',
  'GET /up HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
];
const RESPONSES = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: u\r\n\r\n',
  'HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n',
  'HTTP/1.0 200 OK\r\n\r\nuntil the end',
];

/** Runs `task` for every round, AT_ONCE at a time; a failure names the seed and the round. */
async function rounds(task: (random: (below: number) => number) => Promise<void>): Promise<void> {
  let next = 0;
  const runner = async (): Promise<void> => {
    while (next < ROUNDS) {
      const round = next++;
      try {
        await task(randomFrom(seed + round));
      } catch (error) {
        throw new Error(`SEVENFOLD_SEED=${seed}, round ${round}: ${error}`, { cause: error });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runner));
}

test(`garbage from clients harms nobody (seed ${seed})`, async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, { servers: [origin.address], timeouts: { requestHead: '1s', requestBody: '1s' } });
  await rounds(async (random) => {
    const bytes =
      random(4) === 0
        ? noise(random)
        : broken(REQUESTS[random(REQUESTS.length)]!, random) + (random(2) ? get('/next') : '');
    const client = await WireClient.connect(proxy.place);
    const cut = random(bytes.length);
    await client.send(bytes.slice(0, cut));
    await client.send(bytes.slice(cut));
    // Our end tells the proxy that no more comes: it answers what it has and closes.
    client.end();
    await client.closed();
  });
  assert.equal(statusOf(await ask(proxy.place, get('/last'))), 200);
  assert.deepEqual(
    origin.malformed.map((error) => error.message),
    [],
    `SEVENFOLD_SEED=${seed}: the origin got bytes that are no strict request`,
  );
  await proxy.heldNothing();
});

test(`garbage from servers harms nobody (seed ${seed})`, async (t) => {
  const random = randomFrom(seed);
  const bad = await use(
    t,
    serveRequests((_request, visit) => {
      const bytes = random(6) === 0 ? noise(random) : broken(RESPONSES[random(RESPONSES.length)]!, random);
      const cut = random(bytes.length);
      visit.socket.write(bytes.slice(0, cut), 'latin1', () => {
        visit.socket.write(bytes.slice(cut), 'latin1', () => {
          if (random(3) === 0) reset(visit.socket);
          else visit.socket.end();
        });
      });
    }),
  );
  const good = await use(t, startAnswers());
  const prefix = (value: string, pool: string): object => ({
    matches: [{ path: { type: 'PathPrefix', value } }],
    pool,
  });
  const proxy = await useProxy(t, {
    routes: [{ rules: [prefix('/good', 'good'), prefix('/', 'bad')] }],
    pools: { good: { servers: [{ address: good.address }] }, bad: { servers: [{ address: bad.address }] } },
    timeouts: { responseHead: '1s', responseIdle: '1s', tunnelIdle: '1s', idle: '2s' },
  });
  await rounds(async (choose) => {
    const client = await WireClient.connect(proxy.place);
    await client.send(
      choose(3) === 0 ? get('/bad', 'Connection: close, upgrade', 'Upgrade: echo') : get('/bad', 'Connection: close'),
    );
    await client.closed();
    if (client.received !== '') assert.match(client.received, /^HTTP\/1\.[01] [1-9]\d\d /);
  });
  assert.equal(statusOf(await ask(proxy.place, get('/good'))), 200);
  await proxy.heldNothing();
});
