import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashText, keyOfBytes, mix } from '../../../src/balance/keys.js';

test('gives a text the key of its bytes, and every input of mix an output of its own', () => {
  const bytes = Buffer.from('10.0.0.1:80');
  assert.equal(hashText('10.0.0.1:80'), keyOfBytes(bytes, 0, bytes.length));
  const outputs = new Set<number>();
  for (let i = 0; i < 100_000; i++) outputs.add(mix(i));
  assert.equal(outputs.size, 100_000);
});
