import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHostName, isHostPattern } from '../../../src/base/host-names.js';

test('tells names that DNS could resolve from what it could not', () => {
  const long = `${'a'.repeat(63)}.`.repeat(3);
  for (const name of ['a', 'shop.example.com', 'my_service.local', 'x--1.test', 'A.B', `${long}${'a'.repeat(61)}`])
    assert.ok(isHostName(name), name);
  for (const name of [
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    '-a',
    'a-',
    'a b',
    'a:80',
    'grün.test',
    'a'.repeat(64),
    `${long}${'a'.repeat(62)}`,
  ])
    assert.ok(!isHostName(name), name);
});

test('a request is matched by a name, the names below one, or an IPv6 address in brackets', () => {
  for (const text of ['shop.test', '*.shop.test', '[::1]', '[2001:DB8::1]']) assert.ok(isHostPattern(text), text);
  for (const text of ['*', '*shop.test', 'a.*.test', '*.', '*.[::1]', '::1', '[]', 'http://a'])
    assert.ok(!isHostPattern(text), text);
});
