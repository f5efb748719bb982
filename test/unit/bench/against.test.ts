// The ratio of two trees: its interval, when it is known well enough, and what it says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKnown, verdictOf } from '../../../bench/lab/against.js';
import { ratioInterval } from '../../../bench/stats.js';

test('the interval of a ratio is that of Student for the logarithms', () => {
  assert.equal(ratioInterval([]), undefined);
  assert.equal(ratioInterval([1.1]), undefined);
  const even = ratioInterval([2, 0.5])!;
  assert.ok(Math.abs(even.ratio - 1) < 1e-12);
  assert.ok(even.low < 0.01 && even.high > 100, 'two pairs that disagree say nothing');
  const { ratio, low, high, pairs } = ratioInterval([1.0, 1.02, 1.04, 1.02, 1.02])!;
  assert.equal(pairs, 5);
  // By hand: mean of the logarithms 0.019726, their deviation 0.013867, t 2.776 for four degrees of freedom.
  assert.ok(Math.abs(ratio - 1.01992) < 1e-4, String(ratio));
  assert.ok(Math.abs(high / ratio - Math.exp((2.776 * 0.013867) / Math.sqrt(5))) < 1e-3, String(high));
  assert.ok(Math.abs(ratio / low - high / ratio) < 1e-12);
});

test('a workload is known when its interval is narrow, and not after a few pairs that agree by chance', () => {
  assert.equal(isKnown(undefined), false);
  assert.equal(isKnown({ ratio: 1, low: 0.999, high: 1.001, pairs: 4 }), false);
  assert.equal(isKnown({ ratio: 1, low: 0.999, high: 1.001, pairs: 5 }), true);
  assert.equal(isKnown({ ratio: 1, low: 0.97, high: 1.01, pairs: 9 }), false);
});

test('only a whole interval on one side is a difference', () => {
  assert.equal(verdictOf({ ratio: 1.03, low: 1.015, high: 1.045, pairs: 9 }), 'worse');
  assert.equal(verdictOf({ ratio: 1.012, low: 1.005, high: 1.02, pairs: 9 }), 'no difference');
  assert.equal(verdictOf({ ratio: 0.97, low: 0.96, high: 0.98, pairs: 9 }), 'better');
  assert.equal(verdictOf({ ratio: 1.0, low: 0.9, high: 1.1, pairs: 9 }), 'not known');
  assert.equal(verdictOf(undefined), 'not known');
});
