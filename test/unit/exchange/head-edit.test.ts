// What filters change in a head: later changes see earlier ones, and a head sees nothing of the one before.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FieldDrop, HeadEdit, type ValueRewrite } from '../../../src/exchange/head-edit.js';
import { FIELD_ID } from '../../../src/http/fields.js';

const drops = (edit: HeadEdit, name: string): boolean => edit.drops(Buffer.from(name), 0, name.length);
const drop = (...names: string[]): FieldDrop => new FieldDrop(names, false);

test('a change takes away what an earlier one added, and adds its lines behind the rest', () => {
  const edit = new HeadEdit().begin();
  edit.change(drop('x-a'), 'X-A: 1\r\nX-B: 2\r\n');
  edit.change(drop('x-b'), 'X-C: 3\r\n');
  assert.equal(edit.lines, 'X-A: 1\r\nX-C: 3\r\n');
  assert.deepEqual(
    ['X-A', 'x-b', 'X-C'].map((name) => drops(edit, name)),
    [true, true, false],
  );
  assert.equal(edit.without('X-A: own\r\nX-D: own\r\nx-b: own\r\n'), 'X-D: own\r\n');
});

test('a field of ours that a change names is left to it', () => {
  const edit = new HeadEdit().begin();
  edit.change(drop('x-a'), '');
  assert.deepEqual([edit.owns(FIELD_ID.DATE), edit.touchesForwarding], [false, false]);
  edit.change(drop('date', 'x-forwarded-for'), '');
  assert.deepEqual([edit.owns(FIELD_ID.DATE), edit.touchesForwarding], [true, true]);
});

test('values go through all rewrites of their field, in order', () => {
  const append = (id: number, text: string): ValueRewrite => ({
    id,
    value: (_memory, _at, _bytes, value) => value + text,
  });
  const edit = new HeadEdit().begin();
  for (const [id, text] of [
    [FIELD_ID.LOCATION, 'a'],
    [FIELD_ID.SET_COOKIE, 'b'],
    [FIELD_ID.LOCATION, 'c'],
  ] as const)
    edit.rewrite(append(id, text));
  const rewritten = (id: number): string => edit.valueOf(id, new Uint8Array(0), 0, 0, '/');
  assert.deepEqual(
    [rewritten(FIELD_ID.LOCATION), rewritten(FIELD_ID.SET_COOKIE), rewritten(FIELD_ID.DATE)],
    ['/ac', '/b', '/'],
  );
  assert.equal(edit.rewriteIds, (1 << FIELD_ID.LOCATION) | (1 << FIELD_ID.SET_COOKIE));
});

test('begins each head with nothing of the one before', () => {
  const edit = new HeadEdit().begin();
  edit.change(drop('date', 'via'), 'X: 1\r\n');
  edit.host('shop.example');
  edit.rewrite({ id: FIELD_ID.LOCATION, value: () => 'changed' });
  edit.begin();
  const { lines, hostname, rewriteIds, touchesForwarding } = edit;
  const nothing = { lines: '', hostname: null, rewriteIds: 0, touchesForwarding: false };
  assert.deepEqual({ lines, hostname, rewriteIds, touchesForwarding }, nothing);
  assert.deepEqual([drops(edit, 'date'), edit.owns(FIELD_ID.DATE)], [false, false]);
  assert.equal(edit.without('Date: now\r\n'), 'Date: now\r\n');
  assert.equal(edit.valueOf(FIELD_ID.LOCATION, new Uint8Array(0), 0, 0, '/'), '/');
});
