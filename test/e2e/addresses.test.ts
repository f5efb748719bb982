// Servers and listeners of every address family: IPv4, IPv6 and unix sockets.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { echoOf, start as startEcho } from '../origins/json-echo.js';
import { scratchDirectory } from '../support/addresses.js';
import { use, useProxy } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

test('reaches servers over IPv4, IPv6 and a unix socket', async (t) => {
  const path = join(scratchDirectory(), 'origin.sock');
  const origins = [
    await use(t, startEcho({ name: 'v4' })),
    await use(t, startEcho({ name: 'v6', at: 'v6' })),
    await use(t, startEcho({ name: 'unix', at: { path } })),
  ];
  const proxy = await useProxy(t, { servers: origins.map((origin) => origin.address) });
  const served = new Set<string>();
  for (let i = 0; i < 9; i++) served.add(echoOf(await ask(proxy.place, get())).server);
  assert.deepEqual([...served].sort(), ['unix', 'v4', 'v6']);
});

test('listens on IPv6 and says so to the server', async (t) => {
  const origin = await use(t, startEcho());
  const proxy = await useProxy(t, { listeners: [{ v6: true }], servers: [origin.address] });
  const echo = echoOf(await ask(proxy.place, get()));
  assert.equal(echo.headers['x-forwarded-for'], '::1');
});

test('a unix socket that nobody listens on is answered 502', async (t) => {
  const proxy = await useProxy(t, { servers: [`unix:${join(scratchDirectory(), 'nobody.sock')}`] });
  const response = await ask(proxy.place, get());
  assert.match(response.startLine, /^HTTP\/1\.1 502 /);
});
