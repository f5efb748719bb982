// Desync by bodies that are never finished: the answer came early, so what follows might be taken for a new request.
// Bytes that were announced as a body stay a body, and a backend connection that still waits for them serves nobody else.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start as startEarly } from '../origins/early-answer.js';
import { start as startInformational } from '../origins/informational.js';
import type { RawOrigin } from '../origins/raw.js';
import { statusOf } from '../support/messages.js';
import { use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';

/** The request lines that the proxy itself wrote: it puts Via into every head. */
function heads(origin: RawOrigin): string[] {
  const found: string[] = [];
  for (const visit of origin.visits) {
    for (const [, line] of visit.bytes.matchAll(/([A-Z]+ \S+) HTTP\/1\.1\r\n(?:[^\r\n]+\r\n)*?via: /gi))
      found.push(line!);
  }
  return found;
}

for (const framing of ['Content-Length: 1000', 'Transfer-Encoding: chunked']) {
  const start = framing.startsWith('Content') ? 'first' : '5\r\nfirst\r\n';
  const rest = framing.startsWith('Content') ? smuggled : `${smuggled.length.toString(16)}\r\n${smuggled}\r\n`;

  test(`after an early answer the rest of a body is no request (${framing})`, async (t) => {
    const origin = await use(t, startEarly());
    const proxy = await useProxy(t, { servers: [origin.address] });
    const client = await WireClient.connect(proxy.place);
    await client.send(`POST /up HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${start}`);
    assert.equal(statusOf(await client.response('POST')), 200);
    await client.send(rest);
    assert.equal(statusOf(await ask(proxy.place, get('/others'))), 200);
    assert.equal((client.received.match(/HTTP\/1\.1 200/g) ?? []).length, 1);
    client.close();
    assert.deepEqual(heads(origin), ['POST /up', 'GET /others']);
  });

  test(`a backend connection that waits for a body serves nobody else (${framing})`, async (t) => {
    const origin = await use(t, startEarly());
    const proxy = await useProxy(t, { servers: [origin.address] });
    const client = await WireClient.connect(proxy.place);
    await client.send(`POST /up HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${start}`);
    assert.equal(statusOf(await client.response('POST')), 200);
    client.close();
    assert.equal(statusOf(await ask(proxy.place, get('/others'))), 200);
    assert.ok(!origin.visits[0]!.bytes.includes('/others'), 'another request went into an unfinished body');
  });

  test(`a request behind a refused expectation is a body, or is not served (${framing})`, async (t) => {
    const origin = await use(t, startInformational({ refuse: true }));
    const proxy = await useProxy(t, { servers: [origin.address] });
    const client = await WireClient.connect(proxy.place);
    await client.send(`POST /up HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n${framing}\r\n\r\n`);
    assert.equal(statusOf(await client.response('POST')), 417);
    await client.send(smuggled);
    client.end();
    await client.closed();
    assert.equal((client.received.match(/HTTP\/1\.1 /g) ?? []).length, 1);
    assert.deepEqual(
      origin.requests.filter((request) => request.startLine.includes('smuggled')),
      [],
    );
  });
}

test('a body announced with GET stays a body, whatever the server makes of it', async (t) => {
  const origin = await use(t, startEarly());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  await client.send(`GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n`);
  assert.equal(statusOf(await client.response()), 200);
  await client.send(smuggled);
  assert.equal(statusOf(await ask(proxy.place, get('/others'))), 200);
  client.close();
  assert.deepEqual(heads(origin), ['GET /a', 'GET /others']);
});

test('a request that ends too early ends its connection to the server', async (t) => {
  const origin = await use(t, startEarly());
  const proxy = await useProxy(t, { servers: [origin.address] });
  const client = await WireClient.connect(proxy.place);
  await client.send('POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nfirst');
  await client.response('POST');
  client.end();
  await origin.until('end', (seen) => seen.visits[0]?.ended || seen.visits[0]?.closed);
  await client.closed();
  await proxy.heldNothing();
});
