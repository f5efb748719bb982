import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Verdict } from '../../../src/health/verdict.js';

/** Plays results, `.` passed and `x` failed, and writes the state after each: U up, D down, small when in doubt. */
function play(results: string, healthy = 2, unhealthy = 3): string {
  const verdict = new Verdict();
  let seen = '';
  for (const result of results) {
    verdict.note(result === '.', healthy, unhealthy);
    const letter = verdict.state === 'UP' ? 'U' : 'D';
    seen += verdict.inDoubt ? letter.toLowerCase() : letter;
  }
  return seen;
}

test('decides by the first check alone, both ways', () => {
  assert.equal(play('.'), 'U');
  assert.equal(play('x'), 'D');
});

test('takes a server out after enough failures in a row', () => {
  assert.equal(play('.xxx'), 'UuuD');
});

test('starts counting failures anew after a pass', () => {
  assert.equal(play('.xx.xx.'), 'UuuUuuU');
});

test('brings a server back after enough passes in a row', () => {
  assert.equal(play('x..'), 'DdU');
  assert.equal(play('x.x.x..'), 'DdDdDdU');
});

test('needs one result with thresholds of one', () => {
  assert.equal(play('.x.x', 1, 1), 'UDUD');
});

test('says when it changed its mind, and only then', () => {
  const verdict = new Verdict();
  assert.deepEqual(
    [true, true, false, false, false, false].map((passed) => verdict.note(passed, 2, 3)),
    [true, false, false, false, true, false],
  );
});
