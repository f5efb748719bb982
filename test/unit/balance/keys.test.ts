import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findPair, hashText, keyOfBytes, mix, pairValue, SEPARATOR } from '../../../src/balance/keys.js';

/** The value of `name` in `text`, which stands among bytes that must not be read; null when there is none. */
function find(text: string, name: string, separator: number): string | null {
  const bytes = Buffer.from(`;&${text};${name}=outside&${name}=outside`, 'latin1');
  if (!findPair(bytes, 2, text.length, Buffer.from(name, 'latin1'), separator)) return null;
  return bytes.toString('latin1', pairValue.at, pairValue.at + pairValue.bytes);
}

test('finds a pair wherever it stands, the first of equal names', () => {
  for (const [text, value] of [
    ['user=ann', 'ann'],
    ['a=b; user=ann', 'ann'],
    ['a=b;user=ann;c=d', 'ann'],
    ['user=ann; user=bob', 'ann'],
    ['user=', ''],
    ['user=a=b', 'a=b'],
  ] as const)
    assert.equal(find(text, 'user', SEPARATOR.COOKIE), value, text);
  assert.equal(find('a=b&user=ann&c=d', 'user', SEPARATOR.QUERY), 'ann');
});

test('takes no part of a name for the name, and reads nothing behind the end', () => {
  for (const text of ['', 'user', 'users=ann', 'xuser=ann', 'a=user=ann', 'User=ann', 'use', ';;;'])
    assert.equal(find(text, 'user', SEPARATOR.COOKIE), null, text);
  assert.equal(find('a=b;user=ann', 'user', SEPARATOR.QUERY), null);
});

test('gives a text the key of its bytes, and every input of mix an output of its own', () => {
  const bytes = Buffer.from('10.0.0.1:80');
  assert.equal(hashText('10.0.0.1:80'), keyOfBytes(bytes, 0, bytes.length));
  const outputs = new Set<number>();
  for (let i = 0; i < 100_000; i++) outputs.add(mix(i));
  assert.equal(outputs.size, 100_000);
});
