// A reset that is asked for right behind an end closes the socket all the same.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { freePlace } from '../../support/addresses.js';
import { reset } from '../../support/reset.js';

const DEADLINE_MS = 5_000;

for (const [what, bytes] of [
  ['nothing to send', 0],
  ['bytes that the kernel takes', 10],
  ['bytes that wait for their reader', 20_000_000],
] as const) {
  test(`a socket that is ended and reset closes: ${what}`, async (t) => {
    const place = freePlace();
    const server = createServer({ allowHalfOpen: true }).listen(place);
    await once(server, 'listening');
    const client = connect(place);
    client.pause();
    t.after(() => {
      client.destroy();
      server.close();
    });
    client.on('error', () => {});
    const [socket] = (await once(server, 'connection')) as [Socket];
    const errors: Error[] = [];
    socket.on('error', (error) => errors.push(error));
    const closed = once(socket, 'close', { signal: AbortSignal.timeout(DEADLINE_MS) });
    socket.end(Buffer.alloc(bytes));
    reset(socket);
    await closed;
    assert.deepEqual(errors, []);
  });
}
