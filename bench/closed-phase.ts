// The closed loop: every workload, every contestant, in interleaved rounds, as fast as answers come.
// Figures of CPU per request come from here, and so does the rate that the open loop takes.
import type { Contestant } from './contestants/contestant.js';
import { type Fleet, startFleet } from './fleet.js';
import { h2load } from './load/h2load.js';
import { handshakes } from './load/handshakes.js';
import type { ClosedLoop, LoadRequest } from './load/load.js';
import { type Entry, measureRound, orderOfRound } from './rounds.js';
import type { Run } from './run.js';
import type { OriginKind, Workload } from './workloads.js';

const WARM_UP_SECONDS = 1;
/** Handshakes are so much rarer than requests that what a JIT compiles after so many calls takes as much longer. */
const WARM_UP_HANDSHAKES_SECONDS = 4;
const SIDE_ROUNDS_MAX = 3;

/** What else runs while a fleet of one origin kind is up: on fresh processes, and after the closed rounds. */
export interface FleetVisitor {
  fresh(fleet: Fleet): Promise<void>;
  after(fleet: Fleet, workloads: readonly Workload[]): Promise<void>;
}

/** Seconds that the closed rounds will take. */
export function planClosed(run: Run): number {
  const perWorkload = run.workloads.map((workload) => {
    const count = contestantsOf(run, workload).filter((one) => one.missing() === undefined).length;
    return count * (roundsOf(run, workload) * run.options.durationSeconds + warmUpSeconds(workload));
  });
  return perWorkload.reduce((sum, seconds) => sum + seconds, 0);
}

/** Runs all closed rounds, one fleet per kind of origin; `visitor` sees each fleet before and after. */
export async function runClosed(run: Run, visitor: FleetVisitor): Promise<void> {
  for (const kind of ['cheap', 'slow'] as const) {
    const workloads = run.workloads.filter((workload) => workload.origin === kind);
    if (workloads.length === 0 || run.signal.aborted) continue;
    const fleet = await startRunFleet(run, kind, workloads);
    try {
      await visitor.fresh(fleet);
      for (const workload of workloads) await runWorkload(run, fleet, workload);
      await visitor.after(fleet, workloads);
    } finally {
      await fleet.stop();
    }
  }
}

/** The load of one contestant under one workload, as the options have it. */
export function loadRequest(run: Run, entry: Entry, workload: Workload, seconds: number): LoadRequest {
  const { target } = run.options;
  return {
    scheme: entry.contestant.scheme,
    host: entry.running.host,
    port: entry.running.port,
    authority: target === undefined ? 'bench.example.com' : target.host,
    workload: target === undefined ? workload : { ...workload, path: `${target.pathname}${target.search}` },
    pinned: target === undefined,
    connections: workload.connections ?? run.options.connections,
    seconds,
    cores: run.cores.load,
    threads: run.cores.loadCount,
    directory: run.directory,
    signal: run.signal,
  };
}

async function startRunFleet(run: Run, kind: OriginKind, workloads: readonly Workload[]): Promise<Fleet> {
  const wanted = run.contestants.filter((one) =>
    workloads.some((workload) => contestantsOf(run, workload).includes(one)),
  );
  const fleet = await startFleet({
    originKind: kind,
    contestants: wanted,
    directory: run.directory,
    originCores: run.cores.origin,
    nginxOrigin: run.machine.tools.nginx !== undefined,
    place: { cores: run.cores.proxy, workers: 1, accept: 'auto', pin: false },
    checked: run.options.target === undefined,
    signal: run.signal,
    onStart: (contestant) => run.progress.step(`starting ${contestant.id}`, 0),
  });
  if (run.origin === '') run.origin = run.options.target === undefined ? fleet.origin.name : 'the target’s own';
  for (const one of fleet.leftOut)
    if (!run.leftOut.some((known) => known.contestant === one.contestant)) run.leftOut.push(one);
  return fleet;
}

async function runWorkload(run: Run, fleet: Fleet, workload: Workload): Promise<void> {
  const taking = contestantsOf(run, workload);
  const entries = fleet.entries.filter(({ contestant }) => taking.includes(contestant));
  const loop = loopFor(workload, run.loop);
  const cores = {
    proxy: run.cores.proxyCount,
    loadAndOrigin: run.cores.load === run.cores.origin ? run.cores.loadCount : run.cores.loadCount * 2,
  };
  for (const entry of entries) {
    if (run.signal.aborted) return;
    run.progress.step(`${workload.id}: warming up ${entry.contestant.id}`, warmUpSeconds(workload));
    await loop.run(loadRequest(run, entry, workload, warmUpSeconds(workload)));
  }
  const rounds = roundsOf(run, workload);
  for (let round = 0; round < rounds; round++) {
    for (const entry of orderOfRound(entries, round)) {
      if (run.signal.aborted) return;
      const seconds = run.options.durationSeconds;
      run.progress.step(`${workload.id}: round ${round + 1} of ${rounds}: ${entry.contestant.id}`, seconds);
      const request = loadRequest(run, entry, workload, seconds);
      const originPid = run.options.target === undefined ? fleet.origin.pid : undefined;
      const figures = await measureRound(entry, round, loop, request, originPid, cores);
      run.rounds.push(figures);
      const cpu =
        figures.userUsPerRequest === undefined
          ? ''
          : `, ${(figures.userUsPerRequest + figures.systemUsPerRequest!).toFixed(1)} µs each`;
      run.progress.told(`${Math.round(figures.requests / figures.seconds)} requests/s${cpu}`);
    }
  }
}

/** The generator of a workload: the usual one, unless it needs one of its own. */
export function loopFor(workload: Workload, usual: ClosedLoop): ClosedLoop {
  if (workload.streams !== undefined) return h2load;
  return workload.handshake === undefined ? usual : handshakes;
}

/** Who takes part in a workload: those who speak its protocol; the slow ones in the main workload alone. */
export function contestantsOf(run: Pick<Run, 'contestants' | 'options'>, workload: Workload): readonly Contestant[] {
  if (run.options.target !== undefined) return run.contestants;
  const speaking = run.contestants.filter(
    (one) => one.scheme === (workload.tls ? 'https' : 'http') && (workload.streams === undefined || one.http2 === true),
  );
  if (workload.id === 'browser' || run.options.only.length > 0) return speaking;
  return speaking.filter((one) => !one.mainOnly);
}

/** The side workloads get fewer rounds, unless the main one is not measured and they are what was asked for. */
function roundsOf(run: Run, workload: Workload): number {
  const main = run.workloads.find(({ id }) => id === 'browser');
  const beside = main !== undefined && main !== workload && contestantsOf(run, main).length > 0;
  return beside ? Math.min(run.options.rounds, SIDE_ROUNDS_MAX) : run.options.rounds;
}

function warmUpSeconds(workload: Workload): number {
  return workload.handshake === undefined ? WARM_UP_SECONDS : WARM_UP_HANDSHAKES_SECONDS;
}
