// A request that a filter holds up goes on once, in a turn of its own, and not after its exchange has ended.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FilterWait } from '../../../src/exchange/filter-wait.js';

/** A wait, and what it went on with; `given up` where it was. */
function start(): { wait: FilterWait; seen: unknown[] } {
  const seen: unknown[] = [];
  const wait = new FilterWait(1000, ({ said }) => seen.push(said));
  wait.giveUp = () => seen.push('given up');
  return { wait, seen };
}

test('goes on in a later turn, with the first that is said', async () => {
  for (const first of ['proceed', 'fail', 'reply'] as const) {
    const { wait, seen } = start();
    const reply = { status: 403, fields: '', body: new Uint8Array(0) };
    if (first === 'proceed') wait.proceed();
    else if (first === 'fail') wait.fail('OVERLOADED');
    else wait.reply(reply);
    wait.fail('NO_SERVER');
    wait.proceed();
    assert.deepEqual(seen, [], 'the turn may be that of another request');
    await nextTurn();
    assert.deepEqual(seen, [first === 'proceed' ? null : first === 'fail' ? 'OVERLOADED' : reply]);
  }
});

test('says nothing to an exchange that has ended, before its turn or after', async () => {
  const { wait, seen } = start();
  wait.proceed();
  wait.end(true);
  wait.proceed();
  await nextTurn();
  assert.deepEqual(seen, ['given up']);
  wait.end(true);
  assert.deepEqual(seen, ['given up'], 'once');
});

test('gives nothing up when the exchange goes on', async () => {
  const { wait, seen } = start();
  wait.end(false);
  wait.end(true);
  wait.fail('OVERLOADED');
  await nextTurn();
  assert.deepEqual(seen, []);
});
