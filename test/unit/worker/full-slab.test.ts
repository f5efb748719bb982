// A worker whose slab has no chunk left when it needs one for a line it never wrote before.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHUNK_BYTES } from '../../../src/engine/layout.js';
import { start as startAnswers } from '../../origins/answers.js';
import { fieldValue, statusOf } from '../../support/messages.js';
import { use } from '../../support/proxy.js';
import { ask, get } from '../../support/wire-client.js';
import { type OneWorker, useWorker } from './one-worker.js';

const routes = [{ rules: [{ pool: 'main' }] }];

/** Lets the engine give out no chunk from here on, except those it receives in, and fills the room for constants. */
function fill({ worker }: OneWorker): void {
  worker.engine.chunkTake = () => -1;
  let texts = 0;
  for (let bytes = CHUNK_BYTES / 2; bytes >= 8; bytes /= 2) {
    while (worker.pinned.pinIfRoom(`${texts}`.padEnd(bytes, 'x')) !== null) texts++;
  }
}

test('an answer whose session line is new goes out although no chunk is left for constants', async (t) => {
  const origin = await use(t, startAnswers());
  const sessionPersistence = { type: 'Cookie', cookieName: 'session' };
  const main = { servers: [{ address: origin.address }], sessionPersistence };
  const answered = {
    matches: [{ path: { value: '/answered' } }],
    filters: [{ type: 'DirectResponse', directResponse: { status: 200, body: 'x' } }],
  };
  const one = useWorker(t, { routes: [{ rules: [answered, { pool: 'main' }] }], pools: { main } });
  // The first request leaves the worker a chunk to write lines to.
  assert.equal(statusOf(await ask(one.place, get('/answered'))), 200);
  fill(one);
  const answer = await ask(one.place, get('/'));
  assert.equal(statusOf(answer), 200);
  assert.match(fieldValue(answer, 'set-cookie') ?? '', /^session=/);
});

test('a request of HTTP/1.0 without Host gets the Host of its server although no chunk is left for constants', async (t) => {
  const origin = await use(t, startAnswers());
  const one = useWorker(t, { routes, pools: { main: { servers: [{ address: origin.address }] } } });
  assert.equal(statusOf(await ask(one.place, get('/'))), 200);
  fill(one);
  assert.equal(statusOf(await ask(one.place, 'GET / HTTP/1.0\r\n\r\n')), 200);
  assert.equal(fieldValue(origin.requests[1]!, 'host'), origin.address);
});

test('a worker applies new settings although no chunk is left for constants', async (t) => {
  const origin = await use(t, startAnswers());
  const one = useWorker(t, { routes, pools: { main: { servers: [{ address: origin.address }] } } });
  assert.equal(statusOf(await ask(one.place, get('/'))), 200);
  fill(one);
  const { settings } = one.snapshot;
  const listeners = [{ ...settings.listeners[0]!, port: 4711 }];
  const change = { generation: 2, routing: null, settings: { ...settings, listeners }, poolNames: null, pools: [] };
  one.worker.apply({ ...change, series: null });
  assert.equal(statusOf(await ask(one.place, get('/'))), 200);
  assert.equal(fieldValue(origin.requests[1]!, 'x-forwarded-port'), '4711');
});

test('a body that finds no chunk to be kept in goes out all the same, and is counted', async (t) => {
  const origin = await use(t, startAnswers());
  const one = useWorker(t, { routes, pools: { main: { servers: [{ address: origin.address }] } } });
  assert.equal(statusOf(await ask(one.place, get('/'))), 200);
  fill(one);
  const put = 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello';
  assert.equal(statusOf(await ask(one.place, put)), 200);
  assert.equal(origin.requests[1]!.body, 'hello');
  assert.deepEqual(one.worker.report().bodiesNotKept, { noRoom: 1 });
});
