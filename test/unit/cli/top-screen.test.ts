// The screen of `sevenfold top`: two samples, and what is drawn of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesText, type Frame, quantile, rateText, SORTS, screen, timeText } from '../../../src/cli/top-screen.js';
import { BUCKETS, DURATION_BOUNDS } from '../../../src/observe/metrics/layout.js';
import type { ServerStats, Stats } from '../../../src/primary/stats.js';

const NONE = { classes: [0, 0, 0, 0, 0, 0], seconds: 0, buckets: new Array<number>(BUCKETS).fill(0) };

/** So many that took less than 1 ms, and so many that took 10 s or more. */
const timed = (fast: number, slow: number): number[] =>
  NONE.buckets.map((_, i) => (i === 0 ? fast : i === BUCKETS - 1 ? slow : 0));

function server(name: string, more: Partial<ServerStats> = {}): ServerStats {
  return { ...NONE, name, status: 'UP', weight: 1, inFlight: 0, connections: 0, failed: 0, retries: 0, ...more };
}

function frame(servers: readonly ServerStats[], more: Partial<Frame> = {}): Frame {
  const series = { ...NONE, listener: 'web', route: 'shop', pool: 'api', raw: false, bytesIn: 0, bytesOut: 0 };
  const before: Stats = { atMs: 1000, series: [series], pools: [], reasons: {}, workers: [{ busySeconds: 1 }] };
  const now: Stats = {
    atMs: 3000,
    series: [{ ...series, classes: [0, 0, 190, 0, 0, 10], buckets: timed(200, 0), bytesOut: 4096 }],
    pools: [{ name: 'api', waiting: 0, servers }],
    reasons: {},
    workers: [{ busySeconds: 2, clientConnections: 3 }],
  };
  const status = {
    version: '1.0.0',
    state: 'ready',
    uptimeSeconds: 61,
    generation: 4,
    configAppliedAt: '',
    lastReload: null,
    workers: 1,
    workerDeaths: 0,
    listeners: [],
  };
  return { status, before, now, sort: 'rate', columns: 200, rows: 40, painted: false, ...more };
}

test('rates are those between the samples', () => {
  const text = screen(
    frame([server('one', { classes: [0, 0, 20, 0, 0, 0], buckets: timed(20, 0), inFlight: 2 })]),
  ).join('\n');
  assert.match(text, /^sevenfold 1\.0\.0 {3}ready {3}up 1m 1s {3}configuration 4/);
  assert.match(text, /requests 100\/s {3}errors 5\.0 % {3}p50 500µs {3}p99 990µs {3}in flight 2/);
  assert.match(text, /workers busy 50 %/);
  assert.match(text, /^web +shop +api +100 +95 +0 +0 +5\.0 +0 +500µs +990µs +2\.0KiB *$/m);
  assert.match(text, /^api +one +UP +1 +10 +0 +0 +500µs +990µs +2 +0 *$/m);
});

test('no line is wider than the terminal, no screen is higher, and what does not fit is counted', () => {
  const many = Array.from({ length: 1000 }, (_, index) => server(`server-${index}`));
  for (const [columns, rows] of [
    [40, 10],
    [80, 24],
    [200, 60],
  ] as const) {
    const lines = screen(frame(many, { columns, rows }));
    assert.ok(lines.length <= rows, `${lines.length} lines of ${rows}`);
    for (const line of lines) assert.ok(line.length <= columns, line);
  }
  assert.match(screen(frame(many, { rows: 24 })).join('\n'), /… and \d+ more/);
});

test('the order is the one that is asked for', () => {
  const servers = [
    server('busy', { classes: [0, 0, 90, 0, 0, 0], buckets: timed(90, 0) }),
    server('slow', { classes: [0, 0, 9, 0, 0, 0], buckets: timed(0, 9) }),
    server('failing', { classes: [5, 0, 0, 0, 0, 0], failed: 5, buckets: timed(5, 0) }),
    server('full', { inFlight: 9 }),
  ];
  const first = (sort: Frame['sort']): string => /^api +(\w+)/m.exec(screen(frame(servers, { sort })).join('\n'))![1]!;
  assert.deepEqual(SORTS.map(first), ['busy', 'slow', 'failing', 'full', 'busy']);
});

test('what is not up, or fails, is painted, and a name cannot move the cursor', () => {
  const lines = screen(frame([server('down\u001b[2J', { status: 'DOWN' })], { painted: true }));
  const line = lines.find((each) => each.includes('DOWN'))!;
  assert.ok(line.startsWith('\u001b[31m') && line.endsWith('\u001b[0m'));
  assert.ok(line.includes('down\\x1b[2J'));
});

test('counts that went back belong to another server: no rate is below zero', () => {
  const shown = frame([server('one', { classes: [0, 0, 4, 0, 0, 0] })]);
  const pools = [
    { name: 'api', waiting: 0, servers: [server('one', { classes: [0, 0, 900, 0, 0, 0], buckets: timed(900, 0) })] },
  ];
  assert.match(
    screen({ ...shown, before: { ...shown.before, pools } }).join('\n'),
    /^api +one +UP +1 +0 +0 +0 +- +- /m,
  );
});

test('quantiles are those of Prometheus: linear inside a bucket, and the last bound above all', () => {
  assert.equal(quantile(NONE.buckets, 0.5), null);
  assert.equal(quantile(timed(100, 0), 0.5), 0.0005);
  assert.equal(quantile(timed(1, 99), 0.5), DURATION_BOUNDS.at(-1));
  const spread = NONE.buckets.map((_, i) => (i === 1 || i === 2 ? 10 : 0));
  assert.equal(quantile(spread, 0.75), 0.0025 + 0.0025 / 2);
});

test('figures are short', () => {
  assert.deepEqual([null, 0.0000004, 0.0012, 0.0345, 0.5, 2.5].map(timeText), [
    '-',
    '0µs',
    '1.2ms',
    '34.5ms',
    '500ms',
    '2.5s',
  ]);
  assert.deepEqual([0, 0.5, 9.96, 1234.4].map(rateText), ['0', '0.5', '10.0', '1,234']);
  assert.deepEqual([0, 1023, 1536, 52_428_800].map(bytesText), ['0B', '1023B', '1.5KiB', '50MiB']);
});
