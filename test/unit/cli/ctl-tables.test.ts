// Tables of `sevenfold ctl`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ageText, exchanges, safe } from '../../../src/cli/ctl-tables.js';

test('what a client sent cannot move the cursor of a terminal', () => {
  assert.equal(safe('/a\u001b[2Jb\r\n\u0085\u202e'), '/a\\x1b[2Jb\\x0d\\x0a\\x85\\x202e');
  const row = {
    worker: 0,
    connection: 1,
    listener: 'web',
    client: '127.0.0.1',
    ageMs: 1,
    stage: 'WAITING',
    method: 'GET',
  };
  const rest = { rule: null, pool: null, server: null, attempts: 1, bytesIn: 0, bytesOut: 0 };
  assert.doesNotMatch(
    exchanges({ exchanges: [{ ...row, path: '/\u001b]0;x\u0007', ...rest }] }).replaceAll('\n', ''),
    /\p{Cc}/u,
  );
});

test('ages have at most two units', () => {
  assert.deepEqual([0, 999, 1000, 61_000, 3_600_000, 90_061_000].map(ageText), [
    '0ms',
    '999ms',
    '1s',
    '1m 1s',
    '1h',
    '1d 1h',
  ]);
});
