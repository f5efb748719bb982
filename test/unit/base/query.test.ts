import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeComponent, findParameter, parameter } from '../../../src/base/query.js';

/** The decoded value of `name` in `text`, which stands among bytes that must not be read; null when there is none. */
function decodedValue(text: string, name: string): string | null {
  const bytes = Buffer.from(`&&${text}&${name}=outside`, 'latin1');
  if (!findParameter(bytes, 2, 2 + text.length, Buffer.from(name, 'latin1'))) return null;
  const end = parameter.valueAt + parameter.valueBytes;
  if (!parameter.encoded) return bytes.toString('latin1', parameter.valueAt, end);
  const into = Buffer.alloc(64);
  return into.toString('latin1', 0, decodeComponent(bytes, parameter.valueAt, end, into));
}

test('finds the first parameter of a name, decoded as the URL Standard decodes it', () => {
  for (const [text, value] of [
    ['user=ann', 'ann'],
    ['a=b&user=ann&user=bob', 'ann'],
    ['user', ''],
    ['user=', ''],
    ['us%65r=ann', 'ann'],
    ['user=a%20b+c', 'a b c'],
    ['user=%', '%'],
    ['user=%4', '%4'],
    ['user=%zz', '%zz'],
    ['user=a=b', 'a=b'],
  ] as const)
    assert.equal(decodedValue(text, 'user'), value, text);
});

test('takes no part of a name for the name, and reads nothing behind the end', () => {
  for (const text of ['', 'users=ann', 'xuser=ann', 'User=ann', 'use', '&&&', 'us%65=ann', 'user%3Dann', 'a=user=ann'])
    assert.equal(decodedValue(text, 'user'), null, text);
});

test('decodes as much as there is room for', () => {
  const bytes = Buffer.from('%41%42%43', 'latin1');
  const into = Buffer.alloc(2);
  assert.equal(decodeComponent(bytes, 0, bytes.length, into), 2);
  assert.equal(into.toString('latin1'), 'AB');
});
