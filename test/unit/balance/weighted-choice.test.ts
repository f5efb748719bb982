import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashText } from '../../../src/balance/keys.js';
import { WeightedChoice } from '../../../src/balance/weighted-choice.js';

const KEYS = Array.from({ length: 20_000 }, (_, i) => hashText(`client ${i}`));

/** How many of the keys go to each name. */
function shares(choice: WeightedChoice, count: number): number[] {
  const found = new Array<number>(count).fill(0);
  for (const key of KEYS) found[choice.pick(key)]!++;
  return found.map((keys) => keys / KEYS.length);
}

test('leads keys to the names as often as the weights say', () => {
  const found = shares(new WeightedChoice(['a', 'b', 'c'], [90, 9, 1]), 3);
  for (const [i, share] of [0.9, 0.09, 0.01].entries()) assert.ok(Math.abs(found[i]! - share) < 0.007, `${found}`);
});

test('leads a key to the same name, in whatever order the names stand', () => {
  const choice = new WeightedChoice(['a', 'b', 'c'], [5, 3, 2]);
  const turned = new WeightedChoice(['c', 'a', 'b'], [2, 5, 3]);
  for (const key of KEYS) assert.equal(['a', 'b', 'c'][choice.pick(key)], ['c', 'a', 'b'][turned.pick(key)]);
});

test('a weight that grows takes keys from the others, and none moves between those', () => {
  const before = new WeightedChoice(['a', 'b', 'c'], [80, 10, 10]);
  const after = new WeightedChoice(['a', 'b', 'c'], [80, 30, 10]);
  let moved = 0;
  for (const key of KEYS) {
    const [was, is] = [before.pick(key), after.pick(key)];
    if (was === is) continue;
    moved++;
    assert.equal(is, 1);
  }
  // 10 of 100 become 30 of 120: what must move, and no more.
  assert.ok(Math.abs(moved / KEYS.length - (30 / 120 - 10 / 100)) < 0.01, `${moved / KEYS.length}`);
});

test('weights that grow alike move nothing', () => {
  const before = new WeightedChoice(['a', 'b'], [9, 1]);
  const after = new WeightedChoice(['a', 'b'], [90, 10]);
  for (const key of KEYS) assert.equal(before.pick(key), after.pick(key));
});

test('a name that goes, or has weight 0, gives up its keys, and no other key moves', () => {
  const all = new WeightedChoice(['a', 'b', 'c'], [1, 1, 1]);
  const closed = new WeightedChoice(['a', 'b', 'c'], [1, 0, 1]);
  const gone = new WeightedChoice(['a', 'c'], [1, 1]);
  for (const key of KEYS) {
    const was = all.pick(key);
    if (was !== 1) assert.equal(closed.pick(key), was);
    assert.equal(['a', 'c'][gone.pick(key)], ['a', 'b', 'c'][closed.pick(key)]);
  }
  assert.equal(new WeightedChoice(['a'], [0]).pick(1), -1);
});
