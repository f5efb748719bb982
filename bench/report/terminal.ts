// The report for a terminal: tables of medians with their spreads, ratios, warnings.
// Text in, text out; main.ts prints it.
import { PERCENTILES } from '../load/load.js';
import { recommend } from '../recommend.js';
import type { BenchResult } from '../result.js';
import { type Spread, spreadOf } from '../stats.js';
import { comparisonsOf, type Row, rowsOf } from '../summary.js';
import { bottleneckOf, comparisonSentence, warningsOf } from '../verdict.js';

/** The whole report as text, without colours, lines ended by newlines. */
export function terminalReport(result: BenchResult): string {
  const out: string[] = [
    '',
    machineLine(result),
    `${result.pinning}; load by ${result.load}; origin: ${result.origin}`,
  ];
  for (const workload of result.workloads) {
    const rows = rowsOf(result, workload.id);
    if (rows.length === 0) continue;
    out.push('', `${workload.title}, ${workload.connections} connections (${workload.id})`, ...closedTable(rows));
    out.push(...comparisonsOf(result, workload.id).map((one) => `  ${comparisonSentence(one)}`));
  }
  out.push(...openLoopTable(result), ...memoryTable(result), ...sweepTable(result));
  if (result.leftOut.length > 0)
    out.push('', 'left out', ...result.leftOut.map((one) => `  ${one.contestant}: ${one.reason}`));
  const warnings = warningsOf(result);
  if (warnings.length > 0) out.push('', 'mind', ...warnings.map((warning) => `  ${warning}`));
  return `${out.join('\n')}\n`;
}

function machineLine({ machine }: BenchResult): string {
  const memory = `${Math.round(machine.memoryBytes / 2 ** 30)} GiB`;
  return `${machine.cpu}, ${machine.cores.length} cores, ${memory}, ${machine.virtual}; ${machine.system}, kernel ${machine.kernel}, Node ${machine.node}`;
}

function closedTable(rows: readonly Row[]): string[] {
  const head = ['', 'requests/s', 'user µs', 'system µs', 'CPU µs/request', 'p50 ms', 'p99 ms', 'RSS MiB', 'full'];
  const body = rows.map((row) => [
    row.contestant,
    spreadText(row.perSecond, (value) => String(Math.round(value))),
    spreadText(row.userUs, decimals(1)),
    spreadText(row.systemUs, decimals(1)),
    spreadText(row.totalUs, decimals(1)),
    spreadText(row.latencyUs[0], milliseconds),
    spreadText(row.latencyUs[3], milliseconds),
    row.rssBytes === undefined ? '-' : (row.rssBytes.median / 2 ** 20).toFixed(0),
    bottleneckOf(row),
  ]);
  return table([head, ...body]);
}

function openLoopTable(result: BenchResult): string[] {
  if (result.openLoop.length === 0) return [];
  const out: string[] = [];
  const keys = new Map(result.openLoop.map((run) => [`${run.workload} ${run.ratePerSecond}`, run]));
  for (const { workload, ratePerSecond } of keys.values()) {
    const title = result.workloads.find((one) => one.id === workload)?.title ?? workload;
    out.push('', `${title}: latency in ms at a fixed ${ratePerSecond} requests/s, from the time each request was due`);
    const head = ['', ...PERCENTILES.map((percentile) => `p${percentile}`), 'generator late p99'];
    const body = result.contestants.flatMap(({ id }) => {
      const runs = result.openLoop.filter(
        (run) => run.contestant === id && run.workload === workload && run.ratePerSecond === ratePerSecond,
      );
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
    out.push(...table([head, ...body]));
  }
  return out;
}

function memoryTable(result: BenchResult): string[] {
  if (result.connectionMemory.length === 0) return [];
  const body = result.connectionMemory.map((one) => [
    one.contestant,
    String(one.connections),
    (one.bytesPerConnection / 1024).toFixed(1),
  ]);
  return ['', 'memory of an idle client connection', ...table([['', 'connections', 'KiB each'], ...body])];
}

function sweepTable(result: BenchResult): string[] {
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
  return ['', 'workers', ...table([head, ...body]), `  ${advice.sentence}`];
}

/** A median with its spread: `13.4 (12.9..14.1)`; a dash for a figure that nobody could read. */
export function spreadText(spread: Spread | undefined, text: (value: number) => string): string {
  if (spread === undefined) return '-';
  return spread.rounds === 1
    ? text(spread.median)
    : `${text(spread.median)} (${text(spread.min)}..${text(spread.max)})`;
}

/** Rows as aligned columns: the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ')}`.trimEnd(),
  );
}

function decimals(digits: number): (value: number) => string {
  return (value) => value.toFixed(digits);
}

function milliseconds(us: number): string {
  const ms = us / 1000;
  return ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2);
}
