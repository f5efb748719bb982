// Ids of requests.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Writer } from '../../../src/engine/text.js';
import { RequestIds } from '../../../src/exchange/request-id.js';

function written(ids: RequestIds, number: number): string {
  const memory = Buffer.alloc(64);
  const writer = new Writer(memory);
  ids.write(writer, number);
  return memory.toString('latin1', 0, writer.at);
}

test('what is written and what is told is the same, 32 hexadecimal digits', () => {
  const ids = new RequestIds();
  for (const number of [1, 255, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 2 ** 52 - 1]) {
    assert.match(written(ids, number), /^[0-9a-f]{32}$/);
    assert.equal(written(ids, number), ids.text(number));
    assert.equal(ids.text(number).length, 32);
  }
});

test('no two requests share an id, in one worker or in two', () => {
  const workers = [new RequestIds(), new RequestIds()];
  const seen = new Set<string>();
  for (const ids of workers) for (let i = 0; i < 1000; i++) seen.add(ids.text(ids.next()));
  assert.equal(seen.size, 2000);
});
