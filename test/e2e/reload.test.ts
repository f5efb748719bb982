// Reloading: the new configuration takes over between two requests, and nobody on the outside notices.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import autocannon from 'autocannon';
import { start as startEcho } from '../origins/json-echo.js';
import { start as startOnDemand } from '../origins/on-demand.js';
import { residentBytes } from '../support/child.js';
import { statusOf } from '../support/messages.js';
import { type ProxySpec, startProxy, use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const MIB = 1024 * 1024;

/** One pool for everything but `/moved`, which goes where `moved` says. */
const spec = (address: string, moved: number, pools: Record<string, object> = {}): ProxySpec => ({
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
  pools: { main: { servers: [{ address }] }, ...pools },
});

test('50 reloads under full load fail no request and keep no memory', { timeout: 120_000 }, async (t) => {
  const origin = await use(t, startEcho());
  const proxy = await useProxy(t, { ...spec(origin.address, 0), args: ['--workers', '2'] });
  const options = { url: `${proxy.url}/under-load`, connections: 32, duration: 100 };
  let load: autocannon.Instance | undefined;
  const ended = new Promise<autocannon.Result>((resolve, reject) => {
    load = autocannon(options, (error, result) => (error ? reject(error) : resolve(result)));
  });
  let before = 0;
  for (let i = 1; i <= 50; i++) {
    // Every second one brings a pool that the next takes away again.
    await proxy.reload(
      spec(origin.address, i, i % 2 === 0 ? {} : { [`extra-${i}`]: { servers: [{ address: origin.address }] } }),
    );
    if (i === 15) before = residentBytes(proxy.pid);
  }
  const grown = residentBytes(proxy.pid) - before;
  (load as unknown as { stop(): void }).stop();
  const result = await ended;
  assert.equal(result.non2xx, 0, 'answers other than 2xx');
  assert.equal(result.errors + result.timeouts, 0, 'failed requests');
  assert.ok(result.requests.total > 1000, `only ${result.requests.total} requests`);
  assert.ok(grown < 48 * MIB, `RSS grew by ${Math.round(grown / MIB)} MiB between the 15th and the 50th reload`);
  assert.equal(statusOf(await ask(proxy.place, get('/moved-50'))), 200);
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

test('a pool that stays keeps its idle connections', async (t) => {
  const origin = await use(t, startEcho());
  const proxy = await useProxy(t, spec(origin.address, 1));
  for (let i = 0; i < 5; i++) {
    assert.equal(statusOf(await ask(proxy.place, get(`/${i}`))), 200);
    await proxy.reload(spec(origin.address, i));
  }
  assert.equal(origin.accepted(), 1);
});

test('a request under way finishes under the rule it began with', async (t) => {
  const slow = await use(t, startOnDemand());
  const origin = await use(t, startEcho());
  const proxy = await useProxy(t, spec(slow.address, 1));
  const client = await WireClient.connect(proxy.place);
  const answer = client.exchange(get('/slow'));
  await slow.asked();
  await proxy.reload(spec(origin.address, 2));
  slow.answer();
  assert.equal(statusOf(await answer), 200);
  assert.equal(statusOf(await client.exchange(get('/next'))), 200);
  assert.equal(origin.requestCount(), 1);
  client.close();
});

test('a bad file changes nothing and is told with its line', async (t) => {
  const origin = await use(t, startEcho());
  const proxy = await startProxy(spec(origin.address, 1));
  t.after(() => proxy.process.exited(10_000));
  writeFileSync(proxy.file!, 'listeners:\n  - addres: 127.0.0.1:1\n');
  proxy.process.kill('SIGHUP');
  await proxy.process.until('the complaint', () => (/was not reloaded/.test(proxy.process.stderr) ? true : undefined));
  assert.match(proxy.process.stderr, /:2:5: listeners\[0\]\.addres: .*\n.*Did you mean/);
  assert.match((await ask(proxy.place, get('/moved-1'))).body, /moved 1/);
  proxy.process.kill('SIGTERM');
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
