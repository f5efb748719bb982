// Weighted splits: the shares are exact, and evenly spread.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Split } from '../../../src/routing/split.js';

const refs = (weights: readonly number[]) => weights.map((weight, pool) => ({ pool, weight }));

function count(split: Split, picks: number, pools: number): number[] {
  const counts = new Array<number>(pools).fill(0);
  for (let i = 0; i < picks; i++) counts[split.pick()]!++;
  return counts;
}

test('every round of as many picks as the weights sum to gives each backend exactly its weight', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }), fc.nat(50), (weights, seed) => {
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      fc.pre(total > 0);
      const split = new Split(refs(weights), seed);
      for (let round = 0; round < 3; round++) assert.deepEqual(count(split, total, weights.length), weights);
    }),
  );
});

test('turns are spread: no backend is ever a whole pick ahead of or behind its share', () => {
  const weights = [5, 3, 2];
  const split = new Split(refs(weights));
  const counts = [0, 0, 0];
  for (let pick = 1; pick <= 100; pick++) {
    counts[split.pick()]!++;
    weights.forEach((weight, i) => {
      assert.ok(Math.abs(counts[i]! - (pick * weight) / 10) < 1, `after ${pick} picks: ${counts}`);
    });
  }
});

test('weight 0 is drained, and a rule with nothing but weight 0 has no backend', () => {
  assert.deepEqual(count(new Split(refs([0, 1, 0])), 10, 3), [0, 10, 0]);
  assert.equal(new Split(refs([0, 0])).pick(), -1);
  assert.equal(new Split(refs([0])).pick(), -1);
  assert.equal(new Split([]).pick(), -1);
});

test('workers begin at different turns', () => {
  const first = (seed: number) => new Split(refs([3, 1]), seed).pick();
  assert.deepEqual([0, 1, 2, 3].map(first).sort(), [0, 0, 0, 1]);
});

test('one backend may be named twice', () => {
  const split = new Split([
    { pool: 7, weight: 1 },
    { pool: 7, weight: 2 },
  ]);
  assert.deepEqual([split.pick(), split.pick(), split.pick()], [7, 7, 7]);
});
