// Very many connections: ten thousand that wait, and a hundred thousand that come and go.

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { descriptorCount, residentBytes } from '../support/child.js';
import { reset } from '../support/endings.js';
import { type RunningProxy, use, useProxy } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

const IDLE_COUNT = 10_000;
/** Sanitizers surround every allocation with memory of their own. */
const IDLE_BYTES_MAX = process.env.SEVENFOLD_SANITIZED === '1' ? 3072 : 2048;
const CYCLE_COUNT = 100_000;
/** Connections being opened at once: the listening queue is not what is tested here. */
const AT_ONCE = 200;

/** Runs `task` for 0 … count - 1, AT_ONCE at a time. */
async function forEach(count: number, task: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const runner = async (): Promise<void> => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, runner));
}

/** Opens a connection, sends `bytes`, and resolves with it once an answer came (or at once when none is wanted). */
function open(proxy: RunningProxy, bytes: string, answered: boolean): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(proxy.place.port, proxy.place.host);
    socket.once('error', reject);
    socket.once('connect', () => {
      if (answered) socket.once('data', () => resolve(socket));
      if (bytes === '') resolve(socket);
      else socket.write(bytes, () => answered || resolve(socket));
    });
  });
}

test('ten thousand idle keep-alive connections cost at most 2 KiB of memory each', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const request = get('/', 'Accept: */*', 'User-Agent: test');
  // What the process allocates once, whatever the number of connections, is not theirs.
  await forEach(4000, async () => void (await open(proxy, request, true)).destroy());
  await proxy.countersUntil('those connections gone', (counters) => (counters.connections ?? 0) <= 256);
  const before = residentBytes(proxy.pid);
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  await forEach(IDLE_COUNT, async () => void sockets.push(await open(proxy, request, true)));
  // Each has had its answer. Before a report: it looks at every connection, and what that takes is not theirs.
  const each = (residentBytes(proxy.pid) - before) / IDLE_COUNT;
  await proxy.countersUntil('all open and no chunk held', (counters) => {
    return (counters.connections ?? 0) >= IDLE_COUNT && counters.chunksUsed === 0;
  });
  t.diagnostic(`${Math.round(each)} bytes for each`);
  assert.ok(each <= IDLE_BYTES_MAX, `${Math.round(each)} bytes for each idle connection`);
});

test('a hundred thousand connections opened and closed leave nothing behind', async (t) => {
  const origin = await use(t, startAnswers());
  const proxy = await useProxy(t, { servers: [origin.address], limits: { idleConnectionsMax: 1 } });
  await ask(proxy.place, get());
  const descriptors = descriptorCount(proxy.pid);
  const request = get();
  await forEach(CYCLE_COUNT, async (index) => {
    // A quarter each: says nothing, leaves inside a head, leaves without reading the answer, reads it.
    const kind = index & 3;
    const bytes = kind === 0 ? '' : kind === 1 ? request.slice(0, 20) : request;
    const socket = await open(proxy, bytes, kind === 3);
    // A reset leaves no TIME_WAIT, of which a hundred thousand would use up the ports.
    reset(socket);
  });
  assert.equal((await ask(proxy.place, get('/after'))).body, 'GET /after HTTP/1.1');
  await proxy.countersUntil('nothing held', (counters) => {
    const { connections = 0, chunksUsed = 0, spansQueued = 0 } = counters;
    return connections <= 1 && chunksUsed === 0 && spansQueued === 0;
  });
  assert.ok(descriptorCount(proxy.pid) <= descriptors, 'descriptors stay behind');
});
