// `sevenfold diff`: what would a new configuration change?
// Owns the report. Leaves comparing to compare.ts, and reading recorded requests to requests.ts.

import type { Command } from 'commander';
import { formatProblem } from '../base/problems.js';
import { ConfigError } from '../config/config-error.js';
import { loadRoutes } from '../config/routes.js';
import { type RouteRequest, Router } from '../explain/router.js';
import { type Comparison, compare, type RuleChange, type SettingChange } from './compare.js';
import { namesHost, readRequests } from './requests.js';
import { counted, type Outcome, outcome, paint, printReport } from './terminal.js';
import { describeDestination } from './test.js';

export interface DiffOptions {
  readonly requests?: string;
  readonly host?: string;
  readonly exitCode?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('diff')
    .description('say what a new configuration would change; what certificates and other files hold is not compared')
    .argument('<old>', 'configuration in use')
    .argument('<new>', 'configuration that would replace it')
    .option('--requests <file>', 'recorded requests: an access log, JSON lines, or one request per line')
    .option('--host <name>', 'host of recorded requests that tell none')
    .option('--exit-code', 'exit with 1 when anything changes')
    .option('--json', 'print the changes as JSON')
    .action((before: string, after: string, options: DiffOptions) => printReport(() => diff(before, after, options)));
}

/** Requests that go from one target to another. */
interface Move {
  readonly from: string;
  readonly to: string;
  count: number;
  readonly example: string;
}

/** What recorded requests showed. */
interface Replay {
  requests: number;
  moved: number;
  unreadable: number;
  /** Told no host, and --host neither: taken for a host that no route names. */
  hostless: number;
  moves: readonly Move[];
}

/** Exit code 0, or with `exitCode` 1 when anything changes; 2 when a file cannot be read. */
export async function diff(before: string, after: string, options: DiffOptions = {}): Promise<Outcome> {
  const [old, now] = [await loadRoutes(before), await loadRoutes(after)];
  const comparison = compare(old, now);
  const replayed =
    options.requests === undefined
      ? undefined
      : await replay(options.requests, options.host, new Router(old), new Router(now));
  const { rules, shadowed, settings } = comparison;
  const changes = rules.length + shadowed.length + settings.length + (replayed?.moved ?? 0);
  const code = options.exitCode && changes > 0 ? 1 : 0;
  if (options.json) return outcome(code, `${JSON.stringify({ ...comparison, requests: replayed }, null, 2)}\n`);
  const sections = [describeComparison(comparison), replayed === undefined ? '' : describeReplay(replayed)];
  return outcome(code, `${sections.filter((section) => section !== '').join('\n')}`);
}

/** A reserved name (RFC 6761, 6.4): only routes for every host match it. */
const NO_HOST = 'no-host.invalid';

async function replay(file: string, host: string | undefined, before: Router, after: Router): Promise<Replay> {
  const moves = new Map<string, Move>();
  const result: Replay = { requests: 0, moved: 0, unreadable: 0, hostless: 0, moves: [] };
  try {
    for await (const request of readRequests(file, host)) {
      if (request === null) {
        result.unreadable++;
        continue;
      }
      result.requests++;
      const asked = namesHost(request) ? request : { ...request, headers: { ...request.headers, Host: NO_HOST } };
      if (asked !== request) result.hostless++;
      const [from, to] = destinations(asked, before, after);
      if (from === to) continue;
      result.moved++;
      const key = `${from}\n${to}`;
      const move = moves.get(key) ?? { from, to, count: 0, example: `${request.method ?? 'GET'} ${request.url}` };
      move.count++;
      moves.set(key, move);
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    const found = error.code === 'ENOENT' ? 'The file does not exist.' : `The file cannot be read: ${error.message}.`;
    throw new ConfigError([
      { file, line: 0, column: 0, path: '', found, expected: 'Expected recorded requests after --requests.' },
    ]);
  }
  result.moves = [...moves.values()].sort((a, b) => b.count - a.count);
  return result;
}

/** Where a recorded request went, and where it would go. */
function destinations(request: RouteRequest, before: Router, after: Router): [from: string, to: string] {
  const was = before.match(request);
  if (was.listeners.length > 0 && was.status === undefined) {
    // It was served, so its client had the required certificate, which the record does not contain.
    const certified = { clientCertificate: {}, ...request };
    const served = before.match(certified);
    if (served.listeners.length === 0)
      return [describeDestination(served), describeDestination(after.match(certified))];
  }
  return [describeDestination(was), describeDestination(after.match(request))];
}

const SIGNS = {
  added: (text: string) => paint('green', `+ ${text}`),
  removed: (text: string) => paint('red', `- ${text}`),
  changed: (text: string) => paint('yellow', `~ ${text}`),
} as const;

function describeComparison({ rules, shadowed, settings }: Comparison): string {
  if (rules.length + shadowed.length + settings.length === 0) return 'Nothing changes.\n';
  const blocks = [
    ...rules.map(describeRuleChange),
    ...shadowed.map((problem) => `${paint('yellow', '! shadowed')} ${formatProblem(problem)}`),
    ...settings.map(describeSettingChange),
  ];
  const words = [
    ...(['added', 'removed', 'changed'] as const).flatMap((kind) => {
      const count = rules.filter((rule) => rule.kind === kind).length;
      return count === 0 ? [] : [`${counted(count, 'rule')} ${kind}`];
    }),
    ...(shadowed.length === 0 ? [] : [`${counted(shadowed.length, 'rule')} shadowed`]),
    ...(settings.length === 0 ? [] : [`${counted(settings.length, 'setting')} changed`]),
  ];
  return `${blocks.join('\n')}\n\n${words.join(', ')}.\n`;
}

function describeRuleChange(change: RuleChange): string {
  const { kind, rule, place, conditions, conditionsBefore = [], conditionsAfter = [], before, after } = change;
  return [
    `${SIGNS[kind](`${kind} rule ${rule}`)} (${place})`,
    ...conditions.map((condition) => `    ${condition}`),
    ...conditionsBefore.map((condition) => `  - ${condition}`),
    ...conditionsAfter.map((condition) => `  + ${condition}`),
    ...before.filter((line) => kind === 'removed' || !after.includes(line)).map((line) => `      - ${line}`),
    ...after.filter((line) => kind === 'added' || !before.includes(line)).map((line) => `      + ${line}`),
  ].join('\n');
}

function describeSettingChange({ kind, path, before, after }: SettingChange): string {
  const values = kind === 'changed' ? `${before} → ${after}` : before + after;
  return `${SIGNS[kind](path)}  ${values}`;
}

function describeReplay({ requests, moved, unreadable, hostless, moves }: Replay): string {
  const lines = moves.map(({ from, to, count, example }) => {
    return `  ${count.toLocaleString('en-US').padStart(9)}  ${from} → ${to}, such as ${example}`;
  });
  const skipped = unreadable === 0 ? '' : ` ${counted(unreadable, 'line')} could not be read as a request.`;
  const verdict = `${moved.toLocaleString('en-US')} of ${counted(requests, 'recorded request')} ${moved === 1 ? 'goes' : 'go'} elsewhere.${skipped}`;
  const advice =
    hostless === 0
      ? []
      : [
          `${counted(hostless, 'request')} ${hostless === 1 ? 'tells' : 'tell'} no host, and ${hostless === 1 ? 'was' : 'were'} taken for a host that no route names. --host NAME says whose ${hostless === 1 ? 'it is' : 'they are'}.`,
        ];
  return `${[verdict, ...lines, ...advice].join('\n')}\n`;
}
