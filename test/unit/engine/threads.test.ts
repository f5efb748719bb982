// Several engines in one process, one per thread, and what a thread leaves behind however it ends: no descriptor.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { type Cleanup, useListener, useSocket } from './lab.js';

const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** A thread that answers every connection with its name, and ends as it is told. */
async function useThread(t: Cleanup, name: string): Promise<Worker> {
  const script = new URL('./echo.worker.ts', import.meta.url).href;
  const boot = `import('tsx/esm/api').then((tsx) => { tsx.register(); return import(${JSON.stringify(script)}); });`;
  const thread = new Worker(boot, { eval: true, workerData: { name } });
  t.after(() => thread.terminate());
  await once(thread, 'message');
  return thread;
}

/** What the next connection to `port` is greeted with. The connection stays open. */
async function greeting(t: Cleanup, port: number): Promise<string> {
  const socket = await useSocket(t, { host: '127.0.0.1', port });
  return String((await once(socket, 'data'))[0]);
}

test('engines of several threads serve side by side, each its share', async (t) => {
  const { port } = useListener(t, '127.0.0.1', true);
  for (const name of ['a', 'b', 'c']) await useThread(t, name);
  const seen: string[] = [];
  for (let i = 0; i < 9; i++) seen.push(await greeting(t, port));
  assert.equal(seen.sort().join(''), 'aaabbbccc');
});

for (const ending of ['terminate', 'exit', 'throw', 'close'] as const) {
  test(`a thread that ends by ${ending} leaves no descriptor, and its clients see a reset`, async (t) => {
    const { port } = useListener(t, '127.0.0.1', true);
    // What the first thread of a process opens for itself stays: it is counted before.
    const first = await useThread(t, 'first');
    await first.terminate();
    const before = descriptors();
    const thread = await useThread(t, 'x');
    const sockets = [];
    for (let i = 0; i < 5; i++) {
      const socket = await useSocket(t, { host: '127.0.0.1', port });
      await once(socket, 'data');
      sockets.push(socket);
    }
    // Their connections were not over: what a dead thread leaves must not look complete.
    const closed = sockets.map(async (socket) => {
      const [error] = (await once(socket.resume(), 'error')) as [NodeJS.ErrnoException];
      assert.equal(error.code, 'ECONNRESET');
    });
    const exited = new Promise<void>((resolve) => thread.on('exit', () => resolve()));
    thread.on('error', () => {});
    if (ending === 'terminate') await thread.terminate();
    else thread.postMessage(ending);
    await Promise.all([exited, ...closed]);
    for (const socket of sockets) socket.destroy();
    await Promise.all(sockets.map((socket) => (socket.closed ? undefined : once(socket, 'close'))));
    assert.equal(descriptors(), before);
  });
}

test('what waits for a thread that ends goes to nobody, and the next thread serves the rest', async (t) => {
  const { port } = useListener(t, '127.0.0.1', true);
  const thread = await useThread(t, 'gone');
  assert.equal(await greeting(t, port), 'gone');
  await thread.terminate();
  const waiting = greeting(t, port);
  await useThread(t, 'next');
  assert.equal(await waiting, 'next');
});
