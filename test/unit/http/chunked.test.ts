// The reader of chunked bodies by itself; llhttp.test.ts has it behind heads, cut at random.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChunkedBody, TRAILER_BYTES_MAX } from '../../../src/http/chunked.js';
import { PARSED } from '../../../src/http/parsed.js';

const reader = new ChunkedBody();

/** What becomes of a body, in words. */
function read(body: string, fromServer: boolean): string {
  const memory = Buffer.from(body, 'latin1');
  reader.begin(fromServer);
  const code = reader.read(memory, 0, memory.length);
  if (code === PARSED.trailersTooLong) return 'trailers too long';
  if (code === PARSED.invalid) return 'invalid';
  const text = memory.toString('latin1', reader.bodyAt, reader.bodyAt + reader.bodyBytes);
  return code === PARSED.partial ? `${text}, ${reader.left} to come` : `${text}|${reader.trailers}|${reader.endAt}`;
}

for (const [body, client, server = client] of [
  ['3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nrest', 'abcde||20'],
  ['3 ;a\r\nabc\r\n0\r\n\r\n', 'abc||16'],
  ['3; a = "b;\\"c" ;d\r\nabc', 'abc, 0 to come'],
  ['3 \r\nabc\r\n0\r\n\r\n', 'invalid', 'abc||14'],
  ['3;a \r\nabc\r\n0\r\n\r\n', 'invalid', 'abc||16'],
  ['3;\r\nabc', 'invalid'],
  ['3;a=\r\nabc', 'invalid'],
  ['3;a="b\r\nabc', 'invalid'],
  ['3\nabc', 'invalid'],
  [' 3\r\nabc', 'invalid'],
  ['3\r\nabcd', 'invalid'],
  ['1fffffffffffff\r\n', `, ${Number.MAX_SAFE_INTEGER} to come`],
  ['20000000000000\r\n', 'invalid'],
  ['0000000000000000000000003\r\nab', 'ab, 1 to come'],
  ['0\r\nA: b \r\nC:\r\n\r\n', '|A: b\r\nC: \r\n|16'],
  ['0\r\nA : b\r\n\r\n', 'invalid', '|A: b\r\n|12'],
  ['0\r\n A: b\r\n\r\n', 'invalid'],
  ['0\r\nA: b\r\n c\r\n\r\n', 'invalid'],
  ['0\r\nA: \0\r\n\r\n', 'invalid'],
  [`0\r\nA: ${'b'.repeat(TRAILER_BYTES_MAX)}`, 'trailers too long'],
] as const) {
  test(`${JSON.stringify(body.slice(0, 40))} from a client, and from a server`, () => {
    assert.equal(read(body, false), client);
    assert.equal(read(body, true), server);
  });
}

test('many blanks inside a trailer take no time', () => {
  const trailer = `A: b${' '.repeat(TRAILER_BYTES_MAX - 100)}c\r\n`;
  const from = performance.now();
  for (let i = 0; i < 50; i++) assert.ok(read(`0\r\n${trailer}\r\n`, false).startsWith(`|${trailer}|`));
  assert.ok(performance.now() - from < 2_000, 'time linear in the trailer');
});
