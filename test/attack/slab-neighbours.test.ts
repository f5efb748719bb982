// Chunks of the slab lie side by side: whatever a client sends, those next to its own are not written to and not given back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok } from '../origins/raw.js';
import { fieldValue, statusOf } from '../support/messages.js';
import { useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const CHUNK_BYTES = 16_384;

for (const { what, limits, first, rest, status } of [
  {
    what: 'a target that is too long only with its last piece',
    limits: {},
    first: `GET /${'a'.repeat(200)}`,
    rest: `${'a'.repeat(8100)} HTTP/1.1\r\nHost: a\r\nX: ${'b'.repeat(7900)}\r\n\r\n`,
    status: 414,
  },
  {
    what: 'a head that is too long only with its last piece',
    limits: { headBytesMax: CHUNK_BYTES / 2 },
    first: `GET / HTTP/1.1\r\nHost: a\r\nX: ${'b'.repeat(CHUNK_BYTES / 2 - 100)}`,
    rest: `${'b'.repeat(CHUNK_BYTES / 2 - 100)}\r\n\r\n`,
    status: 431,
  },
]) {
  test(`${what} gives back its own chunk, and no other`, async (t) => {
    const origin = await startAnswers(ok('fine'));
    t.after(() => origin.close());
    const proxy = await useProxy(t, { servers: [origin.address], limits });
    const client = await WireClient.connect(proxy.place);
    await client.send(first);
    await proxy.countersUntil('a head begun', ({ parsersUsed }) => parsersUsed === 1);
    await client.send(rest);
    assert.equal((await client.response()).startLine.split(' ')[1], String(status));
    client.close();
    await proxy.checkInvariants();
    await proxy.heldNothing();
  });
}

const odd = '"'.repeat(2600);
for (const { what, target, status } of [
  {
    what: 'a path that is long while it is brought into normal form, and short then,',
    target: `//${odd}/${odd}/..`,
    status: 200,
  },
  {
    what: 'a target that no chunk can hold once its path is rewritten',
    target: `/rewritten?${'q'.repeat(CHUNK_BYTES - 150)}`,
    status: 414,
  },
  {
    what: 'a target that fills a chunk once its path is rewritten',
    target: `/rewritten?${'q'.repeat(CHUNK_BYTES - 202 - '/rewritten?'.length)}`,
    status: 200,
  },
]) {
  test(`${what} is written into its own chunk`, async (t) => {
    const value = (index: number): string => `${index}.`.repeat(8000).slice(0, CHUNK_BYTES - 200);
    const arrived: string[] = [];
    let isOpen = false;
    const origin = await startAnswers((request, visit) => {
      arrived.push(request.startLine.split(' ')[1]! + (fieldValue(request, 'x-value') ?? ''));
      if (isOpen) visit.socket.write(ok('fine'));
    });
    t.after(() => origin.close());
    const plain = await startAnswers();
    t.after(() => plain.close());
    const proxy = await useProxy(t, {
      listeners: [{ repeatedSlashes: 'keep' }],
      routes: [
        {
          rules: [
            { matches: [{ path: { value: '/wait' } }], pool: 'main' },
            {
              matches: [{ path: { value: '/rewritten' } }],
              pool: 'plain',
              filters: [
                {
                  type: 'URLRewrite',
                  urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: `/${'p'.repeat(190)}` } },
                },
              ],
            },
            { filters: [{ type: 'DirectResponse', directResponse: { status: 200, body: 'short' } }] },
          ],
        },
      ],
      limits: { uriBytesMax: CHUNK_BYTES },
      pools: {
        main: { servers: [{ address: origin.address }], limits: { serverRequestsMax: 1, queueMax: 100 } },
        plain: { servers: [{ address: plain.address }] },
      },
    });
    // Heads that wait, each in a chunk of its own; then gaps between them, which are taken next.
    const clients: WireClient[] = [];
    for (let i = 0; i < 40; i++) {
      const client = await WireClient.connect(proxy.place);
      await client.send(get(`/wait/${i}`, `X-Value: ${value(i)}`));
      clients.push(client);
    }
    await proxy.countersUntil('all waiting', ({ chunksUsed }) => chunksUsed! >= 40);
    for (let i = 1; i < clients.length; i += 2) clients[i]!.reset();
    await proxy.countersUntil('gaps', ({ clientConnections }) => clientConnections === 20);
    for (let i = 0; i < 10; i++) assert.equal(statusOf(await ask(proxy.place, get(target))), status);
    isOpen = true;
    origin.visits[0]!.socket.write(ok('fine'));
    await Promise.all(clients.filter((_, i) => i % 2 === 0).map((client) => client.response()));
    for (const client of clients) client.close();
    const expected = clients.flatMap((_, i) => (i % 2 === 0 ? [`/wait/${i}${value(i)}`] : []));
    const changed = arrived.filter((one) => !expected.includes(one)).map((one) => one.slice(0, 40));
    assert.deepEqual(changed, [], 'requests that no client sent');
    assert.equal(new Set(arrived).size, expected.length);
    await proxy.heldNothing();
  });
}
