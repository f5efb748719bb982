// Instructions per request, counted by perf: on a machine that others use, too, CPU times are hardly to be compared, but
// the number of instructions stays what it is. It is not time: it knows nothing of caches. Run as a program:
// `make bench-instructions FLAGS='--only https --workloads https,resume'`, with the flags of `sevenfold bench`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { contestantsOf, loopFor } from '../closed-phase.js';
import { allContestants, chooseContestants } from '../contestants/contestant.js';
import { startFleet } from '../fleet.js';
import { wrk } from '../load/wrk.js';
import { describeMachine, planCores } from '../machine.js';
import { parseOptions } from '../options.js';
import { processTree } from '../proc.js';
import { spreadText } from '../report/tables.js';
import { aligned } from '../report/terminal.js';
import { type Entry, orderOfRound } from '../rounds.js';
import { pairedRatio, spreadOf } from '../stats.js';
import { WORKLOADS, type Workload } from '../workloads.js';

/** What one round counted for each answer. */
export interface Instructions {
  readonly user: number;
  readonly kernel: number;
}

const EVENTS = ['instructions:u', 'instructions:k'];

/** Reads the lines of `perf stat -x,`; throws with them when a counter is not there. */
export function parsePerfStat(output: string): Instructions {
  const [user, kernel] = EVENTS.map((event) =>
    Number(
      output
        .split('\n')
        .find((line) => line.includes(`,${event},`))
        ?.split(',')[0],
    ),
  );
  if (user === undefined || kernel === undefined || Number.isNaN(user + kernel))
    throw new Error(`perf counted no instructions here: ${output.trim()}`);
  return { user, kernel };
}

/** Rows of the table: medians with their spread, and the ratio of the sums in paired rounds to the first of `base`. */
export function instructionRows(
  found: ReadonlyMap<string, ReadonlyMap<number, Instructions>>,
  base: string | undefined,
): string[][] {
  const sums = (id: string): Map<number, number> =>
    new Map([...(found.get(id) ?? [])].map(([round, { user, kernel }]) => [round, user + kernel]));
  const whole = (value: number): string => String(Math.round(value));
  return [...found].map(([id, rounds]) => {
    const all = [...rounds.values()];
    const ratio = base === undefined || id === base ? undefined : pairedRatio(sums(id), sums(base));
    return [
      id,
      spreadText(spreadOf(all.map(({ user }) => user)), whole),
      spreadText(spreadOf(all.map(({ kernel }) => kernel)), whole),
      spreadText(spreadOf([...sums(id).values()]), whole),
      spreadText(ratio, (value) => value.toFixed(2)),
    ];
  });
}

async function main(args: readonly string[]): Promise<void> {
  const machine = describeMachine();
  const options = parseOptions(args, machine.cores.length);
  const cores = planCores(machine.cores, 1, machine.tools.taskset !== undefined);
  const contestants = chooseContestants(allContestants(), options.only);
  const workloads = WORKLOADS.filter(({ id, origin }) => options.workloads.includes(id) && origin === 'cheap');
  const directory = mkdtempSync(join(tmpdir(), 'sevenfold-instructions-'));
  const fleet = await startFleet({
    originKind: 'cheap',
    contestants: contestants.filter((one) => one.mode !== 'direct'),
    directory,
    originCores: cores.origin,
    nginxOrigin: machine.tools.nginx !== undefined,
    place: { cores: cores.proxy, workers: 1, accept: 'auto', pin: false },
    checked: true,
  });
  const counted = async (entry: Entry, workload: Workload): Promise<Instructions> => {
    const pids = processTree(entry.running.pid!).join(',');
    const perf = spawn('perf', ['stat', '-x,', '-e', EVENTS.join(), '-p', pids], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    perf.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const ended = once(perf, 'close');
    const { requests } = await loopFor(workload, wrk).run({
      scheme: entry.contestant.scheme,
      host: entry.running.host,
      port: entry.running.port,
      authority: 'bench.example.com',
      workload,
      pinned: true,
      connections: workload.connections ?? options.connections,
      seconds: options.durationSeconds,
      cores: cores.load,
      threads: cores.loadCount,
      directory,
    });
    perf.kill('SIGINT');
    await ended;
    const { user, kernel } = parsePerfStat(output);
    return { user: user / requests, kernel: kernel / requests };
  };
  try {
    for (const { contestant, reason } of fleet.leftOut) console.log(`left out: ${contestant}: ${reason}`);
    for (const workload of workloads) {
      const taking = contestantsOf({ contestants, options }, workload);
      const entries = fleet.entries.filter(({ contestant }) => taking.includes(contestant));
      const found = new Map(entries.map(({ contestant }) => [contestant.id, new Map<number, Instructions>()]));
      // The first round warms up.
      for (let round = -1; round < options.rounds; round++) {
        for (const entry of orderOfRound(entries, round + 1)) {
          const counts = await counted(entry, workload);
          if (round >= 0) found.get(entry.contestant.id)!.set(round, counts);
        }
      }
      const base = entries.find(({ contestant }) => contestant.family === 'nginx')?.contestant.id;
      const head = ['instructions by request', 'user', 'kernel', 'both', `both, over ${base ?? '-'}`];
      console.log(
        `\n${workload.title} (${workload.id})\n${aligned([head, ...instructionRows(found, base)]).join('\n')}`,
      );
    }
  } finally {
    await fleet.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(process.argv.slice(2));
}
