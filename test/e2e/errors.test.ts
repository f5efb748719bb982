// Answers of the proxy's own: one line that says what happened, with the request id, as text or as JSON.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { start as startBoth } from '../origins/both-framings.js';
import { start as startMidBody } from '../origins/closes-mid-body.js';
import { start as startNonsense } from '../origins/nonsense.js';
import type { RawOrigin } from '../origins/raw.js';
import { start as startResets } from '../origins/resets.js';
import { freePlace, written } from '../support/addresses.js';
import { fieldValue, statusOf } from '../support/messages.js';
import { type RunningProxy, startProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const prefix = (value: string, pool: string): object => ({ matches: [{ path: { type: 'PathPrefix', value } }], pool });

describe('errors', { concurrency: 1 }, () => {
  let proxy: RunningProxy;
  const origins: RawOrigin[] = [];

  before(async () => {
    origins.push(await startNonsense());
    origins.push(await startNonsense({ bytes: '\0\xff\x01garbage'.repeat(5000), stays: true }));
    origins.push(await startBoth());
    origins.push(await startMidBody());
    origins.push(await startMidBody({ chunked: true }));
    origins.push(await startResets());
    origins.push(await startResets({ bytes: 300 }));
    const names = ['nonsense', 'garbage', 'both', 'cut', 'cut-chunk', 'reset', 'reset-late'];
    const pools = Object.fromEntries(names.map((name, i) => [name, { servers: [{ address: origins[i]!.address }] }]));
    proxy = await startProxy({
      trustedProxies: ['127.0.0.0/8'],
      routes: [{ rules: [...names, 'dead'].map((name) => prefix(`/${name}`, name)) }],
      pools: { ...pools, dead: { servers: [{ address: written(freePlace()) }] } },
    });
  });
  after(async () => {
    await proxy.stop();
    await Promise.all(origins.map((origin) => origin.close()));
  });

  test('a connection stays usable after 404', async () => {
    const client = await WireClient.connect(proxy.place);
    assert.equal(statusOf(await client.exchange(get('/nowhere'))), 404);
    assert.equal(statusOf(await client.exchange(get('/nowhere', 'Content-Length: 0'))), 404);
    client.close();
  });

  const named = ['X-Request-Id: id-of-this-request'];

  test('an error is one line of text that holds the request id', async () => {
    for (const path of ['/nowhere', '/dead', '/nonsense']) {
      const response = await ask(proxy.place, get(path, ...named));
      assert.match(fieldValue(response, 'content-type') ?? '', /^text\/plain/, path);
      assert.match(response.body, /id-of-this-request/, path);
      assert.match(response.body, /^[^\n]{20,}\n?$/, path);
    }
  });

  test('a client that prefers JSON gets the same as JSON', async () => {
    for (const accept of [
      'application/json',
      'text/html;q=0.5, application/json',
      'application/json, text/plain;q=0.1',
    ]) {
      const response = await ask(proxy.place, get('/nowhere', `Accept: ${accept}`, ...named));
      assert.match(fieldValue(response, 'content-type') ?? '', /^application\/json/, accept);
      assert.match(JSON.stringify(JSON.parse(response.body)), /id-of-this-request/, accept);
      assert.equal(statusOf(response), 404);
    }
  });

  test('a client that takes anything, or text first, gets text', async () => {
    for (const accept of ['*/*', 'text/plain, application/json;q=0.5', 'text/html']) {
      const response = await ask(proxy.place, get('/nowhere', `Accept: ${accept}`));
      assert.match(fieldValue(response, 'content-type') ?? '', /^text\/plain/, accept);
    }
  });

  test('the answer to HEAD has the length of the line and no body', async () => {
    const client = await WireClient.connect(proxy.place);
    const response = await client.exchange('HEAD /nowhere HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(statusOf(response), 404);
    assert.equal(statusOf(await client.exchange('HEAD /nowhere HTTP/1.1\r\nHost: a\r\n\r\n')), 404);
    client.close();
  });

  test('a request that cannot be read is told so, with an id, and Connection: close', async () => {
    const client = await WireClient.connect(proxy.place);
    await client.send('NONSENSE\r\n\r\n');
    const response = await client.response();
    assert.equal(statusOf(response), 400);
    assert.match(fieldValue(response, 'connection') ?? '', /^close$/i);
    assert.match(response.body, /[\w-]{16,}/);
    await client.closed();
  });

  for (const path of ['/nonsense', '/garbage', '/both', '/reset', '/dead']) {
    test(`answers 502 for a server at ${path} and serves the client on`, async () => {
      const client = await WireClient.connect(proxy.place);
      for (let i = 0; i < 3; i++) assert.equal(statusOf(await client.exchange(get(path))), 502);
      client.close();
    });
  }

  for (const path of ['/cut', '/cut-chunk', '/reset-late']) {
    test(`a response that breaks off at ${path} breaks off at the client, too`, async () => {
      const client = await WireClient.connect(proxy.place);
      await client.send(get(path));
      await client.closed();
      assert.match(client.received, /^HTTP\/1\.1 200 OK\r\n/);
      assert.doesNotMatch(client.received, /\r\n0\r\n\r\n$/, 'the response looks complete');
      assert.doesNotMatch(client.received, / 502 /);
    });
  }
});
