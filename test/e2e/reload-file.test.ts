// What a reload reads: the file, good or bad, changed or watched, and the listeners it names.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { start as startEcho } from '../origins/json-echo.js';
import { statusOf } from '../support/messages.js';
import { type ProxySpec, startProxy, use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

/** One pool for everything but `/moved`, which goes where `moved` says. */
const spec = (address: string, moved: number): ProxySpec => ({
  routes: [
    {
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: `/moved-${moved}` } }],
          filters: [{ type: 'DirectResponse', directResponse: { status: 200, body: `moved ${moved}` } }],
        },
        { pool: 'main' },
      ],
    },
  ],
  pools: { main: { servers: [{ address }] } },
});

test('a keep-alive connection sees the new rules with its next request', async (t) => {
  const origin = await use(t, startEcho());
  const proxy = await useProxy(t, spec(origin.address, 1));
  const client = await WireClient.connect(proxy.place);
  assert.match((await client.exchange(get('/moved-1'))).body, /moved 1/);
  await proxy.reload(spec(origin.address, 2));
  assert.match((await client.exchange(get('/moved-2'))).body, /moved 2/);
  assert.doesNotMatch((await client.exchange(get('/moved-1'))).body, /moved 1/);
  client.close();
});

test('a bad file changes nothing and is told with its line', async (t) => {
  const origin = await use(t, startEcho());
  const proxy = await startProxy(spec(origin.address, 1));
  t.after(async () => {
    proxy.process.kill('SIGTERM');
    await proxy.process.exited(10_000);
  });
  writeFileSync(proxy.file!, 'listeners:\n  - addres: 127.0.0.1:1\n');
  proxy.process.kill('SIGHUP');
  await proxy.process.until('the complaint', () => (/was not reloaded/.test(proxy.process.stderr) ? true : undefined));
  assert.match(proxy.process.stderr, /:2:5: listeners\[0\]: 'addres' is not an option here\.\n.*Did you mean address/);
  assert.match((await ask(proxy.place, get('/moved-1'))).body, /moved 1/);
});

for (const accept of ['handoff', 'shared']) {
  test(`listeners come and go with a reload, and connections outlive theirs (${accept})`, async (t) => {
    const origin = await use(t, startEcho());
    const listeners = [{}, {}];
    const both: ProxySpec = { ...spec(origin.address, 1), listeners, args: ['--accept', accept] };
    const proxy = await useProxy(t, both);
    const [first, second] = proxy.listeners;
    const client = await WireClient.connect(second!);
    assert.equal(statusOf(await client.exchange(get('/before'))), 200);
    await proxy.reload({ ...both, listeners: [{}] });
    assert.equal(statusOf(await client.exchange(get('/after'))), 200);
    await assert.rejects(ask(second!, get('/gone')));
    assert.equal(statusOf(await ask(first!, get('/here'))), 200);
    await proxy.reload(both);
    assert.equal(statusOf(await ask(second!, get('/back'))), 200);
    client.close();
  });
}

test('--watch reloads when the file changes', async (t) => {
  const origin = await use(t, startEcho());
  const proxy = await useProxy(t, { ...spec(origin.address, 1), args: ['--watch'] });
  proxy.rewrite(spec(origin.address, 7));
  await proxy.process.until('a reload', () => (/^reloaded /m.test(proxy.process.stdout) ? true : undefined));
  assert.match((await ask(proxy.place, get('/moved-7'))).body, /moved 7/);
});
