// Where the time of an L7 request goes: samples one worker under the main workload with perf and sorts them by step.
// Run as a program: `make bench-where FLAGS=FILE`; prints a table, writes JSON into FILE. Needs perf, wrk and Linux.
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { wrk } from '../load/wrk.js';
import { treeCpu } from '../proc.js';
import { runProcess } from '../processes.js';
import { aligned } from '../report/terminal.js';
import { startOneWorker } from './one-worker.js';

export interface Share {
  readonly step: string;
  /** Of all samples of the process, 0 to 1. */
  readonly share: number;
  readonly usPerRequest: number;
}

const FUNCTIONS_MAX = 25;
const NAME_MAX = 60;

/** Where a symbol belongs, the first pattern that fits: against `dso|symbol` as perf prints them. */
const STEPS: ReadonlyArray<readonly [string, RegExp]> = [
  ['kernel: sockets, TCP, epoll', /^\[(kernel|guest)|\[k\]|^\[vdso\]/],
  ['engine: the ring in C, and libc', /^(engine\.node|libc\.so)/],
  ['parse: llhttp (WASM) and its callbacks', /wasm|dist\/http\/llhttp\.js/],
  ['check: framing, limits, syntax of fields', /dist\/(worker\/check|http\/[\w-]+)\.js/],
  ['match: normalise the path, find the rule', /dist\/(routing\/[\w-]+|worker\/(route|rules))\.js/],
  ['balance: choose the server', /dist\/(balance\/[\w-]+|worker\/(choose-server|pools))\.js/],
  [
    'edit: heads out, forwarded headers, request id',
    /dist\/worker\/(send-head|text|tokens|trust|request-id|forward)\.js/,
  ],
  ['relay: bodies, connections, deadlines, the turn', /dist\/(worker|engine)\/[\w-]+\.js/],
  ['V8 and Node', /./],
];

export interface Profile {
  readonly shares: readonly Share[];
  /** The costliest functions outside the kernel, as `function (file)`, with their µs per request. */
  readonly functions: ReadonlyArray<readonly [string, number]>;
}

/** The costliest functions outside the kernel: what there is to win by changing our own code. */
export function functionsOf(report: string, usPerRequest: number): Array<readonly [string, number]> {
  const found = samplesOf(report)
    .filter(({ where }) => !STEPS[0]![1].test(where))
    .map(({ where, percent }) => [functionName(where), (percent / 100) * usPerRequest] as const);
  return found.sort((a, b) => b[1] - a[1]).slice(0, FUNCTIONS_MAX);
}

/** `[JIT] tid 1|[.] JS:*text file:///…/dist/worker/text.js:54:9` as `text (worker/text.js:54)`. */
function functionName(where: string): string {
  const script = /JS:[*~^+]*(\S*) file:.*\/dist\/(.*):\d+$/.exec(where);
  if (script !== null) return `${script[1]} (${script[2]})`;
  const [dso = '', symbol = ''] = where.split('|');
  const name = symbol.replace(/^\[\.\] (JS:)?/, '');
  return `${name.length > NAME_MAX ? `${name.slice(0, NAME_MAX)}…` : name} (${dso.startsWith('[JIT]') ? 'compiled' : dso})`;
}

function samplesOf(report: string): Array<{ where: string; percent: number }> {
  return report.split('\n').flatMap((line) => {
    const match = /^\s*([\d.]+)%\s*\|([^|]*)\|([^|]*)/.exec(line);
    return match === null ? [] : [{ where: `${match[2]!.trim()}|${match[3]!.trim()}`, percent: Number(match[1]) }];
  });
}

/** Sums the percentages of a perf report (`percent|dso|symbol` lines) by step, in the order of a request. */
export function sharesOf(report: string, usPerRequest: number): Share[] {
  const sums = new Map<string, number>(STEPS.map(([step]) => [step, 0]));
  let total = 0;
  for (const { where, percent } of samplesOf(report)) {
    const step = STEPS.find(([, pattern]) => pattern.test(where))![0];
    sums.set(step, sums.get(step)! + percent);
    total += percent;
  }
  if (total === 0) return [];
  return [...sums].map(([step, sum]) => ({ step, share: sum / total, usPerRequest: (sum / total) * usPerRequest }));
}

async function measure(): Promise<Profile> {
  const { proxy, directory, load, stop } = await startOneWorker('where', ['--perf-basic-prof']);
  try {
    await wrk.run(load(3));
    // First the price without a profiler, then the shares with one: sampling has a price of its own.
    const before = treeCpu(proxy.pid);
    const { requests } = await wrk.run(load(4));
    const after = treeCpu(proxy.pid);
    const usPerRequest = (after.userUs + after.systemUs - before.userUs - before.systemUs) / requests;
    const samples = join(directory, 'perf.data');
    const loaded = wrk.run(load(6));
    await runProcess({
      name: 'perf',
      command: 'perf',
      args: ['record', '-q', '-F', '2999', '-o', samples, '-p', String(proxy.pid), '--', 'sleep', '4'],
    });
    await loaded;
    const report = spawnSync(
      'perf',
      ['report', '-i', samples, '--no-children', '--stdio', '--sort', 'dso,symbol', '-t', '|', '--percent-limit', '0'],
      {
        encoding: 'utf8',
        maxBuffer: 1 << 28,
      },
    );
    if (report.status !== 0) throw new Error(`perf report failed: ${report.error?.message ?? report.stderr.trim()}`);
    return { shares: sharesOf(report.stdout, usPerRequest), functions: functionsOf(report.stdout, usPerRequest) };
  } finally {
    await stop();
    rmSync(`/tmp/perf-${proxy.pid}.map`, { force: true });
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { shares, functions } = await measure();
  const rows = shares.map(({ step, share, usPerRequest }) => [
    step,
    `${(share * 100).toFixed(1)} %`,
    usPerRequest.toFixed(2),
  ]);
  console.log(aligned([['step', 'share', 'µs per request'], ...rows]).join('\n'));
  console.log(
    `\n${aligned([['function', 'µs per request'], ...functions.map(([name, us]) => [name, us.toFixed(3)])]).join('\n')}`,
  );
  if (process.argv[2] !== undefined) writeFileSync(process.argv[2], `${JSON.stringify(shares)}\n`);
}
