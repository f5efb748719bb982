// Elements of comma-separated lists (RFC 9110, 5.6.1).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { listElement, nextElement } from '../../../src/base/lists.js';

function elements(text: string): string[] {
  const bytes = Buffer.from(`,x ${text},outside`, 'latin1');
  const end = 3 + text.length;
  const found: string[] = [];
  for (let at = nextElement(bytes, 3, end); at >= 0; at = nextElement(bytes, listElement.next, end)) {
    found.push(bytes.toString('latin1', at, at + listElement.bytes));
  }
  return found;
}

test('empty elements and white space vanish, inner white space stays', () => {
  const cases: [string, string[]][] = [
    ['', []],
    [',', []],
    [' , ,\t,', []],
    ['close', ['close']],
    ['close,', ['close']],
    [',close', ['close']],
    ['a,b', ['a', 'b']],
    ['a , b\t,\tc ', ['a', 'b', 'c']],
    ['a b, c', ['a b', 'c']],
    ['a,,b', ['a', 'b']],
  ];
  for (const [text, expected] of cases) assert.deepEqual(elements(text), expected, JSON.stringify(text));
});

test('the elements are those of a split, for any list', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[ab, \t]{0,30}$/), (text) => {
      const expected = text
        .split(',')
        .map((part) => part.replace(/^[ \t]+|[ \t]+$/g, ''))
        .filter((part) => part !== '');
      assert.deepEqual(elements(text), expected);
    }),
    { numRuns: 1000 },
  );
});
