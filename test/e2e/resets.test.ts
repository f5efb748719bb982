// Resets at any moment, from clients and from servers, in the middle of everything. Nothing is left behind, and the
// next request is served. SEVENFOLD_SEED replays a failure.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { start as startBig } from '../origins/big-body.js';
import { listenRaw } from '../origins/raw.js';
import { start as startTcpEcho } from '../origins/tcp-echo.js';
import { reset } from '../support/endings.js';
import { use, useProxy } from '../support/proxy.js';
import { randomFrom, seed } from '../support/random.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const ROUNDS = process.env.SEVENFOLD_LONG === '1' ? 10_000 : 1000;
const AT_ONCE = 50;

async function rounds(task: (random: (below: number) => number) => Promise<void>): Promise<void> {
  let next = 0;
  const runner = async (): Promise<void> => {
    while (next < ROUNDS) await task(randomFrom(seed + next++));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runner));
}

/** Leaves in one of three ways. */
function leave(client: WireClient, random: (below: number) => number): void {
  const way = random(3);
  if (way === 0) client.reset();
  else if (way === 1) client.close();
  else client.end();
}

test(`clients that leave at any moment of an upload or a download leave nothing behind (seed ${seed})`, async (t) => {
  const origin = await use(t, startBig());
  const proxy = await useProxy(t, { servers: [origin.address] });
  await rounds(async (random) => {
    const client = await WireClient.connect(proxy.place);
    const up = random(2) === 0;
    const bytes = 1 + random(200_000);
    const chunked = random(2) === 0;
    const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes}`;
    const body = 'x'.repeat(bytes);
    const upload = chunked ? `${bytes.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
    const request = up
      ? `POST /up HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${upload}`
      : get(`/${bytes}${chunked ? '?chunked' : ''}`).repeat(1 + random(3));
    const sent = random(3) === 0 ? request : request.slice(0, random(request.length));
    const sending = client.send(sent);
    if (!up && sent === request) {
      const wanted = random(bytes);
      await client.until('some bytes', () => (client.receivedCount >= wanted ? true : undefined));
    } else if (random(2) === 0) await sending;
    leave(client, random);
    client.close();
  });
  assert.equal((await ask(proxy.place, get('/10'))).body.length, 10);
  await proxy.heldNothing();
});

test(`servers that reset at any moment leave nothing behind (seed ${seed})`, async (t) => {
  const random = randomFrom(seed);
  const bad = await use(
    t,
    listenRaw((visit) => {
      const { socket } = visit;
      const readMax = random(3) === 0 ? 0 : random(20_000);
      const answer = `HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n${'y'.repeat(30_000)}`;
      const sent = answer.slice(0, random(answer.length));
      if (readMax === 0) {
        reset(socket);
        return;
      }
      socket.on('data', (text: string) => {
        visit.byteCount += text.length;
        if (visit.byteCount < readMax) return;
        if (random(2) === 0) reset(socket);
        else socket.write(sent, () => (random(2) === 0 ? reset(socket) : socket.destroy()));
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
    timeouts: { responseHead: '300ms', requestBody: '300ms', idle: '1s' },
  });
  await rounds(async (choose) => {
    const client = await WireClient.connect(proxy.place);
    const bytes = choose(40_000);
    const upload = `POST /bad HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`;
    await client.send(choose(2) === 0 ? upload : get('/bad', 'Connection: close'));
    await client.closed();
    client.close();
  });
  assert.equal((await ask(proxy.place, get('/good'))).body, 'GET /good HTTP/1.1');
  await proxy.heldNothing();
});

test(`raw connections that are reset at any moment leave nothing behind (seed ${seed})`, async (t) => {
  const origin = await use(t, startTcpEcho({ greeting: 'hello' }));
  const proxy = await useProxy(t, { listeners: [{ protocol: 'tcp', pool: 'main' }], servers: [origin.address] });
  await rounds(async (random) => {
    const client = await WireClient.connect(proxy.place);
    const sending = client.send('z'.repeat(random(100_000)));
    if (random(2) === 0) await client.until('greeting', () => (client.receivedCount >= 5 ? true : undefined));
    if (random(2) === 0) await sending;
    leave(client, random);
    client.close();
  });
  await proxy.countersUntil('nothing left', (counters) => {
    return counters.connections === 0 && counters.chunksUsed === 0 && counters.spansQueued === 0;
  });
});
