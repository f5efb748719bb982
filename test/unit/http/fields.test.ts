// Field names in raw bytes: the hash narrows, the bytes decide.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  equalsBytesCaseless,
  equalsCaseless,
  FIELD_ID,
  fieldId,
  hashName,
  hashNameOf,
} from '../../../src/http/fields.js';

const idOf = (name: string): number => {
  const bytes = Buffer.from(`__${name}__`, 'latin1');
  return fieldId(hashName(bytes, 2, name.length), bytes, 2, name.length);
};

/** Names made to have the hash of another one. */
const COLLISIONS: [known: string, made: string][] = [
  ['connection', 'cxxxxxxxxn'],
  ['content-length', 'cxxxxxxxxxxxxh'],
  ['transfer-encoding', 'txxxxxxxxxxxxxxxg'],
  ['x-forwarded-for', 'xxxxxxxxxxxxxxr'],
];

test('every known field is recognised in any case, and only as itself', () => {
  for (const [key, id] of Object.entries(FIELD_ID)) {
    if (id === FIELD_ID.NONE) continue;
    const name = key.toLowerCase().replaceAll('_', '-');
    for (const written of [name, name.toUpperCase(), name.replace(/^./, (letter) => letter.toUpperCase())]) {
      assert.equal(idOf(written), id, written);
    }
    for (const other of [`${name}x`, name.slice(1), `${name} `, name.replaceAll('-', '_')]) {
      if (other !== name) assert.equal(idOf(other), FIELD_ID.NONE, other);
    }
  }
});

test('a name made to collide with a known one is never taken for it', () => {
  for (const [known, made] of COLLISIONS) {
    assert.equal(hashNameOf(made), hashNameOf(known), `${made} has the hash of ${known}`);
    assert.notEqual(idOf(known), FIELD_ID.NONE);
    assert.equal(idOf(made), FIELD_ID.NONE);
    assert.equal(idOf(made.toUpperCase()), FIELD_ID.NONE);
  }
});

test('only ASCII letters fold: bytes that differ by 0x20 otherwise are different', () => {
  const pairs: [string, string, boolean][] = [
    ['a', 'A', true],
    ['z', 'Z', true],
    ['@', '`', false],
    ['[', '{', false],
    ['\xc0', '\xe0', false],
    ['0', '\x10', false],
    ['-', '\r', false],
    ['_', '\x7f', false],
  ];
  for (const [a, b, equal] of pairs) {
    const bytes = Buffer.from(a + b, 'latin1');
    assert.equal(equalsBytesCaseless(bytes, 0, 1, 1, 1), equal, JSON.stringify([a, b]));
    // The hash may fold more than letters: it only narrows a search.
    if (equal) assert.equal(hashName(bytes, 0, 1), hashName(bytes, 1, 1), JSON.stringify([a, b]));
    assert.equal(equalsCaseless(bytes, 1, 1, Buffer.from(a, 'latin1')), equal && a === a.toLowerCase());
  }
});

test('comparing agrees with lower-casing, for any names', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{0,12}$/);
  fc.assert(
    fc.property(name, name, fc.boolean(), (a, other, same) => {
      const b = same ? a.toUpperCase() : other;
      const bytes = Buffer.from(a + b, 'latin1');
      const equal = a.toLowerCase() === b.toLowerCase();
      assert.equal(equalsBytesCaseless(bytes, 0, a.length, a.length, b.length), equal);
      assert.equal(equalsCaseless(bytes, 0, a.length, Buffer.from(b.toLowerCase(), 'latin1')), equal);
      if (equal) assert.equal(hashName(bytes, 0, a.length), hashName(bytes, a.length, b.length));
    }),
    { numRuns: 1000 },
  );
});
