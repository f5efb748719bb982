// What the benchmark dares to conclude, and what it refuses to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recommend } from '../../../bench/recommend.js';
import { pairedRatio, spreadOf } from '../../../bench/stats.js';
import { comparisonsOf, rowsOf } from '../../../bench/summary.js';
import { bottleneckOf, comparisonSentence, ratioVerdict, warningsOf } from '../../../bench/verdict.js';
import { sampleResult, sampleRound, sampleSweep } from './sample-result.js';

test('gives the median with the least and the greatest, and nothing for nothing', () => {
  assert.deepEqual(spreadOf([3, 1, 2]), { median: 2, min: 1, max: 3, rounds: 3 });
  assert.deepEqual(spreadOf([4, 1]), { median: 2.5, min: 1, max: 4, rounds: 2 });
  assert.equal(spreadOf([]), undefined);
});

test('pairs rounds: a disturbance that hits both sides leaves the ratio alone', () => {
  const quiet = new Map([
    [0, 10],
    [1, 30],
    [2, 10],
  ]);
  const other = new Map([
    [0, 5],
    [1, 15],
    [3, 99],
  ]);
  assert.deepEqual(pairedRatio(quiet, other), { median: 2, min: 2, max: 2, rounds: 2 });
});

test('concludes only when every paired round agrees', () => {
  const ratio = (min: number, median: number, max: number, rounds = 3) => ({ ratio: { min, median, max, rounds } });
  assert.equal(ratioVerdict(ratio(1.05, 1.1, 1.2)), 'more');
  assert.equal(ratioVerdict(ratio(0.8, 0.9, 0.99)), 'less');
  assert.equal(ratioVerdict(ratio(0.95, 1.1, 1.2)), 'undecided');
  assert.equal(ratioVerdict(ratio(1.1, 1.1, 1.1, 2)), 'undecided');
});

test('states the overhead of L7 over L4 as a ratio with its spread, never a bare number', () => {
  const found = comparisonsOf(sampleResult(), 'browser')[0];
  assert(found !== undefined);
  assert.equal(
    comparisonSentence(found),
    'sevenfold-l7 / sevenfold-l4: 1.16 (1.16..1.16, 3 paired rounds): sevenfold-l7 takes 16 % more CPU per request, in every round',
  );
});

test('says who was full: the proxy, the load, both or neither', () => {
  const row = (proxy: number | undefined, load: number) => {
    const rounds = [sampleRound('sevenfold-l7', 0, { proxyShare: proxy, loadShare: load })];
    const found = rowsOf(sampleResult({ rounds }), 'browser')[0];
    assert(found !== undefined);
    return bottleneckOf(found);
  };
  assert.equal(row(0.97, 0.6), 'proxy');
  assert.equal(row(0.6, 0.97), 'load');
  assert.equal(row(0.97, 0.97), 'both');
  assert.equal(row(0.5, 0.5), 'neither');
  assert.equal(row(undefined, 0.97), 'load');
  assert.equal(row(undefined, 0.5), 'unknown');
});

test('says nothing to mind about a quiet run', () => {
  assert.deepEqual(warningsOf(sampleResult()), []);
});

test('warns that the load generator was the bottleneck, by name of the contestant', () => {
  const rounds = [0, 1, 2].map((round) => sampleRound('sevenfold-l4', round, { proxyShare: 0.6, loadShare: 0.98 }));
  const [warning] = warningsOf(sampleResult({ rounds }));
  assert.match(warning ?? '', /not the proxy, were the bottleneck for sevenfold-l4/);
});

test('says that the machine was too noisy to conclude when others used it', () => {
  const rounds = [0, 1, 2].map((round) => sampleRound('sevenfold-l7', round, { foreignShare: 0.3 }));
  assert.match(warningsOf(sampleResult({ rounds }))[0] ?? '', /too noisy to conclude: other processes took 30 % of it/);
});

test('says so when CPU per request varies too much between rounds', () => {
  const rounds = [2, 2, 4].map((user, round) => sampleRound('sevenfold-l7', round, { userUsPerRequest: user }));
  assert.match(warningsOf(sampleResult({ rounds })).join(), /varied by more than 25 % between rounds for sevenfold-l7/);
});

test('says that a contestant answered nothing, instead of showing a row of zeroes', () => {
  const rounds = [sampleRound('sevenfold-l7', 0, { requests: 0 })];
  assert.match(warningsOf(sampleResult({ rounds })).join(), /sevenfold-l7 answered nothing at all/);
});

test('names failed requests and interrupted runs', () => {
  const rounds = [sampleRound('sevenfold-l7', 0, { badStatuses: 2, socketErrors: 1 })];
  const warnings = warningsOf(sampleResult({ rounds, interrupted: true }));
  assert.match(warnings[0] ?? '', /interrupted/);
  assert.match(warnings.join(), /sevenfold-l7 had 3 failed requests/);
});

test('recommends the fewest workers that the figures cannot tell from the fastest', () => {
  const advice = recommend(sampleSweep({ 1: 170_000, 2: 329_000, 3: 330_000 }), 4);
  assert.equal(advice?.choice.workers, 2);
  assert.equal(advice?.choice.accept, 'handoff');
  assert.match(advice?.sentence ?? '', /--workers 2 --accept handoff: .* 1\.94 times one worker/);
  assert.match(advice?.sentence ?? '', /3 workers handoff, is not told apart/);
});

test('takes more workers where they clearly serve more', () => {
  assert.equal(recommend(sampleSweep({ 1: 170_000, 2: 250_000, 3: 330_000 }), 4)?.choice.workers, 3);
});

test('doubts a recommendation that the load generator limited, or that used every core', () => {
  assert.match(
    recommend(sampleSweep({ 1: 100_000, 2: 200_000 }, 0.99), 4)?.sentence ?? '',
    /the load generator had no time left, so more workers could not show/,
  );
  assert.match(
    recommend(sampleSweep({ 1: 100_000, 2: 200_000 }), 2)?.sentence ?? '',
    /took their share of the same cores/,
  );
});
