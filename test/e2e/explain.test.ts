// What the router says in words is what the running proxy answers: the same requests asked of both.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConfigValue, compile, type RouteRequest } from '../../src/index.js';
import { statusOf } from '../support/messages.js';
import { documentOf, type ProxySpec, useProxy } from '../support/proxy.js';
import { WireClient } from '../support/wire-client.js';

const answer = (status: number): object => ({ type: 'DirectResponse', directResponse: { status } });

const REQUESTS: readonly RouteRequest[] = [
  { url: '/', headers: { Host: 'a.example' } },
  { url: '/x/../two', headers: { Host: 'a.example:80' } },
  { url: '/', headers: { Host: 'b.example' } },
  { url: 'http://a.example/two', headers: { Host: 'b.example' } },
  { url: '/' },
  { url: '/', headers: { Host: '' } },
  { url: '/', headers: { Host: ['a.example', 'a.example'] } },
  { url: '/', headers: { Host: 'a.example:99999' } },
  { url: '/', headers: { Host: 'a@a.example' } },
  { url: '/%00', headers: { Host: 'a.example' } },
  { url: '/a\\b', headers: { Host: 'a.example' } },
  { url: '*', headers: { Host: 'a.example' }, method: 'OPTIONS' },
  { url: '*', headers: { Host: 'a.example' } },
  { url: 'a.example:443', headers: { Host: 'a.example' }, method: 'CONNECT' },
  { url: 'ftp://a.example/', headers: { Host: 'a.example' } },
  { url: '/', headers: { Host: 'a.example' }, method: 'FOO' },
  { url: '/', headers: { Host: 'a.example' }, method: 'get' },
  { url: '/', headers: { Host: 'a.example' }, method: 'G@T' },
  { url: '/', headers: { Host: 'a.example', 'Bad Name': 'x' } },
  { url: '/', headers: { Host: 'a.example', Expect: 'cake' } },
  { url: '/', headers: { Host: 'a.example', 'Content-Length': 'x' } },
  { url: '/', headers: { Host: 'a.example', 'Transfer-Encoding': 'gzip, chunked' } },
  { url: '/', headers: { Host: 'a.example', 'Content-Length': '2000' }, method: 'POST' },
  { url: `/${'x'.repeat(3000)}`, headers: { Host: 'a.example' } },
  { url: '/', headers: { Host: 'a.example', A: 'x'.repeat(5000) } },
  { url: '/', headers: { Host: 'a.example', A: Array.from({ length: 40 }, String) } },
];

function written({ method = 'GET', url, headers = {} }: RouteRequest): string {
  const lines = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`));
  return `${method} ${url} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

test('for every request, explain names the status that the proxy answers with', async (t) => {
  const rules = [
    { matches: [{ path: { value: '/pool' } }], pool: 'main' },
    { matches: [{ path: { value: '/two' } }], filters: [answer(202)] },
    { filters: [answer(201)] },
  ];
  const spec: ProxySpec = {
    servers: ['127.0.0.1:1'],
    routes: [{ hostnames: ['a.example'], rules }],
    limits: { headBytesMax: '4KiB', uriBytesMax: '2KiB', fieldsMax: 32, bodyBytesMax: '1KiB' },
  };
  const proxy = await useProxy(t, spec);
  const router = compile(documentOf(spec, proxy.listeners) as ConfigValue);
  for (const request of REQUESTS) {
    const client = await WireClient.connect(proxy.place);
    await client.send(written(request));
    const response = await client.response(request.method ?? 'GET');
    client.close();
    const said = router.match(request);
    assert.equal(
      said.status,
      statusOf(response),
      `${written(request).slice(0, 100)}\n${said.text()}\n${response.body}`,
    );
  }
});
