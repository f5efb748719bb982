// `sevenfold routes`: every match of every rule, in the order in which they win, where raw connections go, and which
// listeners redirect.
// Owns the tables. Leaves the order to src/routing, and the words of a row to src/explain.

import type { Command } from 'commander';
import { formatProblem } from '../base/problems.js';
import { loadRoutes } from '../config/routes.js';
import { type ConnectionLine, connectionLines } from '../explain/connection-lines.js';
import { describePlace, type RouteLine, routeLines } from '../explain/route-lines.js';
import { counted, type Outcome, outcome, printReport, table } from './terminal.js';

interface RoutesOptions {
  readonly config: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('routes')
    .description('list all matches in order of precedence, where raw connections go, and which listeners redirect')
    .requiredOption('-c, --config <file>', 'configuration file')
    .option('--json', 'print the list as JSON')
    .action((options: RoutesOptions) => printReport(() => routes(options)));
}

/** Exit code 0; warnings about rules that no request reaches go to standard error. */
export async function routes({ config: file, json }: RoutesOptions): Promise<Outcome> {
  const loaded = await loadRoutes(file);
  const lines = routeLines(loaded);
  const warnings = loaded.warnings.map((warning) => `warning: ${formatProblem(warning)}\n`).join('');
  const connections = connectionLines(loaded);
  // A rule as it is configured may hold a secret.
  if (json) {
    const all = [...lines.map(({ config: _, ...line }) => line), ...connections];
    return outcome(0, `${JSON.stringify(all, null, 2)}\n`, warnings);
  }
  const tables = [
    ...(lines.length === 0 ? [] : [matchTable(lines)]),
    ...(connections.length === 0 ? [] : [connectionTable(connections)]),
  ];
  return outcome(0, tables.length === 0 ? `${file} has no rules.\n` : tables.join('\n'), warnings);
}

function matchTable(lines: readonly RouteLine[]): string {
  const hasPriorities = lines.some(({ priority }) => priority !== 0);
  const rows = lines.map(({ host, path, method, conditions, priority, rule, target, place }, index) => [
    String(index + 1),
    ...(hasPriorities ? [String(priority)] : []),
    host,
    path,
    method,
    conditions.join(', ') || '-',
    rule,
    target,
    describePlace(place),
  ]);
  const headings = [
    '#',
    ...(hasPriorities ? ['PRIORITY'] : []),
    'HOST',
    'PATH',
    'METHOD',
    'CONDITIONS',
    'RULE',
    'GOES TO',
    'WHERE',
  ];
  return `${table(headings, rows)}\n${counted(lines.length, 'match', 'matches')}, first match wins.\n`;
}

/** Connections that are passed on unread, and listeners that redirect. */
function connectionTable(lines: readonly ConnectionLine[]): string {
  const rows = lines.map(({ listener, protocol, serverName, target, place }) => [
    listener,
    protocol,
    serverName,
    target,
    describePlace(place),
  ]);
  return table(['LISTENER', 'PROTOCOL', 'SERVER NAME', 'GOES TO', 'WHERE'], rows);
}
