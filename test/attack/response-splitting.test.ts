// A server (or who speaks through it) that tries to put a second response on the client's connection.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { start as startNonsense } from '../origins/nonsense.js';
import { serveRequests } from '../origins/raw.js';
import { statusOf } from '../support/messages.js';
import { use, useProxy } from '../support/proxy.js';
import { get, WireClient } from '../support/wire-client.js';

const second = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged';

describe('response splitting', () => {
  const kept: Record<string, string> = {
    'behind a counted body': `HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal${second}`,
    'behind a chunked body': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nreal\r\n0\r\n\r\n${second}`,
    'behind a 204': `HTTP/1.1 204 No Content\r\n\r\n${second}`,
    'behind a 304': `HTTP/1.1 304 Not Modified\r\nContent-Length: ${second.length}\r\n\r\n${second}`,
  };
  for (const [name, bytes] of Object.entries(kept)) {
    test(`a response ${name} never reaches a client`, async (t) => {
      const origin = await use(t, startNonsense({ bytes, stays: true }));
      const proxy = await useProxy(t, { servers: [origin.address] });
      const client = await WireClient.connect(proxy.place);
      for (let i = 0; i < 5; i++) {
        const response = await client.exchange(get(`/${i}`));
        assert.ok([200, 204, 304].includes(statusOf(response)));
        assert.ok(response.body === 'real' || response.body === '', response.body);
        assert.doesNotMatch(client.received, /forged/);
      }
      client.close();
      assert.equal(origin.accepted, 5, 'a connection with bytes left over was used again');
    });
  }

  // Their body comes late: only once the next request is on the connection, whose answer it would be.
  const late: readonly (readonly [method: string, head: string])[] = [
    ['GET', `HTTP/1.1 204 No Content\r\nContent-Length: ${second.length}\r\n\r\n`],
    ['GET', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['GET', `HTTP/1.1 304 Not Modified\r\nContent-Length: ${second.length}\r\n\r\n`],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['HEAD', `HTTP/1.1 200 OK\r\nContent-Length: ${second.length}\r\n\r\n`],
    ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    [
      'GET',
      `HTTP/1.1 103 Early Hints\r\nContent-Length: ${second.length}\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`,
    ],
  ];
  for (const [method, head] of late) {
    const status = head.slice(9, 12);
    test(`the body that a ${status} to ${method} announces never reaches another client (${head.split('\r\n')[1]})`, async (t) => {
      const origin = await use(
        t,
        serveRequests((_request, visit) => visit.socket.write(visit.requestCount > 1 ? second : head)),
      );
      const proxy = await useProxy(t, { servers: [origin.address] });
      for (let i = 0; i < 5; i++) {
        const client = await WireClient.connect(proxy.place);
        await client.send(`${method} /${i} HTTP/1.1\r\nHost: a\r\n\r\n`);
        await client.response(method);
        assert.doesNotMatch(client.received, /forged/);
        client.close();
      }
      assert.equal(origin.accepted, 5);
    });
  }

  test('the connection of an answer to HEAD serves again after a while, in which nothing followed', async (t) => {
    const origin = await use(
      t,
      serveRequests((_request, visit) => visit.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n')),
    );
    const proxy = await useProxy(t, { servers: [origin.address] });
    const client = await WireClient.connect(proxy.place);
    const until = Date.now() + 10_000;
    while (!origin.visits.some(({ requestCount }) => requestCount > 1)) {
      assert.ok(Date.now() < until, 'no connection was used twice');
      await client.exchange('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
    }
    client.close();
  });

  const refused: Record<string, string> = {
    'a bare line feed in a field': `HTTP/1.1 200 OK\r\nX: a\nContent-Length: 0\r\n\r\n${second}`,
    'a bare carriage return in a field': `HTTP/1.1 200 OK\r\nX: a\rContent-Length: 0\r\n\r\n${second}`,
    'a bare line feed in the reason': `HTTP/1.1 200 OK\nX: y\r\nContent-Length: 0\r\n\r\n${second}`,
    'two different lengths': `HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 60\r\n\r\n${second}`,
    'both framings': `HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n${second}`,
    'an obscured coding': `HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n${second}`,
  };
  for (const [name, bytes] of Object.entries(refused)) {
    test(`answers 502 to a response with ${name}`, async (t) => {
      const origin = await use(t, startNonsense({ bytes, stays: true }));
      const proxy = await useProxy(t, { servers: [origin.address] });
      const client = await WireClient.connect(proxy.place);
      for (let i = 0; i < 3; i++) {
        assert.equal(statusOf(await client.exchange(get(`/${i}`))), 502);
        assert.doesNotMatch(client.received, /forged/);
      }
      client.close();
    });
  }
});
