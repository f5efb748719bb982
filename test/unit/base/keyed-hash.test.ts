// HalfSipHash-2-4 against the vectors of its authors.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyedHash } from '../../../src/base/keyed-hash.js';

/** Of the bytes 0, 1, 2, … under the key 00 … 07, by their number. */
const VECTORS = [
  '218d1f59b9b83cc8',
  'be552412f8387315',
  '064f39ef7c50eb57',
  'ce0f1a45f7060679',
  'd5e78a175be52ea1',
  'cb9d7c3f2f3db580',
  'ce3e91358aa2bc25',
];

const hash = new KeyedHash(0x03020100, 0x07060504);
const result = (): string => {
  const bytes = Buffer.alloc(8);
  bytes.writeInt32LE(hash.low, 0);
  bytes.writeInt32LE(hash.high, 4);
  return bytes.toString('hex');
};

test('hashes as its authors do, wherever the bytes stand', () => {
  for (const [length, expected] of VECTORS.entries()) {
    const bytes = Uint8Array.from({ length: length + 3 }, (_, i) => i - 3);
    hash.of(bytes, 3, length);
    assert.equal(result(), expected, `${length} bytes`);
  }
});

test('words are hashed like their bytes', () => {
  hash.ofWords(0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c);
  const words = result();
  hash.of(
    Uint8Array.from({ length: 16 }, (_, i) => i),
    0,
    16,
  );
  assert.equal(words, result());
});

test('another secret gives another hash', () => {
  const other = new KeyedHash(1, 2);
  other.of(new Uint8Array(0), 0, 0);
  hash.of(new Uint8Array(0), 0, 0);
  assert.notEqual(other.low, hash.low);
});
