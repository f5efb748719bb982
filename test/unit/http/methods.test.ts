// Methods by llhttp's numbers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isIdempotent, METHOD, METHOD_NAMES, methodNumber } from '../../../src/http/methods.js';
import { Reader } from './reader.js';

test('every method that llhttp reads has the number of its name', () => {
  const reader = new Reader();
  for (const name of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'PROPFIND', 'REPORT']) {
    const { messages } = reader.read('request', [Buffer.from(`${name} / HTTP/1.1\r\nHost: a\r\n\r\n`)]);
    assert.equal(messages[0]!.start, `${methodNumber(name)} /`);
    assert.equal(METHOD_NAMES[methodNumber(name)], name);
  }
  assert.equal(METHOD.HEAD, methodNumber('HEAD'));
});

test('names are case-sensitive, and unknown ones have no number', () => {
  for (const name of ['get', 'Get', 'NOTHING', '', 'constructor', '__proto__', 'toString']) {
    assert.equal(methodNumber(name), -1, name);
  }
});

test('what may be sent twice is what RFC 9110 calls idempotent', () => {
  for (const name of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])
    assert.ok(isIdempotent(methodNumber(name)), name);
  for (const name of ['POST', 'PATCH', 'CONNECT', 'LOCK', 'MKCOL']) assert.ok(!isIdempotent(methodNumber(name)), name);
});
