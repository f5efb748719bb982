// Lines of recorded requests, format by format.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRequest } from '../../../src/cli/requests.js';

test('a method and a URL, a URL alone, and a path', () => {
  assert.deepEqual(readRequest('PUT http://a.example/x?y=1'), {
    method: 'PUT',
    url: 'http://a.example/x?y=1',
    headers: {},
  });
  assert.deepEqual(readRequest('http://a.example/'), { url: 'http://a.example/', headers: {} });
  assert.deepEqual(readRequest('/x', 'a.example'), { url: '/x', headers: { Host: 'a.example' } });
});

test('common and combined log format, with and without the virtual host', () => {
  assert.deepEqual(readRequest('::1 - - [22/Nov/2026:21:00:00 +0000] "GET /x HTTP/1.1" 200 1', 'a.example'), {
    method: 'GET',
    url: '/x',
    headers: { Host: 'a.example' },
    clientAddress: '::1',
  });
  assert.deepEqual(
    readRequest(
      'a.example:443 10.0.0.1 - bob [22/Nov/2026:21:00:00 +0000] "GET /x HTTP/2.0" 200 1 "http://b/" "curl/8"',
    ),
    {
      method: 'GET',
      url: '/x',
      headers: { Referer: 'http://b/', 'User-Agent': 'curl/8', Host: 'a.example' },
      clientAddress: '10.0.0.1',
    },
  );
});

test('JSON lines under the names that common loggers use', () => {
  const wanted = { method: 'GET', url: '/x', headers: { Host: 'a.example' }, clientAddress: '10.0.0.1' };
  for (const line of [
    '{"method":"GET","url":"/x","host":"a.example","client":"10.0.0.1"}',
    '{"request_method":"GET","request_uri":"/x","http_host":"a.example","remote_addr":"10.0.0.1"}',
    '{"request":"GET /x HTTP/1.1","host":"a.example","client_ip":"10.0.0.1"}',
  ]) {
    assert.deepEqual(readRequest(line), wanted, line);
  }
  const listed = readRequest('{"url":"/x","headers":{"Host":"a.example","Accept":["a","b"],"n":1}}');
  assert.deepEqual(listed?.headers, { Host: 'a.example', Accept: 'a, b' });
});

test('what is no request is null', () => {
  for (const line of ['hello', '{"a":1}', '{broken', 'GET', '10.0.0.1 - - [now] "\\x16\\x03" 400 0', '-']) {
    assert.equal(readRequest(line), null, line);
  }
});

test('JSON may carry what TLS told', () => {
  const line = {
    method: 'GET',
    uri: '/x',
    ssl_server_name: 'a.example',
    ssl_protocol: 'TLSv1.2',
    tlsCipher: 'TLS_AES_128_GCM_SHA256',
    ssl_client_s_dn: 'CN=a',
  };
  assert.deepEqual(readRequest(JSON.stringify(line)), {
    method: 'GET',
    url: '/x',
    headers: {},
    serverName: 'a.example',
    tlsVersion: 'TLSv1.2',
    tlsCipher: 'TLS_AES_128_GCM_SHA256',
    clientCertificate: { subject: 'CN=a', fingerprint: undefined },
  });
});
