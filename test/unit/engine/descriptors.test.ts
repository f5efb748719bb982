// A process that runs out of descriptors: accepting waits without spinning and goes on, connecting is told.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Child } from '../../support/child.js';
import { useSocket } from './lab.js';

const PROGRAM = fileURLToPath(new URL('./few-descriptors.ts', import.meta.url));

for (const accept of ['handoff', 'shared']) {
  test(`with ${accept} accept, connections wait for descriptors, cost no CPU meanwhile, and are served then`, async (t) => {
    const child = new Child('sh', [
      '-c',
      `ulimit -n 64; exec "${process.execPath}" --import tsx "${PROGRAM}" ${accept}`,
    ]);
    t.after(async () => {
      child.kill('SIGKILL');
      await child.exited();
    });
    const line = await child.until('port', () => /^port (\d+)$/m.exec(child.stdout)?.[1]);
    const where = { host: '127.0.0.1', port: Number(line) };
    const sockets = [];
    // More than the child may open: the kernel completes them all.
    for (let i = 0; i < 80; i++) sockets.push(await useSocket(t, where));
    const used = await child.until('CPU time while it waits', () => /^waited (\d+)$/m.exec(child.stdout)?.[1]);
    assert.ok(Number(used) < 250, `it used ${used} ms of CPU time in 1000 ms of waiting`);
    const full = Number(/^full (\d+)$/m.exec(child.stdout)![1]);
    assert.ok(full < 64);
    assert.equal(/^connect (\w+)$/m.exec(child.stdout)?.[1], 'noDescriptors');
    // Each that goes makes room for one that waits: all 80 are greeted.
    await Promise.all(
      sockets.map(async (socket) => {
        if (socket.readableLength === 0) await once(socket, 'readable');
        socket.destroy();
      }),
    );
    await child.until('all served', () => (/^served 80$/m.test(child.stdout) ? true : undefined));
  });
}
