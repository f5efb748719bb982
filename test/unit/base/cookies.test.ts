import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cookie, nextCookie } from '../../../src/base/cookies.js';

/** The values of `name` in `text`, which stands among bytes that must not be read. */
function valuesOf(text: string, name: string): string[] {
  const bytes = Buffer.from(`;;${text};${name}=outside`, 'latin1');
  const names = Buffer.from(`x${name}y`, 'latin1');
  const found: string[] = [];
  const end = 2 + text.length;
  for (let at = 2; nextCookie(bytes, at, end, names, 1, name.length); at = cookie.next) {
    found.push(bytes.toString('latin1', cookie.valueAt, cookie.valueAt + cookie.valueBytes));
  }
  return found;
}

test('finds the cookies of a name in their order, wherever they stand', () => {
  for (const [text, ...values] of [
    ['user=ann', 'ann'],
    ['a=b; user=ann', 'ann'],
    ['a=b;user=ann;c=d', 'ann'],
    ['user=ann; user=bob', 'ann', 'bob'],
    ['user=', ''],
    ['user=a=b', 'a=b'],
    ['a; user=ann', 'ann'],
  ] as const)
    assert.deepEqual(valuesOf(text, 'user'), values, text);
});

test('passes over blanks around names and values, and keeps quotes (RFC 6265, 5.2)', () => {
  for (const text of ['user =ann', 'user= ann ', ' \tuser\t= \tann\t; a=b', 'a=b ;  user = ann']) {
    assert.deepEqual(valuesOf(text, 'user'), ['ann'], text);
  }
  assert.deepEqual(valuesOf('user="ann"', 'user'), ['"ann"']);
  assert.deepEqual(valuesOf('user= ', 'user'), ['']);
});

test('takes no part of a name for the name, and reads nothing behind the end', () => {
  for (const text of [
    '',
    'user',
    'users=ann',
    'xuser=ann',
    'a=user=ann',
    'User=ann',
    'use',
    ';;;',
    '=ann',
    'user;=ann',
  ])
    assert.deepEqual(valuesOf(text, 'user'), [], text);
});
