// Fields of a head, found by their names: in any spelling, from either end, and past those that only look alike.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIELD } from '../../../src/http/head.js';
import { matchRequest } from '../../support/match-request.js';

const { bytes, head } = matchRequest({
  url: '/',
  headers: ['X-Site', 'x-site-2', 'x-SITE', 'xxsite', 'x-sit', 'X-SITE'].map((name, i) => [name, `${i}`] as const),
});
const names = Buffer.from('host|x-site|x-site-2');

/** The values of the fields that `next` leads to, from `from` on. */
function valuesOf(from: number, next: (at: number) => number): string {
  let values = '';
  for (let at = next(from); at >= 0; at = next(at)) values += String.fromCharCode(bytes[head!.valueAt(at)]!);
  return values;
}

test('fields of one name are found in any spelling, and no others', () => {
  const name = names.subarray(5, 11);
  assert.equal(
    valuesOf(-FIELD.WORDS, (at) => head!.nextNamed(bytes, at + FIELD.WORDS, name)),
    '025',
  );
  assert.equal(head!.nextNamed(bytes, head!.fieldsEnd, name), -1);
  assert.equal(head!.nextNamed(bytes, 0, Buffer.from('x-none')), -1);
});

test('the name may be a part of the bytes that names lie in', () => {
  assert.equal(
    valuesOf(-FIELD.WORDS, (at) => head!.nextNamed(bytes, at + FIELD.WORDS, names, 12, 8)),
    '1',
  );
});

test('fields of one name are found from the last to the first', () => {
  const name = names.subarray(5, 11);
  assert.equal(
    valuesOf(head!.fieldsEnd, (at) => head!.previousNamed(bytes, at, name)),
    '520',
  );
  assert.equal(head!.previousNamed(bytes, 0, name), -1);
});
