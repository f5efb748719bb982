// Tables and colours.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counted, paint, table } from '../../../src/cli/terminal.js';

/** Runs `body` as if standard output were, or were not, a terminal. */
function onTerminal<Result>(isTTY: boolean, noColor: string | undefined, body: () => Result): Result {
  const before = { isTTY: process.stdout.isTTY, noColor: process.env.NO_COLOR };
  process.stdout.isTTY = isTTY;
  if (noColor === undefined) delete process.env.NO_COLOR;
  else process.env.NO_COLOR = noColor;
  try {
    return body();
  } finally {
    process.stdout.isTTY = before.isTTY;
    if (before.noColor === undefined) delete process.env.NO_COLOR;
    else process.env.NO_COLOR = before.noColor;
  }
}

test('colours appear on a terminal only, and NO_COLOR takes them away', () => {
  assert.equal(
    onTerminal(true, undefined, () => paint('red', 'x')),
    '\u001b[31mx\u001b[39m',
  );
  assert.equal(
    onTerminal(true, '', () => paint('red', 'x')),
    '\u001b[31mx\u001b[39m',
  );
  assert.equal(
    onTerminal(true, '1', () => paint('red', 'x')),
    'x',
  );
  assert.equal(
    onTerminal(false, undefined, () => paint('red', 'x')),
    'x',
  );
});

test('columns of a table are as wide as their widest cell', () => {
  const text = onTerminal(false, undefined, () =>
    table(
      ['A', 'LONG'],
      [
        ['wide', 'x'],
        ['y', 'z'],
      ],
    ),
  );
  assert.equal(text, 'A     LONG\nwide  x\ny     z\n');
});

test('counts agree with their noun', () => {
  assert.deepEqual(
    [counted(1, 'rule'), counted(1234, 'rule'), counted(2, 'match', 'matches')],
    ['1 rule', '1,234 rules', '2 matches'],
  );
});
