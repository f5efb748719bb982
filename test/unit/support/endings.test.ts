// A reset that is asked for right behind an end closes the socket all the same; an end loses nothing that came before it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import {
  type ConnectionOptions,
  connect as connectTls,
  createServer as createTlsServer,
  type TlsOptions,
} from 'node:tls';
import { freePlace } from '../../support/addresses.js';
import { endAfterReading, reset } from '../../support/endings.js';
import { makeIdentity } from '../../support/identity.js';

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

test('what came with the record at hand is read before a TLS connection is ended', async (t) => {
  const identity = makeIdentity({ names: ['a.example'] });
  const place = freePlace();
  const server = createTlsServer({ ...identity.issued, allowHalfOpen: true } as TlsOptions, (socket) => {
    socket.once('data', () => {
      socket.write('first');
      socket.write(Buffer.alloc(80_000));
      socket.once('end', () => socket.end());
    });
  }).listen(place);
  await once(server, 'listening');
  const client = connectTls({ ...place, ...identity.client, allowHalfOpen: true } as ConnectionOptions);
  t.after(() => {
    client.destroy();
    server.close();
  });
  let read = 0;
  client.on('data', (bytes: Buffer) => {
    if (read === 0) endAfterReading(client);
    read += bytes.length;
  });
  client.write('go');
  await once(client, 'end', { signal: AbortSignal.timeout(DEADLINE_MS) });
  assert.equal(read, 80_005);
});
