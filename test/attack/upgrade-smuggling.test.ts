// Tunnels that a client tries to open without the server's consent: h2c, forged upgrades, requests behind them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fieldValues, statusOf } from '../support/messages.js';
import { Siege } from '../support/siege.js';
import { get, WireClient } from '../support/wire-client.js';

describe('upgrade smuggling', { concurrency: 1 }, () => {
  const siege = new Siege();

  test('an upgrade to h2c never reaches the server', async () => {
    siege.origin.requests.length = 0;
    const client = await WireClient.connect(siege.proxy.place);
    const lines = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'];
    await client.send(get('/', ...lines));
    await client.response();
    client.close();
    for (const request of siege.origin.requests) {
      assert.deepEqual(fieldValues(request, 'upgrade'), []);
      assert.deepEqual(fieldValues(request, 'http2-settings'), []);
    }
    await siege.servesOthers();
  });

  test('a request behind a declined upgrade is read and checked like any other', async () => {
    siege.origin.requests.length = 0;
    const client = await WireClient.connect(siege.proxy.place);
    await client.send(get('/', 'Connection: upgrade', 'Upgrade: websocket') + get('/second'));
    const responses = await client.until('answers', () => {
      const found = client.received.split('HTTP/1.1 ').length - 1;
      return found >= 2 || client.ended ? client.received : undefined;
    });
    assert.match(responses, /^HTTP\/1\.1 200 /);
    client.close();
    for (const request of siege.origin.requests) {
      assert.match(request.startLine, /^GET \/(second)? HTTP\/1\.1$/);
      if (request.startLine === 'GET /second HTTP/1.1') assert.equal(fieldValues(request, 'via').length, 1);
    }
    await siege.servesOthers();
  });

  test('an upgrade with a body is served as an ordinary request, or refused', async () => {
    siege.origin.requests.length = 0;
    const client = await WireClient.connect(siege.proxy.place);
    await client.send(
      'POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello',
    );
    assert.ok([200, 400].includes(statusOf(await client.response('POST'))));
    client.close();
    await siege.servesOthers();
  });

  test('HTTP/2 with prior knowledge is refused', async () => {
    const { statuses, reached } = await siege.attack('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
    assert.ok(statuses.length === 0 || [400, 505, 426].includes(statuses[0]!), `statuses ${statuses}`);
    assert.deepEqual(reached, []);
  });
});
