// The figures for docs/performance.md: written between two marks of that page, so that nobody copies numbers by hand.
// Run as a program: `node dist/bench/report/markdown.js RESULT.json WHERE.json PAGE.md`, or, for the figures of TLS alone,
// `node dist/bench/report/markdown.js --tls RESULT.json PAGE.md`.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { BenchResult } from '../result.js';
import { warningsOf } from '../verdict.js';
import type { Share } from '../where.js';
import { tablesOf } from './tables.js';
import { machineLine } from './terminal.js';

/** The machine, the command and every table, in Markdown. */
export function figuresMarkdown(result: BenchResult): string {
  const out = [
    `Machine: ${machineLine(result)}; ${Object.values(result.machine.tools).join(', ')}.`,
    `Placement: ${result.pinning}; load by ${result.load}; origin: ${result.origin}.`,
    `Command: \`${result.command}\`, ${result.startedAt.slice(0, 10)}, ${Math.round(result.seconds / 60)} minutes.`,
  ];
  for (const warning of warningsOf(result)) out.push(`> ${warning}`);
  for (const { title, rows, notes } of tablesOf(result)) {
    out.push(`### ${title[0]!.toUpperCase()}${title.slice(1)}`, markdownTable(rows));
    if (notes.length > 0) out.push(notes.map((note) => `- ${note}`).join('\n'));
  }
  for (const { contestant, reason } of result.leftOut)
    out.push(`Left out, or not as it should be: ${contestant} (${reason}).`);
  return out.join('\n\n');
}

/** Where the time of a request goes, in Markdown. */
export function whereMarkdown(shares: readonly Share[]): string {
  const rows = shares.map(({ step, share, usPerRequest }) => [
    step,
    `${(share * 100).toFixed(1)} %`,
    usPerRequest.toFixed(2),
  ]);
  const total = shares.reduce((sum, { usPerRequest }) => sum + usPerRequest, 0);
  return markdownTable([['step', 'share', 'µs per request'], ...rows, ['all', '100 %', total.toFixed(2)]]);
}

/** `page` with what is between `<!-- NAME -->` and `<!-- /NAME -->` replaced. Throws when the marks are not there. */
export function replaceMarked(page: string, name: string, text: string): string {
  const open = `<!-- ${name} -->`;
  const close = `<!-- /${name} -->`;
  const from = page.indexOf(open);
  const to = page.indexOf(close);
  if (from < 0 || to < from) throw new Error(`the page has no ${open} … ${close} to write between`);
  return `${page.slice(0, from + open.length)}\n\n${text}\n\n${page.slice(to)}`;
}

function markdownTable(rows: ReadonlyArray<readonly string[]>): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = line(rows[0]!.map((_, at) => (at === 0 ? '---' : '---:')));
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join('\n');
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const args = process.argv.slice(2);
  const read = <T>(path = ''): T => JSON.parse(readFileSync(path, 'utf8'));
  const pagePath = args.at(-1) ?? '';
  const page = readFileSync(pagePath, 'utf8');
  if (args[0] === '--tls') {
    writeFileSync(pagePath, replaceMarked(page, 'tls', figuresMarkdown(read<BenchResult>(args[1]))));
  } else {
    const figures = replaceMarked(page, 'figures', figuresMarkdown(read<BenchResult>(args[0])));
    writeFileSync(pagePath, replaceMarked(figures, 'where', whereMarkdown(read<Share[]>(args[1]))));
  }
}
