// `sevenfold check`: is this configuration fit to run?
// Owns the command's output and exit code. Leaves finding problems to src/config and src/routing.

import type { Command } from 'commander';
import { ConfigError, formatProblem, type Problem } from '../config/problems.js';
import { type LoadedRoutes, loadRoutes } from '../config/routes.js';

interface Options {
  readonly config: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('check')
    .description('check a configuration and report every problem in it')
    .requiredOption('-c, --config <file>', 'configuration file')
    .option('--json', 'print problems as JSON')
    .action(async (options: Options) => {
      process.exitCode = await check(options);
    });
}

async function check({ config: file, json }: Options): Promise<number> {
  try {
    const loaded = await loadRoutes(file);
    if (json) print([], loaded.warnings);
    else {
      for (const warning of loaded.warnings) console.log(`warning: ${formatProblem(warning)}`);
      console.log(`${file} is fine: ${summary(loaded)}.`);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (json) print(error.problems, []);
    else {
      for (const problem of error.problems) console.error(formatProblem(problem));
      console.error(`${counted(error.problems.length, 'problem')} in ${file}.`);
    }
    return 2;
  }
}

function print(problems: readonly Problem[], warnings: readonly Problem[]): void {
  console.log(JSON.stringify({ problems, warnings }, null, 2));
}

function summary({ config }: LoadedRoutes): string {
  const rules = config.routes.reduce((sum, route) => sum + route.rules.length, 0);
  const pools = Object.values(config.pools);
  const servers = pools.reduce((sum, pool) => sum + pool.servers.length, 0);
  return [
    counted(config.listeners.length, 'listener'),
    counted(rules, 'rule'),
    counted(pools.length, 'pool'),
    counted(servers, 'server'),
  ].join(', ');
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
