// The machine: what it is, and which cores the proxy, the load and the origin get.
// Owns the pinning plan; processes.ts applies it.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  /** Cores this process may use. */
  readonly cores: readonly number[];
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly system: string;
  readonly node: string;
  readonly virtual: string;
  /** First version line of each tool found, by name. */
  readonly tools: Readonly<Record<string, string>>;
}

/** Cores by role, each as `taskset -c` writes them; all undefined when there is nothing to separate. */
export interface CorePlan {
  readonly proxy: string | undefined;
  readonly load: string | undefined;
  readonly origin: string | undefined;
  readonly proxyCount: number;
  readonly loadCount: number;
  /** What a reader has to know about it, in a sentence. */
  readonly note: string;
}

/** Describes this machine; runs each tool once with its version flag. */
export function describeMachine(): Machine {
  const tools: Record<string, string> = {};
  const known: ReadonlyArray<readonly [string, readonly string[]]> = [
    ['nginx', ['-v']],
    ['haproxy', ['-v']],
    ['wrk', ['-v']],
    ['h2load', ['--version']],
    ['taskset', ['--version']],
  ];
  for (const [tool, args] of known) {
    const ran = spawnSync(tool, args, { encoding: 'utf8' });
    if (ran.error === undefined)
      tools[tool] = `${ran.stdout}${ran.stderr}`
        .trim()
        .split('\n')[0]!
        .replace(/ Copyright.*/, '');
  }
  const osRelease = readOr('/etc/os-release');
  const cpuInfo = readOr('/proc/cpuinfo');
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: allowedCores(readOr('/proc/self/status')),
    memoryBytes: totalmem(),
    kernel: release(),
    system: /^PRETTY_NAME="?([^"\n]+)/m.exec(osRelease)?.[1] ?? 'Linux',
    node: process.version,
    virtual: /^flags\s.*\bhypervisor\b/m.test(cpuInfo) ? 'a virtual machine' : 'bare metal or not told',
    tools,
  };
}

/** Core numbers of a `Cpus_allowed_list` line; all of them when the line is missing. */
export function allowedCores(status: string): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1];
  if (list === undefined) return Array.from({ length: availableParallelism() }, (_, core) => core);
  return list.split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, at) => from + at);
  });
}

/**
 * Cores for a proxy of `workers` workers. The proxy comes first and shares with nobody; the load generator and the
 * origin share what is left when it is one core, and halve it when it is more.
 */
export function planCores(cores: readonly number[], workers: number, pinnable: boolean): CorePlan {
  if (!pinnable || cores.length < 2) {
    const why = pinnable ? 'there is one core' : 'taskset is not installed';
    return {
      proxy: undefined,
      load: undefined,
      origin: undefined,
      proxyCount: Math.max(1, cores.length),
      loadCount: Math.max(1, cores.length),
      note: `nothing is pinned (${why}): proxy, load and origin disturb each other, so compare only with care`,
    };
  }
  const proxyCount = Math.min(workers, cores.length - 1);
  const proxy = cores.slice(0, proxyCount);
  const rest = cores.slice(proxyCount);
  const crowded =
    workers > proxyCount ? `; ${workers} workers share ${proxyCount} core${proxyCount > 1 ? 's' : ''}` : '';
  if (rest.length === 1) {
    return {
      proxy: proxy.join(','),
      load: rest.join(','),
      origin: rest.join(','),
      proxyCount,
      loadCount: 1,
      note: `proxy on core ${proxy.join(',')}; load generator and origin together on core ${rest.join(',')}${crowded}`,
    };
  }
  const half = Math.ceil(rest.length / 2);
  const load = rest.slice(0, half);
  const origin = rest.slice(half);
  return {
    proxy: proxy.join(','),
    load: load.join(','),
    origin: origin.join(','),
    proxyCount,
    loadCount: load.length,
    note: `proxy on core ${proxy.join(',')}; load generator on ${load.join(',')}; origin on ${origin.join(',')}${crowded}`,
  };
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
