import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostPortText, splitHostPort } from '../../../src/base/endpoint.js';

test('a host and its port come apart, and together again', () => {
  const cases: readonly (readonly [text: string, host: string, port: string])[] = [
    ['10.0.0.1:80', '10.0.0.1', '80'],
    ['api.internal:3000', 'api.internal', '3000'],
    ['[::1]:80', '::1', '80'],
    ['[fe80::1%eth0]:80', 'fe80::1%eth0', '80'],
  ];
  for (const [text, host, port] of cases) {
    assert.deepEqual(splitHostPort(text), { host, port, bracketed: text.startsWith('[') });
    assert.equal(hostPortText(host, Number(port)), text);
  }
});

test('what has no port, or an IPv6 address without brackets, does not come apart', () => {
  for (const text of ['', 'api', '::1', '::1:80', '[::1]', 'a:b:c', '[::1]80'])
    assert.equal(splitHostPort(text), undefined);
});
