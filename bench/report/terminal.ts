// The report for a terminal: tables of medians with their spreads, ratios, warnings.
// Text in, text out; main.ts prints it.
import type { BenchResult } from '../result.js';
import { headlineOf, warningsOf } from '../verdict.js';
import { tablesOf } from './tables.js';

/** The whole report as text, without colours, lines ended by newlines. */
export function terminalReport(result: BenchResult): string {
  const headline = headlineOf(result);
  const out: string[] = [
    '',
    ...(headline === undefined ? [] : [headline, '']),
    machineLine(result),
    `${result.pinning}; load by ${result.load}; origin: ${result.origin}`,
  ];
  for (const { title, rows, notes } of tablesOf(result)) {
    out.push('', title, ...aligned(rows), ...notes.map((note) => `  ${note}`));
  }
  if (result.leftOut.length > 0)
    out.push(
      '',
      'left out, or not as it should be',
      ...result.leftOut.map((one) => `  ${one.contestant}: ${one.reason}`),
    );
  const warnings = warningsOf(result);
  if (warnings.length > 0) out.push('', 'mind', ...warnings.map((warning) => `  ${warning}`));
  return `${out.join('\n')}\n`;
}

/** The machine in one line. */
export function machineLine({ machine }: Pick<BenchResult, 'machine'>): string {
  const memory = `${Math.round(machine.memoryBytes / 2 ** 30)} GiB`;
  return `${machine.cpu}, ${machine.cores.length} cores, ${memory}, ${machine.virtual}; ${machine.system}, kernel ${machine.kernel}, Node ${machine.node}`;
}

/** Rows as aligned columns: the first to the left, the others to the right. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ')}`.trimEnd(),
  );
}
