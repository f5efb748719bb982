import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, parseAddress } from '../../../src/health/address.js';

test('reads every form of address', () => {
  assert.deepEqual(parseAddress('10.0.0.1:80'), { type: 'tcp', host: '10.0.0.1', port: 80, literal: true });
  assert.deepEqual(parseAddress('api.internal:3000'), {
    type: 'tcp',
    host: 'api.internal',
    port: 3000,
    literal: false,
  });
  assert.deepEqual(parseAddress('[::1]:80'), { type: 'tcp', host: '::1', port: 80, literal: true });
  assert.deepEqual(parseAddress('unix:/run/a.sock'), { type: 'unix', path: '/run/a.sock' });
  assert.deepEqual(parseAddress('srv:_http._tcp.a'), { type: 'srv', name: '_http._tcp.a' });
});

test('refuses what is none, and says what one looks like', () => {
  for (const text of [
    '',
    'host',
    ':80',
    'host:',
    'host:0',
    'host:65536',
    '::1:80',
    '[host]:80',
    'unix:',
    'srv:',
    'a:b:80',
  ])
    assert.throws(() => parseAddress(text), /Server address '.*' (is not|has no)/, text);
});

test('writes an IPv6 address with brackets', () => {
  assert.equal(formatAddress('::1', 80), '[::1]:80');
  assert.equal(formatAddress('10.0.0.1', 80), '10.0.0.1:80');
});
