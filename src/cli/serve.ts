// Runs a configuration until a signal ends it: what `run` and `demo` have in common.
// SIGHUP reloads, SIGTERM and SIGINT drain (a second one ends at once), SIGUSR2 prints one JSON line about workers, pools and servers.

import { ConfigError, formatProblem, type Problem } from '../config/problems.js';
import type { LoadedRoutes } from '../config/routes.js';
import { EngineUnusableError } from '../engine/addon.js';
import { ListenError } from '../primary/listeners.js';
import { Primary } from '../primary/primary.js';
import type { WorkerOptions } from './options.js';

const EXIT_FAILED = 1;
const EXIT_CONFIG = 2;

/** A configuration that can be loaded again. */
export interface Source {
  /** Its name in messages. */
  name: string;
  /** Throws ConfigError. */
  load(): Promise<LoadedRoutes>;
  /** It cannot change while the process runs: there is nothing to reload. */
  fixed?: boolean;
  /** Calls back when the configuration has changed, until the function it returns is called. */
  watch?(changed: () => void): () => void;
}

const say = (line: string): void => console.log(line);
const complain = (line: string): void => console.error(line);

function warn(problems: readonly Problem[]): void {
  for (const problem of problems) complain(`warning: ${formatProblem(problem)}`);
}

/** Tells a mistake of the user's, or one of ours, and sets the exit code. */
function failStart(error: unknown): void {
  process.exitCode = EXIT_CONFIG;
  if (error instanceof ConfigError) for (const problem of error.problems) complain(formatProblem(problem));
  else if (error instanceof ListenError || error instanceof EngineUnusableError)
    complain(`sevenfold: ${error.message}`);
  else {
    process.exitCode = EXIT_FAILED;
    complain(`sevenfold: ${(error as Error).message}`);
  }
}

/**
 * Starts and serves. Resolves when the process has nothing left to do: after a drain, or when it could not start.
 * `onReady` runs once everything listens; `onEnd` after the last connection.
 */
export async function serve(
  source: Source,
  options: WorkerOptions,
  onReady?: () => void,
  onEnd?: () => Promise<void>,
): Promise<void> {
  let primary: Primary;
  try {
    const loaded = await source.load();
    warn(loaded.warnings);
    primary = await Primary.start(loaded, {
      ...options,
      log: (line) => complain(`sevenfold: ${line}`),
      note: say,
      onHopeless: (error) => {
        complain(`sevenfold: workers keep dying (${error.message}); giving up`);
        process.exit(EXIT_FAILED);
      },
    });
  } catch (error) {
    failStart(error);
    await onEnd?.();
    return;
  }
  for (const { address, protocol } of primary.listeners) say(`listening on ${address} (${protocol})`);
  for (let index = 0; index < options.workers; index++) say(`worker ${index} ready (${options.accept} accept)`);
  await untilEnd(primary, source, () => {
    onReady?.();
    say('sevenfold ready');
  });
  await onEnd?.();
}

/** Serves until a signal has ended it. */
function untilEnd(primary: Primary, source: Source, ready: () => void): Promise<void> {
  return new Promise((resolve) => {
    let ending = false;
    const unwatch = source.watch?.(() => void reload(primary, source));
    const end = (): void => {
      if (ending) process.exit(EXIT_FAILED);
      ending = true;
      unwatch?.();
      say('draining: what runs is finished; the same signal again ends it at once');
      primary.drain().then(
        () => {
          for (const [signal, handler] of handlers) process.off(signal, handler);
          resolve();
        },
        (error: Error) => {
          complain(`sevenfold: ${error.message}`);
          process.exit(EXIT_FAILED);
        },
      );
    };
    const handlers: [NodeJS.Signals, () => void][] = [
      ['SIGTERM', end],
      ['SIGINT', end],
      ['SIGHUP', () => void reload(primary, source)],
      ['SIGUSR2', () => void tell(primary)],
    ];
    for (const [signal, handler] of handlers) process.on(signal, handler);
    ready();
  });
}

/** Prints the report: one line of JSON. */
async function tell(primary: Primary): Promise<void> {
  say(JSON.stringify({ engine: await primary.report(), tlsContexts: primary.tlsContexts, pools: primary.pools }));
}

/** Loads the configuration anew. A bad one is told, and changes nothing. */
async function reload(primary: Primary, source: Source): Promise<void> {
  if (source.fixed) {
    say(`nothing to reload: the configuration is on ${source.name}, not in a file`);
    return;
  }
  try {
    const loaded = await source.load();
    warn(loaded.warnings);
    await primary.reload(loaded);
    say(`reloaded ${source.name}`);
  } catch (error) {
    if (error instanceof ConfigError) for (const problem of error.problems) complain(formatProblem(problem));
    else complain(`sevenfold: ${(error as Error).message}`);
    complain(`sevenfold: ${source.name} was not reloaded; what ran before runs on`);
  }
}
