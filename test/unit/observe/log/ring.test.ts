// The ring between a worker and the log thread: records come whole, in order, and none is waited for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RECORD, RECORD_TYPE } from '../../../../src/observe/log/record.js';
import { createRing, LogWake, RingReader, RingWriter } from '../../../../src/observe/log/ring.js';
import { randomFrom, seed } from '../../../support/random.js';

const open = (bytes: number) => {
  const shared = createRing(bytes);
  const wake = new LogWake();
  return { shared, wake, writer: new RingWriter(shared, wake), reader: new RingReader(shared) };
};

/** Writes a record whose words hold `value`. False when there is no room. */
function put(writer: RingWriter, bytes: number, value: number): boolean {
  const at = writer.begin(bytes, RECORD_TYPE.EXCHANGE);
  if (at < 0) return false;
  writer.words.fill(value, (at >> 2) + RECORD.WORDS, (at + bytes) >> 2);
  writer.end();
  return true;
}

function take(reader: RingReader): number[] {
  const seen: number[] = [];
  reader.read((at) => {
    const word = at >> 2;
    const words = reader.words.subarray(word + RECORD.WORDS, word + (reader.words[word + RECORD.bytes]! >> 2));
    assert.equal(new Set(words).size, 1, 'a record holds its own words alone');
    seen.push(words[0]!);
  });
  return seen;
}

test('records of any length come out whole and in order, also where the ring begins anew', () => {
  const { writer, reader } = open(1024);
  const random = randomFrom(seed);
  const expected: number[] = [];
  const got: number[] = [];
  for (let value = 1; value <= 5000; value++) {
    const bytes = 16 + 8 * random(40);
    while (!put(writer, bytes, value)) got.push(...take(reader));
    expected.push(value);
    if (random(5) === 0) got.push(...take(reader));
  }
  got.push(...take(reader));
  assert.deepEqual(got, expected, `seed ${seed}`);
  assert.equal(reader.waiting, 0);
});

test('a full ring refuses a record, and takes the next one as soon as it was read', () => {
  const { writer, reader } = open(256);
  assert.ok(put(writer, 128, 1));
  assert.ok(put(writer, 128, 2));
  assert.equal(put(writer, 16, 3), false);
  assert.deepEqual(take(reader), [1, 2]);
  assert.ok(put(writer, 256, 4));
  assert.deepEqual(take(reader), [4]);
});

test('what a writer that died had begun is never seen, and the next one goes on behind it', () => {
  const { shared, wake, writer, reader } = open(1024);
  put(writer, 64, 1);
  writer.begin(64, RECORD_TYPE.EXCHANGE);
  const next = new RingWriter(shared, wake);
  put(next, 32, 2);
  assert.deepEqual(take(reader), [1, 2]);
});

test('a ring that is half full wakes its reader before its time', async () => {
  const { wake, writer } = open(1024);
  const sleeping = wake.sleep(30_000);
  for (let i = 0; i < 8; i++) put(writer, 104, i);
  await sleeping;
});
