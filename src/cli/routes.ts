// `sevenfold routes`: every match of every rule, in the order in which they win.
// Owns the table. Leaves the order to src/routing, and the words of a row to words.ts.

import type { Command } from 'commander';
import { formatProblem } from '../config/problems.js';
import { loadRoutes } from '../config/routes.js';
import { counted, type Outcome, outcome, report, table } from './terminal.js';
import { placeText, routeLines } from './words.js';

export interface RoutesOptions {
  readonly config: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('routes')
    .description('list all matches in order of precedence')
    .requiredOption('-c, --config <file>', 'configuration file')
    .option('--json', 'print the list as JSON')
    .action((options: RoutesOptions) => report(() => routes(options)));
}

/** Exit code 0; warnings about rules that no request reaches go to standard error. */
export async function routes({ config: file, json }: RoutesOptions): Promise<Outcome> {
  const loaded = await loadRoutes(file);
  const lines = routeLines(loaded);
  const warnings = loaded.warnings.map((warning) => `warning: ${formatProblem(warning)}\n`).join('');
  if (json) return outcome(0, `${JSON.stringify(lines, null, 2)}\n`, warnings);
  if (lines.length === 0) return outcome(0, `${file} has no rules.\n`, warnings);
  const rows = lines.map(({ host, path, method, conditions, rule, target, place }, index) => [
    String(index + 1),
    host,
    path,
    method,
    conditions.join(', ') || '-',
    rule,
    target,
    placeText(place),
  ]);
  const headings = ['#', 'HOST', 'PATH', 'METHOD', 'CONDITIONS', 'RULE', 'GOES TO', 'WHERE'];
  return outcome(
    0,
    `${table(headings, rows)}\n${counted(lines.length, 'match', 'matches')}, first match wins.\n`,
    warnings,
  );
}
