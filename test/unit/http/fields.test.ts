// Field names in raw bytes: length and first letter narrow, the bytes decide.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { equalsBytesCaseless, equalsCaseless, FIELD_ID, fieldId } from '../../../src/http/fields.js';

const idOf = (name: string): number => {
  const bytes = Buffer.from(`__${name}__`, 'latin1');
  return fieldId(bytes, 2, name.length);
};

/** Tokens made to share the place of a known name: its length, and a first byte that is looked up alike. */
const COLLISIONS: [known: string, made: string][] = [
  ['connection', 'cxxxxxxxxn'],
  ['content-length', 'cxxxxxxxxxxxxh'],
  ['transfer-encoding', 'txxxxxxxxxxxxxxxg'],
  ['te', '4e'],
  ['x-forwarded-for', 'x_forwardedxfor'],
  ['via', `via${'x'.repeat(32)}`],
];

test('every known field is recognised in any case, and only as itself', () => {
  for (const [key, id] of Object.entries(FIELD_ID)) {
    if (id === FIELD_ID.NONE || id === FIELD_ID.FOLDS_TO_KNOWN) continue;
    const name = key.toLowerCase().replaceAll('_', '-');
    for (const written of [name, name.toUpperCase(), name.replace(/^./, (letter) => letter.toUpperCase())]) {
      assert.equal(idOf(written), id, written);
    }
    for (const other of [`${name}x`, name.slice(1), `${name} `]) {
      assert.equal(idOf(other), FIELD_ID.NONE, other);
    }
    for (const alike of [name.replaceAll('-', '_'), name.toUpperCase().replaceAll('-', '.'), name.replace('-', '~')]) {
      if (name.includes('-')) assert.equal(idOf(alike), FIELD_ID.FOLDS_TO_KNOWN, alike);
    }
  }
});

test('all fields about a client certificate are one id, and their other spellings are alike', () => {
  for (const name of [
    'x-client-cert-verified',
    'x-client-cert-subject',
    'x-client-cert-san',
    'x-client-cert-fingerprint',
    'client-cert',
    'client-cert-chain',
  ]) {
    assert.equal(idOf(name), FIELD_ID.CLIENT_CERT, name);
    assert.equal(idOf(name.toUpperCase()), FIELD_ID.CLIENT_CERT, name);
    for (const alike of [name.replaceAll('-', '_'), name.replace('-', '_'), name.replaceAll('-', '.').toUpperCase()]) {
      assert.equal(idOf(alike), FIELD_ID.FOLDS_TO_KNOWN, alike);
    }
    for (const other of [`${name}s`, `y${name.slice(1)}`, name.replaceAll('-', 'x'), name.replaceAll('-', '')]) {
      assert.equal(idOf(other), FIELD_ID.NONE, other);
    }
  }
});

test('the fields of responses that name a place are one id', () => {
  for (const name of ['location', 'content-location', 'refresh']) {
    assert.equal(idOf(name), FIELD_ID.LOCATION, name);
    assert.equal(idOf(name.toUpperCase()), FIELD_ID.LOCATION, name);
    for (const other of [`${name}s`, `y${name.slice(1)}`]) assert.equal(idOf(other), FIELD_ID.NONE, other);
  }
});

test('a name made to collide with a known one is never taken for it', () => {
  for (const [known, made] of COLLISIONS) {
    assert.notEqual(idOf(known), FIELD_ID.NONE);
    assert.equal(idOf(made), FIELD_ID.NONE);
    assert.equal(idOf(made.toUpperCase()), FIELD_ID.NONE);
  }
});

test('a token is known exactly when it is a known name but for the case of letters', () => {
  const names = new Set(Object.keys(FIELD_ID).map((key) => key.toLowerCase().replaceAll('_', '-')));
  names.delete('none');
  names.delete('folds-to-known');
  names.delete('rewritten');
  for (const name of ['location', 'content-location', 'refresh', 'set-cookie']) names.add(name);
  const token = [..."!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"];
  // Every known name with every one of its bytes replaced by every byte a token may have (RFC 9110, 5.6.2).
  for (const name of names) {
    for (let i = 0; i < name.length; i++) {
      for (const char of token) {
        const other = name.slice(0, i) + char + name.slice(i + 1);
        const id = idOf(other);
        assert.equal(id !== FIELD_ID.NONE && id !== FIELD_ID.FOLDS_TO_KNOWN, names.has(other.toLowerCase()), other);
        assert.equal(id === FIELD_ID.FOLDS_TO_KNOWN, name[i] === '-' && /[^-0-9a-z]/i.test(char), other);
      }
    }
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
    }),
    { numRuns: 1000 },
  );
});
