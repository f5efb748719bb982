// Observers see every exchange once as it ends, however it does: what the report counts is what clients did.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { start as startMidBody } from '../origins/closes-mid-body.js';
import { start as startNeverAnswers } from '../origins/never-answers.js';
import { freePlace, written } from '../support/addresses.js';
import { statusOf } from '../support/messages.js';
import { describeProduct, type ProxySpec, type RunningProxy, use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

/** Ended so far: all, and by the class of the status that the client got, 0 for none. */
async function ended(proxy: RunningProxy): Promise<[all: number, byClass: readonly number[]]> {
  await proxy.heldNothing();
  const [counters] = await proxy.counters();
  return [counters!.exchangesEnded, counters!.exchangesByStatusClass];
}

const rule = (path: string, more: object): object => ({
  matches: [{ path: { type: 'PathPrefix', value: path } }],
  ...more,
});

describeProduct('observed', () => {
  test('each way in which an exchange ends is counted once', async (t) => {
    const good = await use(t, startAnswers());
    const cut = await use(t, startMidBody());
    const silent = await use(t, startNeverAnswers());
    const dead = written(freePlace());
    const spec: ProxySpec = {
      routes: [
        {
          rules: [
            ...['good', 'cut', 'silent', 'dead', 'retried'].map((name) => rule(`/${name}`, { pool: name })),
            rule('/away', { filters: [{ type: 'RequestRedirect', requestRedirect: { hostname: 'b.example' } }] }),
          ],
        },
      ],
      pools: {
        good: { servers: [{ address: good.address }] },
        cut: { servers: [{ address: cut.address }] },
        silent: { servers: [{ address: silent.address }] },
        dead: { servers: [{ address: dead }] },
        retried: { servers: [{ address: dead }, { address: good.address, backup: true }] },
      },
      listeners: [{}, { protocol: 'tcp', pool: 'good' }],
    };
    const proxy = await useProxy(t, spec);

    for (const [path, status] of [
      ['/good', 200],
      ['/retried', 200],
      ['/away', 302],
      ['/none', 404],
      ['/dead', 502],
    ] as const)
      assert.equal(statusOf(await ask(proxy.place, get(path))), status, path);
    assert.equal(statusOf(await ask(proxy.place, 'GET / HTTP/1.1\r\nHost : a\r\n\r\n')), 400);
    assert.deepEqual(await ended(proxy), [6, [0, 0, 2, 1, 2, 1]]);

    const pipelining = await WireClient.connect(proxy.place);
    await pipelining.send(get('/good') + get('/none') + get('/good'));
    await pipelining.until('three answers', () => pipelining.received.split('HTTP/1.1 ').length === 4 || undefined);
    pipelining.close();
    assert.deepEqual(await ended(proxy), [9, [0, 0, 4, 1, 3, 1]], 'pipelined');

    const reading = await WireClient.connect(proxy.place);
    await reading.send(get('/cut'));
    assert.equal(await reading.trueEnding(), 'reset');
    assert.deepEqual(await ended(proxy), [10, [0, 0, 5, 1, 3, 1]], 'its response was cut');

    const leaving = await WireClient.connect(proxy.place);
    await leaving.send(get('/silent'));
    await proxy.countersUntil('a request at the server', ({ connections }) => connections >= 2);
    leaving.socket.resetAndDestroy();
    assert.deepEqual(await ended(proxy), [11, [1, 0, 5, 1, 3, 1]], 'the client left');

    assert.equal(statusOf(await ask(proxy.listeners[1]!, get('/', 'Connection: close'))), 200);
    assert.deepEqual(await ended(proxy), [12, [2, 0, 5, 1, 3, 1]], 'passed on unread');
  });
});
