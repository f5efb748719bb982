// The names that a Connection field lists.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tokens } from '../../../../src/codec/h1/tokens.js';
import { FIELD_ID, fieldId } from '../../../../src/http/fields.js';

/** Whether `name` is taken away by the Connection values `values`. */
function named(values: string[], name: string): boolean {
  const memory = Buffer.from([...values, name].join('\n'), 'latin1');
  const tokens = new Tokens();
  let at = 0;
  for (const value of values) {
    assert.ok(tokens.read(memory, at, value.length));
    at += value.length + 1;
  }
  return tokens.has(memory, fieldId(memory, at, name.length), at, name.length);
}

test('a field is named in any case, in any of the values, at any place of the list', () => {
  assert.ok(named(['X-Secret'], 'x-secret'));
  assert.ok(named(['close, X-One ,x-SECRET'], 'X-Secret'));
  assert.ok(named(['keep-alive', 'x-a', ', x-secret ,'], 'X-Secret'));
  assert.ok(!named(['x-secret2, x-secre'], 'X-Secret'));
  assert.ok(!named([], 'X-Secret'));
});

test("the connection's own options name no field", () => {
  for (const option of ['close', 'keep-alive', 'upgrade', 'Close', 'KEEP-ALIVE']) assert.ok(!named([option], option));
});

test('what says where a message goes or ends cannot be taken away', () => {
  for (const name of ['Host', 'Content-Length', 'host', 'CONTENT-LENGTH']) assert.ok(!named([name], name), name);
});

test('a name that looks alike from outside is another name', () => {
  assert.ok(!named(['xxxxxxxt'], 'x-secret'));
  assert.ok(!named(['x-secret'], 'xxxxxxxt'));
});

test('more names than there is room for are told, not forgotten', () => {
  const tokens = new Tokens();
  const memory = Buffer.from(Array.from({ length: 33 }, (_, i) => `x-${i}`).join(','), 'latin1');
  assert.equal(tokens.read(memory, 0, memory.length), false);
  const all = new Tokens();
  assert.ok(all.read(memory, 0, memory.lastIndexOf(',')));
  assert.equal(all.count, 32);
  assert.equal(all.has(memory, FIELD_ID.NONE, memory.indexOf('x-31'), 4), true);
});
