// Parked: keeps bytes that come in pieces, and puts them back in front of the next ones.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Parked } from '../../../src/codec/parked.js';

const memory = Buffer.alloc(4096);
const write = (at: number, text: string): number => memory.write(text, at, 'latin1');

test('keeps what came in one piece, whatever becomes of the memory it lay in', () => {
  const parked = new Parked(memory, 100, write(100, 'the beginning'));
  memory.fill(0);
  assert.equal(parked.length, 13);
  assert.equal(parked.bytes.toString('latin1'), 'the beginning');
});

test('keeps every piece behind the one before, of whatever sizes', () => {
  let all = '';
  let parked: Parked | null = null;
  for (let i = 0; i < 200; i++) {
    const piece = String.fromCharCode(0x61 + (i % 26)).repeat((i * 7) % 19);
    const bytes = write(i, piece);
    all += piece;
    if (parked === null) parked = new Parked(memory, i, bytes);
    else parked.add(memory, i, bytes);
    assert.equal(parked.length, all.length);
    assert.equal(parked.bytes.toString('latin1'), all);
  }
});

test('puts all in front of the bytes that go on, and of them alone', () => {
  const parked = new Parked(memory, 0, write(0, 'begin'));
  parked.add(memory, 0, write(0, 'ning'));
  memory.fill('.');
  write(2000, ' and end');
  const at = parked.putBefore(memory, 2000);
  assert.equal(at, 1991);
  assert.equal(memory.toString('latin1', at - 1, 2009), '.beginning and end.');
});
