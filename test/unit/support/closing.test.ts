// A TLS server of a test stops, although a client is there that never says a word.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { start } from '../../origins/tls-echo.js';
import { makeIdentity } from '../../support/identity.js';

test('a server with a handshake that does not begin stops at once', { timeout: 20_000 }, async (t) => {
  const server = await start(makeIdentity({ names: ['echo.example'] }));
  const [host, port] = server.address.split(':') as [string, string];
  const client = connect(Number(port), host);
  t.after(() => client.destroy());
  client.on('error', () => {});
  await once(client, 'connect');
  const ended = once(client.resume(), 'close');
  await server.close();
  await ended;
  assert.deepEqual(server.seen, []);
});
