// Addresses and CIDR ranges in text.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressText, parseAddress } from '../../../src/base/addresses.js';
import { parseRange } from '../../../src/base/ranges.js';

const ADDRESSES = [
  ['10.0.0.1', '10.0.0.1'],
  ['255.255.255.255', '255.255.255.255'],
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['2001:DB8::a:0:1', '2001:db8::a:0:1'],
  ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
  ['10.0.0', undefined],
  ['10.0.0.256', undefined],
  ['1:2', undefined],
  ['fe80::1%eth0', undefined],
  ['example.com', undefined],
] as const;

for (const [text, seen] of ADDRESSES) {
  test(`${text} is ${seen ?? 'no address'}`, () => {
    const bytes = parseAddress(text);
    assert.equal(bytes && addressText(bytes), seen);
  });
}

const RANGES = [
  ['10.0.0.0/8', 8],
  ['10.0.0.1', 32],
  ['0.0.0.0/0', 0],
  ['::1', 128],
  ['2001:db8::/32', 32],
  ['::ffff:10.0.0.0/104', 8],
  ['10.0.0.0/33', undefined],
  ['10.0.0.0/', undefined],
  ['10.0.0.0/-1', undefined],
  ['10.0.0.0/8.0', undefined],
  ['::/129', undefined],
  ['::ffff:10.0.0.0/8', undefined],
  ['/8', undefined],
] as const;

for (const [text, bits] of RANGES) {
  test(`${text} is ${bits === undefined ? 'no range' : `a range of ${bits} fixed bits`}`, () => {
    assert.equal(parseRange(text)?.bits, bits);
  });
}
