// The figures for docs/performance.md and the README: written between two marks of the page, so that nobody copies numbers
// by hand. Run as a program: `node dist/bench/report/markdown.js RESULT.json WHERE.json PAGE.md`; for the figures of TLS
// alone `--tls RESULT.json PAGE.md`, for the short table of the README `--summary RESULT.json PAGE.md`.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { spreadText, tablesOf } from '../report/tables.js';
import { machineLine } from '../report/terminal.js';
import type { BenchResult } from '../result.js';
import { pairedRatio } from '../stats.js';
import { rowsOf, totalByRound } from '../summary.js';
import { warningsOf } from '../verdict.js';
import type { Share } from './where.js';

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

/** Who stands in the short table, and what it calls them. */
const SUMMARY: ReadonlyArray<readonly [contestant: string, title: string]> = [
  ['sevenfold-l7', 'sevenfold, Layer 7'],
  ['sevenfold-l4', 'sevenfold, Layer 4'],
  ['nginx-l7', 'nginx, Layer 7'],
  ['nginx-l4', 'nginx, Layer 4'],
  ['haproxy-l7', 'HAProxy, Layer 7'],
  ['http-proxy', 'http-proxy'],
];

/** CPU per request under the first workload, beside what our Layer 7 takes of each, in Markdown. */
export function summaryMarkdown(result: BenchResult): string {
  const { id, title, connections } = result.workloads[0]!;
  const rows = rowsOf(result, id);
  const ours = totalByRound(result, 'sevenfold-l7', id);
  const body = SUMMARY.flatMap(([contestant, name]) => {
    const row = rows.find((one) => one.contestant === contestant);
    if (row === undefined) return [];
    const ratio = pairedRatio(ours, totalByRound(result, contestant, id));
    return [
      [
        name,
        spreadText(row.userUs, (us) => us.toFixed(1)),
        spreadText(row.totalUs, (us) => us.toFixed(1)),
        contestant === 'sevenfold-l7' ? '1' : spreadText(ratio, (times) => times.toFixed(2)),
      ],
    ];
  });
  const head = ['contestant', 'user µs/request', 'CPU µs/request', "Sevenfold's Layer 7 as a ratio to it"];
  const { cores, cpu, virtual } = result.machine;
  const rounds = new Set(result.rounds.filter(({ workload }) => workload === id).map(({ round }) => round)).size;
  return [
    `${title[0]!.toUpperCase()}${title.slice(1)}, ${connections} connections; ${cpu}, ${cores.length} cores${virtual === undefined ? '' : `, ${virtual}`}. Medians of ${rounds} interleaved rounds with least and greatest, ratios of paired rounds:`,
    markdownTable([head, ...body]),
    ...warningsOf(result)
      .filter((warning) => warning.includes('noisy'))
      .slice(0, 1)
      .map((warning) => `> ${warning}`),
  ].join('\n\n');
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
  } else if (args[0] === '--summary') {
    writeFileSync(pagePath, replaceMarked(page, 'figures', summaryMarkdown(read<BenchResult>(args[1]))));
  } else {
    const figures = replaceMarked(page, 'figures', figuresMarkdown(read<BenchResult>(args[0])));
    writeFileSync(pagePath, replaceMarked(figures, 'where', whereMarkdown(read<Share[]>(args[1]))));
  }
}
