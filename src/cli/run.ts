// `sevenfold run`: the load balancer itself, from a configuration file or from flags.

import { type Command, Option } from 'commander';
import { checkValue } from '../config/load.js';
import { compileRoutes, loadRoutes } from '../config/routes.js';
import {
  acceptOption,
  collect,
  logLevelOption,
  logOption,
  logTimesOption,
  pinOption,
  type ServeFlags,
  serveOptions,
  workersOption,
} from './options.js';
import { type Source, serve } from './serve.js';
import { WatchedConfig } from './watch.js';

interface RunOptions extends ServeFlags {
  config?: string;
  watch?: boolean;
  listen: string[];
  backend: string[];
  mode: 'l7' | 'l4';
}

export function register(program: Command): void {
  program
    .command('run')
    .description('run the load balancer')
    .option('-c, --config <file>', 'configuration file (YAML, JSON, or a TypeScript or JavaScript module)')
    .option('--watch', 'reload when the configuration, or a file that it is made of, changes')
    .option('--listen <address>', 'instead of a file: listen here, as in :8080 or unix:/PATH (repeatable)', collect, [])
    .option(
      '--backend <address>',
      'instead of a file: a server to send requests to, HOST:PORT or unix:/PATH (repeatable)',
      collect,
      [],
    )
    .addOption(
      new Option('--mode <layer>', 'with --backend: read requests, or pass bytes').choices(['l7', 'l4']).default('l7'),
    )
    .addOption(workersOption())
    .addOption(acceptOption())
    .addOption(pinOption())
    .addOption(logOption())
    .addOption(logLevelOption())
    .addOption(logTimesOption())
    .action(async (options: RunOptions, command: Command) => {
      const wrong = usageError(options);
      if (wrong !== null) command.error(`error: ${wrong}`);
      await serve(sourceOf(options), serveOptions(options));
    });
}

function usageError(options: RunOptions): string | null {
  const flags = options.listen.length + options.backend.length;
  if (options.config !== undefined && options.mode === 'l4')
    return '--mode goes with --listen and --backend; in a file it is protocol: tcp';
  if (options.config !== undefined && flags > 0) return '--config and --listen/--backend exclude each other';
  if (options.config !== undefined) return null;
  if (options.watch) return '--watch needs a --config FILE';
  if (flags === 0) return 'nothing to run: give --config FILE, or --listen ADDRESS with --backend ADDRESS';
  if (options.listen.length === 0) return '--backend needs a --listen ADDRESS';
  if (options.backend.length === 0) return '--listen needs at least one --backend ADDRESS';
  return null;
}

/** Where the configuration comes from, each time it is asked for. */
function sourceOf(options: RunOptions): Source {
  const { config: file } = options;
  if (file !== undefined) {
    if (!options.watch) return { name: file, load: () => loadRoutes(file) };
    const watched = new WatchedConfig(file, () => loadRoutes(file));
    return { name: file, load: () => watched.load(), watch: (changed) => watched.start(changed) };
  }
  const value = fromFlags(options);
  const name = 'the command line';
  return { name, load: async () => compileRoutes(checkValue(value, name)), fixed: true };
}

/** One pool, and everything goes there. */
function fromFlags({ listen, backend, mode }: RunOptions): unknown {
  const l4 = mode === 'l4';
  return {
    listeners: listen.map((address) => (l4 ? { address, protocol: 'tcp', pool: 'backend' } : { address })),
    ...(l4 ? {} : { routes: [{ rules: [{ pool: 'backend' }] }] }),
    pools: { backend: { servers: backend.map((address) => ({ address })) } },
  };
}
