// Sets of addresses, compared with a reader that looks at every range.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressSet } from '../../../src/base/address-set.js';
import { parseAddress } from '../../../src/base/addresses.js';
import { parseRange } from '../../../src/base/ranges.js';
import { randomFrom, seed } from '../../support/random.js';

const setOf = (...texts: string[]): AddressSet => new AddressSet(texts.map((text) => parseRange(text)!));
const has = (set: AddressSet, text: string): boolean => {
  const address = parseAddress(text)!;
  return set.has(address, 0, address.length);
};

test('holds the first and the last address of each range, and none beside', () => {
  const set = setOf('10.0.0.0/8', '192.0.2.7', '2001:db8::/33', '255.255.255.255');
  for (const text of ['10.0.0.0', '10.255.255.255', '192.0.2.7', '2001:db8::', '2001:db8:7fff::1', '255.255.255.255'])
    assert.ok(has(set, text), text);
  for (const text of ['9.255.255.255', '11.0.0.0', '192.0.2.6', '192.0.2.8', '2001:db8:8000::', '::', '0.0.0.0'])
    assert.ok(!has(set, text), text);
});

test('a range of no bits holds its family alone, and nothing is in an empty set', () => {
  assert.ok(has(setOf('0.0.0.0/0'), '255.1.2.3'));
  assert.ok(!has(setOf('0.0.0.0/0'), '::1'));
  assert.ok(has(setOf('::/0'), 'ffff::'));
  assert.ok(!has(setOf(), '10.0.0.1'));
});

test('an address that came mapped into IPv6 is the IPv4 one, in the list too', () => {
  assert.ok(has(setOf('10.0.0.0/8'), '::ffff:10.1.2.3'));
  assert.ok(has(setOf('::ffff:10.0.0.0/104'), '10.1.2.3'));
});

test('what is no address is in no set', () => {
  assert.equal(setOf('0.0.0.0/0', '::/0').has(new Uint8Array(16), 0, 0), false);
});

test('says what a reader of every range says, for ranges that overlap and touch', () => {
  const below = randomFrom(seed);
  for (let round = 0; round < 200; round++) {
    const ranges = Array.from({ length: below(20) }, () => {
      const bits = 24 + below(9);
      return parseRange(`10.0.${below(3)}.${below(256)}/${bits}`)!;
    });
    const set = new AddressSet(ranges);
    for (let i = 0; i < 50; i++) {
      const address = Uint8Array.of(10, 0, below(4), below(256));
      const number = Buffer.from(address).readUInt32BE();
      const expected = ranges.some(
        (range) => (number ^ Buffer.from(range.address).readUInt32BE()) >>> (32 - range.bits) === 0,
      );
      assert.equal(set.has(address, 0, 4), expected, address.join('.'));
    }
  }
});
