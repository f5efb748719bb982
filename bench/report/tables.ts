// The tables, as rows of text: the same for the terminal, the page and docs/performance.md.
// Every figure is a median with its spread; how rows are drawn is terminal.ts, html.ts and markdown.ts.
import { PERCENTILES } from '../load/load.js';
import { recommend } from '../recommend.js';
import type { BenchResult } from '../result.js';
import { type Spread, spreadOf } from '../stats.js';
import { comparisonsOf, type Row, rowsOf } from '../summary.js';
import { bottleneckOf, comparisonSentence } from '../verdict.js';

/** From here on the table tells what a GiB costs. */
const LARGE_BYTES = 65_536;

export interface Table {
  readonly title: string;
  /** The first row is the head; the first column names the row. */
  readonly rows: ReadonlyArray<readonly string[]>;
  /** What to read from it, in sentences. */
  readonly notes: readonly string[];
}

/** Every table that this result has figures for. */
export function tablesOf(result: BenchResult): Table[] {
  return [...closedTables(result), ...openTables(result), ...memoryTable(result), ...sweepTable(result)];
}

function closedTables(result: BenchResult): Table[] {
  const head = [
    'contestant',
    'requests/s',
    'user µs',
    'system µs',
    'CPU µs/request',
    'p50 ms',
    'p99 ms',
    'RSS MiB',
    'full',
  ];
  return result.workloads.flatMap(({ id, title, connections, responseBytes }) => {
    const rows = rowsOf(result, id);
    if (rows.length === 0) return [];
    const notes = comparisonsOf(result, id).map(comparisonSentence);
    // Of large answers the bytes are the price, not the request.
    const large = responseBytes >= LARGE_BYTES;
    const body = rows.map((row) => (large ? [...closedRow(row), perGiB(row, responseBytes)] : closedRow(row)));
    const heads = large ? [...head, 'CPU s/GiB'] : head;
    return [{ title: `${title}, ${connections} connections (${id})`, rows: [heads, ...body], notes }];
  });
}

/** Seconds of CPU time for a GiB of answers. */
function perGiB({ totalUs }: Row, responseBytes: number): string {
  return spreadText(totalUs, (us) => ((us / responseBytes) * (2 ** 30 / 1e6)).toFixed(3));
}

function closedRow(row: Row): string[] {
  return [
    row.contestant,
    spreadText(row.perSecond, (value) => String(Math.round(value))),
    spreadText(row.userUs, decimals(1)),
    spreadText(row.systemUs, decimals(1)),
    spreadText(row.totalUs, decimals(1)),
    spreadText(row.latencyUs[0], milliseconds),
    spreadText(row.latencyUs[3], milliseconds),
    row.rssBytes === undefined ? '-' : (row.rssBytes.median / 2 ** 20).toFixed(0),
    bottleneckOf(row),
  ];
}

function openTables(result: BenchResult): Table[] {
  const head = ['contestant', ...PERCENTILES.map((percentile) => `p${percentile}`), 'generator late p99'];
  const settings = new Map(result.openLoop.map((run) => [`${run.workload} ${run.ratePerSecond}`, run]));
  return [...settings.values()].map(({ workload, ratePerSecond }) => {
    const title = result.workloads.find((one) => one.id === workload)?.title ?? workload;
    const same = result.openLoop.filter((run) => run.workload === workload && run.ratePerSecond === ratePerSecond);
    const body = result.contestants.flatMap(({ id }) => {
      const runs = same.filter((run) => run.contestant === id);
      if (runs.length === 0) return [];
      const at = (pick: (run: (typeof runs)[number]) => number): string =>
        spreadText(spreadOf(runs.map(pick)), milliseconds);
      return [
        [
          id,
          ...PERCENTILES.map((_, index) => at((run) => run.latencyUs[index] ?? 0)),
          at((run) => run.latenessUs[3] ?? 0),
        ],
      ];
    });
    return {
      title: `${title}: latency in ms at a fixed ${ratePerSecond} requests/s, from the time each request was due`,
      rows: [head, ...body],
      notes: [],
    };
  });
}

function memoryTable(result: BenchResult): Table[] {
  if (result.connectionMemory.length === 0) return [];
  const body = result.connectionMemory.map((one) => [
    one.contestant,
    String(one.connections),
    (one.bytesPerConnection / 1024).toFixed(1),
  ]);
  return [
    {
      title: 'memory of an idle client connection',
      rows: [['contestant', 'connections', 'KiB each'], ...body],
      notes: [],
    },
  ];
}

function sweepTable(result: BenchResult): Table[] {
  const advice = recommend(result.sweep, result.machine.cores.length);
  if (advice === undefined) return [];
  const body = advice.settings.map((setting) => [
    String(setting.workers),
    setting.accept,
    setting.pin ? 'yes' : 'no',
    spreadText(setting.perSecond, (value) => String(Math.round(value))),
    spreadText(setting.totalUs, decimals(1)),
    setting.bottleneck,
  ]);
  const head = ['workers', 'accept', 'pin', 'requests/s', 'CPU µs/request', 'full'];
  return [{ title: 'scaling by workers', rows: [head, ...body], notes: [advice.sentence] }];
}

/** A median with its spread: `13.4 (12.9..14.1)`; a dash for a figure that nobody could read. */
export function spreadText(spread: Spread | undefined, text: (value: number) => string): string {
  if (spread === undefined) return '-';
  return spread.rounds === 1
    ? text(spread.median)
    : `${text(spread.median)} (${text(spread.min)}..${text(spread.max)})`;
}

function decimals(digits: number): (value: number) => string {
  return (value) => value.toFixed(digits);
}

function milliseconds(us: number): string {
  const ms = us / 1000;
  return ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2);
}
