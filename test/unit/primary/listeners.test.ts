// Listening sockets over reloads: those that are gone take nothing new, a refused change leaves all as they were, and what
// was closed is not accepted from.

import assert from 'node:assert/strict';
import { chmodSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ListenerConfig } from '../../../src/config/config.js';
import { checkValue } from '../../../src/config/load.js';
import { ListenError, Listeners } from '../../../src/primary/listeners.js';
import { freePlace, type Place, scratchDirectory, written } from '../../support/addresses.js';

/** The listeners of a configuration that has these. */
const configsOf = (...listeners: object[]): readonly ListenerConfig[] =>
  checkValue({
    listeners,
    routes: [{ rules: [{ matches: [{ path: { value: '/' } }], pool: 'main' }] }],
    pools: { main: { servers: [{ address: '127.0.0.1:1' }] } },
  }).config.listeners;

const open = (listeners: Listeners, configs: readonly ListenerConfig[]) =>
  listeners.open(configs, new Map(), new Map(), []);

/** `connected`, or the code of the error. */
function connecting({ host, port }: Place): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (how: string): void => {
      socket.destroy();
      resolve(how);
    };
    socket.once('connect', () => end('connected')).once('error', (error: NodeJS.ErrnoException) => end(error.code!));
  });
}

test('a listener that is gone refuses connections before it is closed, and those that stay do not', async (t) => {
  const [gone, stays] = [freePlace(), freePlace()];
  const listeners = new Listeners(false);
  t.after(() => listeners.closeOthers([]));
  const configs = configsOf({ address: written(gone) }, { address: written(stays) });
  const plans = open(listeners, configs);
  assert.deepEqual([await connecting(gone), await connecting(stays)], ['connected', 'connected']);
  assert.equal(listeners.retireOthers(plans), false);
  assert.equal(listeners.retireOthers(plans.slice(1)), true);
  assert.deepEqual([await connecting(gone), await connecting(stays)], ['ECONNREFUSED', 'connected']);
});

test('a change that is refused for one socket file leaves the others as they were', (t) => {
  const directory = scratchDirectory();
  const [first, second] = [join(directory, 'first'), join(directory, 'second')];
  const listeners = new Listeners(false);
  t.after(() => listeners.closeOthers([]));
  const socketsOf = (firstSocket: object, secondSocket: object): readonly ListenerConfig[] =>
    configsOf({ address: `unix:${first}`, socket: firstSocket }, { address: `unix:${second}`, socket: secondSocket });
  open(listeners, socketsOf({ mode: '0600' }, { mode: '0600' }));
  chmodSync(first, 0o640);
  const change = socketsOf({ mode: '0666' }, { mode: '0666', owner: 'no-such-account' });
  assert.throws(() => open(listeners, change), ListenError);
  assert.deepEqual(
    [first, second].map((path) => (statSync(path).mode & 0o777).toString(8)),
    ['640', '600'],
  );
});

test('what was closed while a change was under way is not accepted from', () => {
  const listeners = new Listeners(true);
  const plans = open(listeners, configsOf({ address: written(freePlace()) }));
  listeners.closeOthers([]);
  assert.doesNotThrow(() => listeners.start(plans));
});
