// The command line of the benchmark: flags, their defaults and what is wrong with them.
// Owns parsing; `sevenfold bench` hands its arguments over untouched.
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { WORKLOADS } from './workloads.js';

export interface BenchOptions {
  /** Seconds of each closed-loop round; whole. */
  readonly durationSeconds: number;
  readonly rounds: number;
  readonly connections: number;
  /** Requests per second of the open loop; undefined: half of what the slowest contestant reached; 0: no open loop. */
  readonly rate: number | undefined;
  /** Contestant ids, families or modes; empty means all. */
  readonly only: readonly string[];
  readonly workloads: readonly string[];
  /** Worker counts to sweep; empty means no sweep. */
  readonly workers: readonly number[];
  readonly target: URL | undefined;
  readonly origin: URL | undefined;
  readonly targetPid: number | undefined;
  readonly quick: boolean;
  readonly json: string | undefined;
  readonly html: string | undefined;
  readonly load: 'wrk' | 'autocannon' | undefined;
}

/** The command line is wrong, or only help was asked for: what to print is printed already. */
export class CommandLineEnd extends Error {
  readonly exitCode: number;
  constructor(exitCode: number) {
    super('the command line ended the run');
    this.exitCode = exitCode;
  }
}

/** Parses `args` (without program and script). Throws CommandLineEnd after printing help or what is wrong. */
export function parseOptions(args: readonly string[], coreCount: number): BenchOptions {
  const command = buildCommand(coreCount);
  try {
    command.parse(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) throw new CommandLineEnd(error.exitCode === 0 ? 0 : 2);
    throw error;
  }
  const told = command.opts<Flags>();
  if (told.origin !== undefined && told.target === undefined)
    fail(command, '--origin goes with --target: it says what the target stands in front of');
  if (told.targetPid !== undefined && told.target === undefined) fail(command, '--target-pid goes with --target');
  const quick = told.quick === true;
  return {
    durationSeconds: told.duration ?? (quick ? 1 : 3),
    rounds: told.rounds ?? (quick ? 3 : 5),
    connections: told.connections ?? 64,
    rate: told.rate,
    only: told.only ?? [],
    workloads: told.workloads ?? defaultWorkloads(quick || told.target !== undefined, told.only ?? []),
    workers: told.workers ?? [],
    target: told.target,
    origin: told.origin,
    targetPid: told.targetPid,
    quick,
    json: told.json === true ? '-' : told.json,
    html: told.html,
    load: told.load,
  };
}

/** All workloads; of a short run the main one, or those over TLS when nobody else takes part. */
function defaultWorkloads(short: boolean, only: readonly string[]): string[] {
  const secure = only.length > 0 && only.every((name) => name.endsWith('https'));
  const chosen = secure ? WORKLOADS.filter(({ tls }) => tls) : short ? WORKLOADS.slice(0, 1) : WORKLOADS;
  return chosen.map(({ id }) => id);
}

interface Flags {
  duration?: number;
  rounds?: number;
  connections?: number;
  rate?: number;
  only?: string[];
  workloads?: string[];
  workers?: number[];
  target?: URL;
  origin?: URL;
  targetPid?: number;
  quick?: boolean;
  json?: string | true;
  html?: string;
  load?: 'wrk' | 'autocannon';
}

function buildCommand(coreCount: number): Command {
  const ids = WORKLOADS.map((one) => one.id);
  return new Command('sevenfold bench')
    .description(
      'Measures what reading the request costs: no proxy, Layer 4 and Layer 7 on the same origin under the same load, in\n' +
        'interleaved rounds, beside the proxies that are installed. Talks to 127.0.0.1 only, unless --target says otherwise.',
    )
    .option('--quick', 'under a minute on two cores: the main workload, three rounds of one second')
    .option('--duration <seconds>', 'length of each round (default 3)', whole(1, 600))
    .option('--rounds <count>', 'rounds of the main workload, or of all without it (default 5)', whole(1, 100))
    .option('--connections <count>', 'client connections (default 64)', whole(1, 10_000))
    .option('--rate <per second>', 'rate of the open loop (default: half of the slowest; 0: none)', whole(0, 1_000_000))
    .option('--only <names>', 'contestants, families or modes, by comma: l4,l7,nginx,httpxy', list)
    .option('--workloads <names>', `by comma: ${ids.join(',')}`, workloadList(ids))
    .option(
      '--workers <counts>',
      'sweep these worker counts, by comma, or auto; ends with a recommendation',
      workerList(coreCount),
    )
    .option('--target <url>', 'measure a proxy that runs already, here or elsewhere', httpUrl)
    .option('--origin <url>', 'with --target: its origin, to compare with', httpUrl)
    .option('--target-pid <pid>', 'with --target: its process on this machine, for CPU and memory', whole(1, 4_194_304))
    .option('--load <generator>', 'wrk or autocannon (default: wrk where it is installed)', generator)
    .option('--json [file]', 'write every figure as JSON, to standard output without a file')
    .option('--html <file>', 'write the report as one self-contained page')
    .exitOverride()
    .showHelpAfterError('(sevenfold bench --help lists the flags)');
}

function fail(command: Command, message: string): never {
  try {
    command.error(`error: ${message}`);
  } catch (error) {
    if (error instanceof CommanderError) throw new CommandLineEnd(2);
    throw error;
  }
}

function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    return value;
  };
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function workloadList(ids: readonly string[]): (text: string) => string[] {
  return (text) => {
    const names = list(text);
    const unknown = names.find((name) => !ids.includes(name));
    if (unknown !== undefined || names.length === 0)
      throw new InvalidArgumentError(`There is no workload '${unknown ?? ''}'. Expected some of ${ids.join(', ')}.`);
    return names;
  };
}

function workerList(coreCount: number): (text: string) => number[] {
  return (text) => {
    if (text === 'auto') {
      const counts: number[] = [];
      for (let count = 1; count < coreCount; count *= 2) counts.push(count);
      return [...counts, coreCount];
    }
    return [...new Set(list(text).map(whole(1, 256)))].sort((a, b) => a - b);
  };
}

function httpUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new InvalidArgumentError('Expected an address like http://127.0.0.1:8080/path.');
  }
  return url;
}

function generator(text: string): 'wrk' | 'autocannon' {
  if (text !== 'wrk' && text !== 'autocannon') throw new InvalidArgumentError('Expected wrk or autocannon.');
  return text;
}
