// CPU per request of this tree against another one: both built, run in interleaved pairs, until the ratio is known well
// enough or the time is over. The gate of a change that must not cost anything. Run as a program:
// `make against REF=main MINUTES=10`.
// Owns the pairs and when to stop. Leaves the ratio and its interval to stats.ts, starting and loading to bench/.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { COMMAND_LINE, sevenfoldContestants } from '../contestants/sevenfold.js';
import { startFleet } from '../fleet.js';
import { wrk } from '../load/wrk.js';
import { describeMachine, planCores } from '../machine.js';
import { aligned } from '../report/terminal.js';
import { type Entry, measureRound, type RoundFigures } from '../rounds.js';
import { type RatioInterval, ratioInterval } from '../stats.js';
import { WORKLOADS, type Workload } from '../workloads.js';

const CONNECTIONS = 64;
/** A workload is done when its interval reaches no further than this from the ratio. */
const HALF_WIDTH = 0.02;
/** Fewer pairs say little, however much they agree by chance. */
const PAIRS_MIN = 5;
/** A ratio that is above this with its whole interval is a change for the worse. */
const WORSE = 1.01;

const byId = (id: string): Workload => WORKLOADS.find((workload) => workload.id === id)!;

/** What a request may consist of, one of each. */
const COMPARED: readonly Workload[] = [
  byId('bare'),
  byId('browser'),
  { ...byId('post'), id: 'post-1k', title: 'POST of 1 KiB', bodyBytes: 1024 },
  byId('64k'),
  byId('https'),
];

/** What is known of one workload. */
interface Comparison {
  readonly workload: Workload;
  readonly ours: Entry;
  readonly theirs: Entry;
  /** CPU per request of ours over theirs, one for each pair. */
  readonly ratios: number[];
  readonly oursUs: number[];
  readonly theirsUs: number[];
}

/** A workload needs no further pair. */
export function isKnown(interval: RatioInterval | undefined): boolean {
  if (interval === undefined || interval.pairs < PAIRS_MIN) return false;
  return interval.high - interval.ratio <= HALF_WIDTH && interval.ratio - interval.low <= HALF_WIDTH;
}

/** What the interval says, for people. */
export function verdictOf(interval: RatioInterval | undefined): 'worse' | 'better' | 'no difference' | 'not known' {
  if (interval === undefined) return 'not known';
  if (interval.low > WORSE) return 'worse';
  if (interval.high < 1) return 'better';
  return isKnown(interval) || interval.low > 1 ? 'no difference' : 'not known';
}

/** CPU of the proxy by request, in microseconds. Throws when the round counted errors: its figures mean nothing. */
function cpuOf(figures: RoundFigures): number {
  const { userUsPerRequest, systemUsPerRequest, badStatuses, socketErrors } = figures;
  if (badStatuses + socketErrors > 0 || userUsPerRequest === undefined || systemUsPerRequest === undefined) {
    throw new Error(`${figures.contestant}, ${figures.workload}: ${badStatuses} bad statuses, ${socketErrors} errors`);
  }
  return userUsPerRequest + systemUsPerRequest;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function rowOf({ workload, ratios, oursUs, theirsUs }: Comparison): string[] {
  const interval = ratioInterval(ratios);
  if (interval === undefined) return [workload.title, '-', '-', '-', String(ratios.length), 'not known'];
  const range = `${interval.low.toFixed(3)} to ${interval.high.toFixed(3)}`;
  const us = `${mean(oursUs).toFixed(2)} / ${mean(theirsUs).toFixed(2)}`;
  return [workload.title, interval.ratio.toFixed(3), range, us, String(interval.pairs), verdictOf(interval)];
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      minutes: { type: 'string', default: '10' },
      seconds: { type: 'string', default: '2' },
      workloads: { type: 'string', default: COMPARED.map(({ id }) => id).join(',') },
    },
  });
  const [other, name = 'the other tree'] = positionals;
  if (other === undefined)
    throw new Error('Name the other tree, built: against.ts DIRECTORY [NAME]. `make against` does.');
  const machine = describeMachine();
  const cores = planCores(machine.cores, 1, machine.tools.taskset !== undefined);
  const directory = mkdtempSync(join(tmpdir(), 'sevenfold-against-'));
  const trees = [
    { name: 'ours', commandLine: COMMAND_LINE, http1Only: true },
    { name: 'theirs', commandLine: join(other, 'dist/cli/main.js'), http1Only: true },
  ];
  const fleet = await startFleet({
    originKind: 'cheap',
    contestants: trees
      .flatMap((tree) => sevenfoldContestants(tree))
      .filter(({ mode }) => mode === 'l7' || mode === 'https'),
    directory,
    originCores: cores.origin,
    nginxOrigin: machine.tools.nginx !== undefined,
    place: { cores: cores.proxy, workers: 1, accept: 'auto', pin: false },
    checked: true,
  });
  try {
    for (const { contestant, reason } of fleet.leftOut) console.log(`${contestant}: ${reason}`);
    const entry = (tree: string, workload: Workload): Entry => {
      const id = `${tree}-${workload.tls ? 'https' : 'l7'}`;
      const found = fleet.entries.find(({ contestant }) => contestant.id === id);
      if (found === undefined) throw new Error(`${id} does not run`);
      return found;
    };
    const comparisons: Comparison[] = COMPARED.filter(({ id }) => values.workloads.split(',').includes(id)).map(
      (workload) => ({
        workload,
        ours: entry('ours', workload),
        theirs: entry('theirs', workload),
        ratios: [],
        oursUs: [],
        theirsUs: [],
      }),
    );
    const measure = async (one: Entry, workload: Workload, round: number): Promise<number> => {
      const { host, port } = one.running;
      const request = {
        scheme: one.contestant.scheme,
        host,
        port,
        authority: 'bench.example.com',
        workload,
        pinned: true,
        connections: workload.connections ?? CONNECTIONS,
        seconds: Number(values.seconds),
        cores: cores.load,
        threads: cores.loadCount,
        directory,
      };
      const counts = { proxy: cores.proxyCount, loadAndOrigin: cores.loadCount };
      return cpuOf(await measureRound(one, round, wrk, request, fleet.origin.pid, counts));
    };
    const end = performance.now() + Number(values.minutes) * 60_000;
    // The first pair warms up: code is compiled, connections are opened.
    for (let round = -1; performance.now() < end; round++) {
      const open = comparisons.filter(({ ratios }) => !isKnown(ratioInterval(ratios)));
      if (open.length === 0) break;
      for (const { workload, ours, theirs, ...figures } of open) {
        if (performance.now() >= end) break;
        const oursFirst = round % 2 === 0;
        const first = await measure(oursFirst ? ours : theirs, workload, round);
        const second = await measure(oursFirst ? theirs : ours, workload, round);
        const [oursUs, theirsUs] = oursFirst ? [first, second] : [second, first];
        if (round < 0) continue;
        figures.ratios.push(oursUs / theirsUs);
        figures.oursUs.push(oursUs);
        figures.theirsUs.push(theirsUs);
      }
    }
    const head = ['CPU per request', `over ${name}`, '95 % interval', 'µs, ours / theirs', 'pairs', 'verdict'];
    console.log(aligned([head, ...comparisons.map(rowOf)]).join('\n'));
    return comparisons.some(({ ratios }) => verdictOf(ratioInterval(ratios)) === 'worse') ? 1 : 0;
  } finally {
    await fleet.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await main(process.argv.slice(2));
}
