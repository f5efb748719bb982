// `sevenfold check`: is this configuration fit to run?
// Owns the words of its answer. Leaves finding problems to src/config and src/routing.

import type { Command } from 'commander';
import { formatProblem } from '../base/problems.js';
import { ConfigError } from '../config/config-error.js';
import { type LoadedRoutes, loadRoutes } from '../config/routes.js';
import { counted, describeProblems, type Outcome, outcome, printReport } from './terminal.js';

interface CheckOptions {
  readonly config: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('check')
    .description('check a configuration and report every problem in it')
    .requiredOption('-c, --config <file>', 'configuration file')
    .option('--json', 'print problems and warnings as JSON')
    .action((options: CheckOptions) => printReport(() => check(options)));
}

/** Exit code 0 with at most warnings, 2 with problems. */
export async function check({ config: file, json }: CheckOptions): Promise<Outcome> {
  try {
    const loaded = await loadRoutes(file);
    const { warnings } = loaded;
    if (json) return outcome(0, `${JSON.stringify({ problems: [], warnings }, null, 2)}\n`);
    const lines = warnings.map((warning) => `warning: ${formatProblem(warning)}\n`).join('');
    return outcome(0, `${file} is fine: ${summary(loaded)}.\n`, lines);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { problems } = error;
    if (json) return outcome(2, `${JSON.stringify({ problems, warnings: [] }, null, 2)}\n`);
    return outcome(2, '', describeProblems(problems));
  }
}

function summary({ config, warnings }: LoadedRoutes): string {
  const pools = Object.values(config.pools);
  const logs = config.listeners.reduce(
    (sum, { accessLogs }) => sum + (accessLogs?.length ?? 0),
    config.accessLogs.length,
  );
  return [
    counted(config.listeners.length, 'listener'),
    counted(
      config.routes.reduce((sum, { rules }) => sum + rules.length, 0),
      'rule',
    ),
    counted(pools.length, 'pool'),
    counted(
      pools.reduce((sum, { servers }) => sum + servers.length, 0),
      'server',
    ),
    ...(logs === 0 ? [] : [counted(logs, 'access log')]),
    ...(warnings.length === 0 ? [] : [counted(warnings.length, 'warning')]),
  ].join(', ');
}
