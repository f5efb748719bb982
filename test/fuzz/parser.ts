// The fuzz target of the parsers: mutated messages, cut at random, are understood as when they come whole, and what is
// understood is bounded by what came. Owns the promises. Leaves running it to the tests.

import assert from 'node:assert/strict';
import { BODY } from '../../src/http/framing.js';
import { byteByByte, type Message, Reader, type Reading } from '../unit/http/reader.js';
import { requests, responses } from './corpus.js';
import { mutate, pieces, Random } from './random.js';

/** Reads a stream in pieces: the real reader, or a broken one that the harness has to find out. */
export type Read = (type: 'request' | 'response', pieces: readonly Buffer[], toHead: boolean) => Reading;

const real = new Reader();
export const readWell: Read = (type, parts, toHead) => real.read(type, parts, toHead);

function checkMessage(message: Message, stream: Buffer): void {
  const text = stream.toString('latin1');
  assert.ok(message.headBytes > 0 && message.headBytes <= stream.length);
  assert.ok(message.body.length <= stream.length);
  if (message.framing === BODY.counted) assert.ok(message.body.length <= message.length);
  for (const [name, value] of message.fields) {
    assert.ok(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name), `a field named ${JSON.stringify(name)}`);
    assert.ok(!['\0', '\r', '\n'].some((byte) => value.includes(byte)), `a value of ${JSON.stringify(value)}`);
    assert.ok(text.includes(value));
  }
}

/** What must not depend on the cut: how much of a body came before it turned out to be wrong may. */
function fixed(reading: Reading): Reading {
  const last = reading.messages.at(-1);
  const failed = !['between messages', 'in a head', 'in a body', 'unparsed'].includes(reading.ended);
  if (last === undefined || last.done || !failed) return reading;
  return { ...reading, messages: [...reading.messages.slice(0, -1), { ...last, body: '' }] };
}

/** One stream, made from `seed`. */
export function fuzzParser(seed: number, read: Read = readWell): void {
  const random = new Random(seed);
  const type = random.below(2) === 0 ? 'request' : 'response';
  const toHead = random.below(5) === 0;
  const seeds = type === 'request' ? requests : responses;
  const parts = Array.from({ length: 1 + random.below(2) }, () => mutate(random, random.pick(seeds)));
  const stream = Buffer.concat(parts);
  if (stream.length === 0 || stream.length > 8000) return;
  const whole = fixed(read(type, [stream], toHead));
  for (const message of whole.messages) checkMessage(message, stream);
  const text = JSON.stringify(stream.toString('latin1'));
  assert.deepEqual(fixed(read(type, pieces(random, stream), toHead)), whole, text);
  if (random.below(8) === 0) assert.deepEqual(fixed(read(type, byteByByte(stream), toHead)), whole, `bytes of ${text}`);
}
