// The reports as text: every figure with its spread, and the page of the documentation written between its marks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figuresMarkdown, replaceMarked, summaryMarkdown, whereMarkdown } from '../../../bench/lab/markdown.js';
import { functionsOf, sharesOf } from '../../../bench/lab/where.js';
import { spreadText } from '../../../bench/report/tables.js';
import { aligned, terminalReport } from '../../../bench/report/terminal.js';
import { sampleResult } from './sample-result.js';

test('prints every figure of several rounds with its spread, and a dash for what nobody could read', () => {
  const text = (value: number): string => value.toFixed(1);
  assert.equal(spreadText({ median: 2, min: 1, max: 3, rounds: 3 }, text), '2.0 (1.0..3.0)');
  assert.equal(spreadText({ median: 2, min: 2, max: 2, rounds: 1 }, text), '2.0');
  assert.equal(spreadText(undefined, text), '-');
});

test('aligns names to the left and figures to the right', () => {
  assert.deepEqual(
    aligned([
      ['', 'per s'],
      ['direct', '5'],
    ]),
    ['          per s', '  direct      5'],
  );
});

test('opens with the answer, and with its doubt when the machine was noisy', () => {
  const opening = terminalReport(sampleResult()).trimStart().split('\n')[0];
  assert.equal(
    opening,
    'Reading the request takes 1.16 (1.16..1.16) times the CPU of passing it on unread: small GET with ten browser-like headers.',
  );
  const rounds = sampleResult().rounds.map((round) => ({ ...round, foreignShare: 0.4 }));
  assert.match(terminalReport(sampleResult({ rounds })), /^\nReading .* but the machine was too noisy to conclude\.\n/);
});

test('reports rounds, latency, memory, workers and what was left out', () => {
  const report = terminalReport(sampleResult());
  for (const part of [
    'sevenfold-l7 / sevenfold-l4: 1.16',
    'at a fixed 12000 requests/s',
    'memory of an idle',
    'scaling by workers',
    'httpxy: the npm package',
  ]) {
    assert(report.includes(part), part);
  }
});

test('writes the figures between the marks of a page and leaves the rest alone', () => {
  const page = 'before\n<!-- figures -->\nstale figures\n<!-- /figures -->\nafter\n';
  const written = replaceMarked(page, 'figures', figuresMarkdown(sampleResult()));
  assert.match(written, /^before\n<!-- figures -->\n\nMachine: Sample CPU/);
  assert.match(written, /\| sevenfold-l7 \| [^|]+ \| 1\.7 \(1\.7\.\.1\.8\) \|/);
  assert(written.endsWith('<!-- /figures -->\nafter\n') && !written.includes('stale figures'));
  assert.throws(() => replaceMarked('no marks', 'figures', ''), /has no <!-- figures -->/);
});

test('sums up the first workload for the front page, with doubts', () => {
  const summary = summaryMarkdown(sampleResult());
  assert.match(summary, /^Small GET with ten browser-like headers, 64 connections; Sample CPU/);
  assert.match(summary, /\| sevenfold, Layer 7 \| [^|]+ \| [^|]+ \| 1 \|/);
  assert.match(summary, /\| sevenfold, Layer 4 \| [^|]+ \| [^|]+ \| 1\.16 /);
  assert(!summary.includes('noisy'));
  const rounds = sampleResult().rounds.map((round) => ({ ...round, foreignShare: 0.4 }));
  assert.match(summaryMarkdown(sampleResult({ rounds })), /\n> The machine was too noisy to conclude/);
});

test('sorts the samples of a profile by the step of the request they belong to', () => {
  const report = [
    '# a comment',
    '50.00%|[kernel.kallsyms]|[k] tcp_sendmsg',
    '10.00%|engine.node|[.] sf_engine_turn',
    '15.00%|[JIT] tid 1|[.] JS:wasm-function[20]-20-turbofan',
    '5.00%|[JIT] tid 1|[.] JS:*nextLeaf file:///x/dist/routing/matcher.js:128:13',
    '10.00%|[JIT] tid 1|[.] JS:*text file:///x/dist/worker/text.js:54:9',
    '5.00%|[JIT] tid 1|[.] JS:*readRequest file:///x/dist/worker/client.js:71:21',
    '5.00%|node|[.] Builtins_AtomicsSub',
  ].join('\n');
  const shares = sharesOf(report, 10);
  const of = (start: string): number | undefined => shares.find(({ step }) => step.startsWith(start))?.usPerRequest;
  assert.deepEqual(
    ['kernel', 'engine', 'parse', 'match', 'edit', 'relay', 'V8'].map(of),
    [5, 1, 1.5, 0.5, 1, 0.5, 0.5],
  );
  assert.deepEqual(functionsOf(report, 10).slice(0, 3), [
    ['wasm-function[20]-20-turbofan (compiled)', 1.5],
    ['sf_engine_turn (engine.node)', 1],
    ['text (worker/text.js:54)', 1],
  ]);
  assert.match(whereMarkdown(shares), /\| all \| 100 % \| 10\.00 \|$/);
});
