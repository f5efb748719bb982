// Sockets that are handed over: whose they are, and what cannot be one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inheritSockets } from '../../../src/primary/inherited.js';
import { ListenError } from '../../../src/primary/listeners.js';

test('sockets for another process are left alone, and the variables are taken out', () => {
  const environment = { LISTEN_PID: '1', LISTEN_FDS: '2', LISTEN_FDNAMES: 'a:b', HOME: '/root' };
  assert.deepEqual(inheritSockets(environment), []);
  assert.deepEqual(environment, { HOME: '/root' });
  assert.deepEqual(inheritSockets({}), []);
});

test('a descriptor that is no listening socket is named', () => {
  // The third descriptor of a process of Node is its loop's.
  const environment = { LISTEN_PID: `${process.pid}`, LISTEN_FDS: '1', LISTEN_FDNAMES: 'web' };
  assert.throws(
    () => inheritSockets(environment),
    (error) => error instanceof ListenError && /^web, handed over .* is no listening stream socket/.test(error.message),
  );
});
