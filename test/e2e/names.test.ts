// Servers by name: a real DNS server whose records change while the proxy runs.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { start as startDns } from '../origins/dns.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import { fieldValue, statusOf } from '../support/messages.js';
import { type RunningProxy, standIn, startProxy, use, useProxy } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

const named = (name: string): Promise<RawOrigin> => startAnswers(ok(name));

/** Asks until `name` answers. */
async function untilAnswers(proxy: RunningProxy, name: string, deadlineMs = 15_000): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const response = await ask(proxy.place, get());
    if (response.body === name) return;
    if (Date.now() > deadline) throw new Error(`${name} did not answer: ${response.startLine} ${response.body}`);
  }
}

test('a changed SRV record moves the traffic, with no request refused', async (t) => {
  const [first, second] = [await use(t, named('first')), await use(t, named('second'))];
  const dns = await use(t, startDns());
  const host = first.address.split(':')[0]!;
  dns.addresses.set('box.example', [host]);
  dns.services.set('_http._tcp.app.example', [{ name: 'box.example', port: first.port }]);
  const proxy = await useProxy(t, { nameservers: [dns.address], servers: ['srv:_http._tcp.app.example'] });
  assert.equal((await ask(proxy.place, get())).body, 'first');
  dns.services.set('_http._tcp.app.example', [{ name: 'box.example', port: second.port }]);
  const deadline = Date.now() + 15_000;
  for (let body = 'first'; body !== 'second'; ) {
    const response = await ask(proxy.place, get());
    assert.equal(statusOf(response), 200);
    body = response.body;
    assert.ok(Date.now() < deadline, 'the traffic did not move');
  }
  assert.equal((await ask(proxy.place, get())).body, 'second');
  if (standIn) return;
  const [worker] = await proxy.counters();
  assert.deepEqual(worker!.applied, { routing: 1, settings: 1, pools: 2 }, 'only the pool was made anew');
});

test('a changed SRV record moves the connections of a raw listener', async (t) => {
  const [first, second] = [await use(t, named('first')), await use(t, named('second'))];
  const dns = await use(t, startDns());
  dns.addresses.set('box.example', [first.address.split(':')[0]!]);
  dns.services.set('_http._tcp.app.example', [{ name: 'box.example', port: first.port }]);
  const proxy = await useProxy(t, {
    nameservers: [dns.address],
    listeners: [{ protocol: 'tcp', pool: 'main' }],
    routes: [],
    pools: { main: { servers: [{ address: 'srv:_http._tcp.app.example' }] } },
  });
  assert.equal((await ask(proxy.place, get())).body, 'first');
  dns.services.set('_http._tcp.app.example', [{ name: 'box.example', port: second.port }]);
  await untilAnswers(proxy, 'second');
});

test('a changed address moves the traffic', async (t) => {
  const [first, second] = [await use(t, named('first')), await use(t, named('second'))];
  const dns = await use(t, startDns());
  const [here] = first.address.split(':');
  // Nobody listens there: 127.0.0.0/8 is all loopback, and every test process has one address of it.
  dns.addresses.set('app.example', ['127.255.255.254']);
  const proxy = await useProxy(t, {
    nameservers: [dns.address],
    servers: [`app.example:${second.port}`],
    timeouts: { connect: '1s' },
  });
  assert.equal(statusOf(await ask(proxy.place, get())), 502);
  dns.addresses.set('app.example', [here!]);
  await untilAnswers(proxy, 'second');
  assert.ok(dns.asked.includes('A app.example'));
});

test('a name that appears soon after the start is found soon', { skip: standIn }, async (t) => {
  const first = await use(t, named('first'));
  const dns = await use(t, startDns());
  const proxy = await startProxy({
    nameservers: [dns.address],
    servers: [`app.example:${first.port}`],
  });
  t.after(() => proxy.process.kill('SIGTERM'));
  assert.equal(statusOf(await ask(proxy.place, get())), 503);
  dns.addresses.set('app.example', [first.address.split(':')[0]!]);
  await untilAnswers(proxy, 'first');
});

test('health checks ask a server by its name', { skip: standIn }, async (t) => {
  const first = await use(t, named('first'));
  const dns = await use(t, startDns());
  dns.addresses.set('app.example', [first.address.split(':')[0]!]);
  await useProxy(t, {
    nameservers: [dns.address],
    pools: { main: { servers: [{ address: `app.example:${first.port}` }], healthCheck: { path: '/up' } } },
  });
  const [check] = first.requests;
  assert.equal(check!.startLine, 'GET /up HTTP/1.1');
  assert.equal(fieldValue(check!, 'host'), `app.example:${first.port}`);
});

test('an address that changed is not forgotten by a reload that is refused', { skip: standIn }, async (t) => {
  const origin = await use(t, named('here'));
  const dns = await use(t, startDns());
  // Nobody listens there.
  dns.addresses.set('app.example', ['127.255.255.254']);
  dns.addresses.set('box.example', [origin.address.split(':')[0]!]);
  dns.services.set('_http._tcp.other.example', [{ name: 'box.example', port: origin.port }]);
  const proxy = await startProxy({
    nameservers: [dns.address],
    servers: [`app.example:${origin.port}`],
    timeouts: { connect: '1s' },
  });
  t.after(() => proxy.process.kill('SIGTERM'));
  assert.equal(statusOf(await ask(proxy.place, get())), 502);
  const document = JSON.parse(readFileSync(proxy.file!, 'utf8'));
  document.listeners.push({ address: origin.address }); // in use
  // A name that is new, and takes two questions: the reload waits for it, and hears of the other one meanwhile.
  document.pools.other = { servers: [{ address: 'srv:_http._tcp.other.example' }] };
  document.routes[0].rules.push({ matches: [{ path: { value: '/other' } }], pool: 'other' });
  writeFileSync(proxy.file!, JSON.stringify(document));
  dns.addresses.set('app.example', dns.addresses.get('box.example')!);
  proxy.process.kill('SIGHUP');
  await proxy.process.until('a refused reload', () => proxy.process.stderr.includes('cannot listen') || undefined);
  await untilAnswers(proxy, 'here');
});
