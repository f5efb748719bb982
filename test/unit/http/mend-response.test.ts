// What is mended in heads of responses, and what is not; test/wire/responses.md has the same on sockets, cut everywhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mendResponse } from '../../../src/http/mend-response.js';

/** The head after mending, its bytes that cannot be read yet behind `|`; null when nothing was mended. */
function mended(head: string): string | null {
  const memory = Buffer.from(`....${head}....`, 'latin1');
  const result = mendResponse(memory, 4, 4 + head.length);
  if (result === null) return null;
  const { base, readableEnd } = result;
  const rest = memory.toString('latin1', readableEnd, 4 + head.length);
  return memory.toString('latin1', base, readableEnd) + (rest === '' ? '' : `|${rest}`);
}

const START = 'HTTP/1.1 200 OK\r\n';

for (const [what, head, wanted] of [
  ['a higher minor version', 'HTTP/1.9 200 OK\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n'],
  ['blanks in front of a colon', `${START}A \t: b\r\n\r\n`, `${START}A:\t  b\r\n\r\n`],
  [
    'a length said twice',
    `${START}Content-Length: 2\r\nA: b\r\ncontent-length:2 \r\n`,
    `${START}Content-Length: 2\r\nA: b\r\n`,
  ],
  ['a list of one length', `${START}Content-Length: 2, 2\r\n\r\n`, `${START}Content-Length: 2   \r\n\r\n`],
  ['blanks whose colon has not come', `${START}A: b\r\nC  `, `${START}A: b\r\n|C  `],
  ['a length that is not complete', `${START}Content-Length: 2`, `${START}|Content-Length: 2`],
] as const) {
  test(`mends ${what}`, () => assert.equal(mended(head), wanted));
}

for (const [what, head] of [
  ['another major version', 'HTTP/3.1 200 OK\r\n\r\n'],
  ['lengths that differ', `${START}Content-Length: 2\r\nContent-Length: 3\r\n\r\n`],
  ['a list of lengths that differ', `${START}Content-Length: 2, 3\r\n\r\n`],
  ['a line without a colon', `${START}A b\r\n\r\n`],
  ['a folded line', `${START}A: b\r\n : c\r\n\r\n`],
  ['a body that looks like a head', `${START}\r\nA : b\r\n`],
] as const) {
  test(`leaves ${what}`, () => assert.equal(mended(head), null));
}
