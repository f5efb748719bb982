// Two readers that disagree about the host: absolute targets, repeated and odd Host fields, CONNECT.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fieldValues } from '../support/messages.js';
import { Siege } from '../support/siege.js';
import { WireClient } from '../support/wire-client.js';

describe('host', { concurrency: 1 }, () => {
  const prefix = (pool: string): object => ({ matches: [{ path: { type: 'PathPrefix', value: '/' } }], pool });
  const siege = new Siege({
    routes: [{ hostnames: ['a', 'public.example', 'test.example'], rules: [prefix('main')] }],
  });

  const heads: Record<string, string> = {
    'two Hosts': 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'two Hosts in an absolute request': 'GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'a Host list': 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n',
    'a Host with a target in it': 'GET / HTTP/1.1\r\nHost: a/admin\r\n\r\n',
    'a Host with a question mark': 'GET / HTTP/1.1\r\nHost: a?b\r\n\r\n',
    'a Host with a fragment': 'GET / HTTP/1.1\r\nHost: a#b\r\n\r\n',
    'a Host with user information': 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n',
    'a Host with a port that is no number': 'GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n',
    'a Host with a port out of range': 'GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n',
    'a Host with a control character': 'GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n',
    'an unclosed IPv6 Host': 'GET / HTTP/1.1\r\nHost: [::1\r\n\r\n',
    'brackets within brackets': 'GET / HTTP/1.1\r\nHost: [[::1]\r\n\r\n',
    'brackets that close early': 'GET / HTTP/1.1\r\nHost: [::1]:80]\r\n\r\n',
    'brackets around nothing': 'GET / HTTP/1.1\r\nHost: []\r\n\r\n',
    'no Host in an absolute request': 'GET http://a/ HTTP/1.1\r\n\r\n',
    'an absolute target with user information': 'GET http://x@a/ HTTP/1.1\r\nHost: a\r\n\r\n',
    'an absolute target without a host': 'GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n',
    'an absolute target of another scheme': 'GET gopher://a/ HTTP/1.1\r\nHost: a\r\n\r\n',
  };
  for (const [name, head] of Object.entries(heads)) test(`answers 400 to ${name}`, () => siege.refuses(head, 400));

  test('the absolute target decides, for routing and for the server', async () => {
    siege.origin.requests.length = 0;
    const client = await WireClient.connect(siege.proxy.place);
    await client.send('GET http://public.example/x HTTP/1.1\r\nHost: secret.example\r\n\r\n');
    await client.response();
    client.close();
    const seen = siege.origin.requests[0];
    assert.ok(seen !== undefined, 'the request did not reach the server');
    assert.deepEqual(fieldValues(seen, 'host'), ['public.example']);
    assert.deepEqual(fieldValues(seen, 'x-forwarded-host'), ['public.example']);
    assert.equal(seen.startLine, 'GET /x HTTP/1.1');
  });

  test('a Host that is allowed does not open an absolute target that is not', async () => {
    const { statuses, reached } = await siege.attack(
      'GET http://secret.example/ HTTP/1.1\r\nHost: public.example\r\nConnection: close\r\n\r\n',
    );
    assert.deepEqual(statuses, [404]);
    assert.deepEqual(reached, []);
  });

  test('CONNECT opens no tunnel', async () => {
    const { statuses, reached } = await siege.attack(
      'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nConnection: close\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    assert.equal(statuses.length, 1);
    assert.ok([400, 405, 501].includes(statuses[0] ?? 0), `statuses ${statuses}`);
    assert.deepEqual(reached, []);
  });
});
