// Bytes of clients in lines: whatever they are, a line stays one line, and JSON stays JSON.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lines } from '../../../../src/observe/log/line.js';
import { randomFrom, seed } from '../../../support/random.js';

function written(write: (lines: Lines) => void): string {
  const lines = new Lines();
  write(lines);
  return Buffer.from(lines.bytes.subarray(0, lines.length)).toString('utf8');
}

const json = (bytes: Buffer, cut = false): string => written((lines) => lines.json(bytes, 0, bytes.length, cut));
const plain = (bytes: Buffer, cut = false): string => written((lines) => lines.plain(bytes, 0, bytes.length, cut));

test('quotes, backslashes and control bytes are escaped in JSON', () => {
  assert.equal(
    json(Buffer.from('a"b\\c\0\n\r\t\x1b[31m\x7f')),
    'a\\"b\\\\c\\u0000\\u000a\\u000d\\u0009\\u001b[31m\\u007f',
  );
});

test('UTF-8 stays, C1 controls are escaped, and other bytes become U+FFFD', () => {
  assert.equal(json(Buffer.from('é€😀')), 'é€😀');
  assert.equal(json(Buffer.from('\u0085\u009b')), '\\u0085\\u009b');
  const cases: [string, string][] = [
    ['ff', '\ufffd'],
    ['c0af', '\ufffd\ufffd'],
    ['e282', '\ufffd\ufffd'],
    ['eda080', '\ufffd\ufffd\ufffd'],
    ['f4908080', '\ufffd\ufffd\ufffd\ufffd'],
    ['61c3', 'a\ufffd'],
  ];
  for (const [hex, expected] of cases) assert.equal(json(Buffer.from(hex, 'hex')), expected, hex);
});

test('plain lines hold printable ASCII alone', () => {
  assert.equal(plain(Buffer.from('a"b\\c\n\x7fé')), 'a\\x22b\\x5cc\\x0a\\x7f\\xc3\\xa9');
});

test('a text that was cut ends in an ellipsis', () => {
  assert.equal(json(Buffer.from('abc'), true), 'abc…');
  assert.equal(plain(Buffer.from('abc'), true), 'abc…');
});

test('any bytes make one line, and valid JSON of the same text', () => {
  const random = randomFrom(seed);
  for (let round = 0; round < 3000; round++) {
    const bytes = Buffer.from(Array.from({ length: random(60) }, () => (random(3) === 0 ? random(256) : random(128))));
    const text = json(bytes);
    // How many of them stand for a sequence that was cut, decoders may choose.
    const once = (decoded: string): string => decoded.replace(/\ufffd+/g, '\ufffd');
    assert.equal(once(JSON.parse(`"${text}"`)), once(bytes.toString('utf8')), `seed ${seed}`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be left
    assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f]/);
    assert.match(plain(bytes), /^[\x20-\x21\x23-\x7e]*$/);
  }
});

test('numbers', () => {
  for (const value of [0, 7, 10, 99, 100, 12_345, 4_294_967_295, 4_294_967_296, 9_007_199_254_740_991])
    assert.equal(
      written((lines) => lines.integer(value)),
      String(value),
    );
  const seconds = (us: number): string => written((lines) => lines.seconds(us));
  assert.deepEqual([0, 1, 999_999, 1_000_000, 61_000_001].map(seconds), [
    '0.000000',
    '0.000001',
    '0.999999',
    '1.000000',
    '61.000001',
  ]);
});
