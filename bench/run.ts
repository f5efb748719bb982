// One run of the benchmark, from the options to the result: which phases, in which order, with what left over when it
// is interrupted. The phases themselves are closed-phase.ts, open-phase.ts, memory-phase.ts and sweep-phase.ts.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planClosed, runClosed } from './closed-phase.js';
import { allContestants, type Contestant, chooseContestants } from './contestants/contestant.js';
import { targetContestants } from './contestants/target.js';
import type { LeftOut } from './fleet.js';
import { autocannon } from './load/autocannon.js';
import type { ClosedLoop } from './load/load.js';
import { wrk } from './load/wrk.js';
import { type CorePlan, describeMachine, type Machine, planCores } from './machine.js';
import { planMemory, runMemory } from './memory-phase.js';
import { planOpen, runOpen } from './open-phase.js';
import type { BenchOptions } from './options.js';
import type { Progress } from './progress.js';
import type { BenchResult, ConnectionMemory, OpenLoopFigures, SweepPoint } from './result.js';
import type { RoundFigures } from './rounds.js';
import { runSweep, sweepSeconds } from './sweep-phase.js';
import { OFFER_TEXT } from './tls-offer.js';
import { WORKLOADS, type Workload } from './workloads.js';

/** What every phase works with; the arrays fill up as it goes and survive an interrupt. */
export interface Run {
  readonly options: BenchOptions;
  readonly machine: Machine;
  readonly cores: CorePlan;
  readonly loop: ClosedLoop;
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  readonly contestants: readonly Contestant[];
  readonly workloads: readonly Workload[];
  readonly rounds: RoundFigures[];
  readonly openLoop: OpenLoopFigures[];
  readonly connectionMemory: ConnectionMemory[];
  readonly sweep: SweepPoint[];
  readonly leftOut: LeftOut[];
  origin: string;
}

/** Runs the benchmark. Aborting `signal` ends it early with what there is; other failures reject. */
export async function runBench(
  options: BenchOptions,
  command: string,
  signal: AbortSignal,
  progress: Progress,
): Promise<BenchResult> {
  const startedAt = new Date();
  const machine = describeMachine();
  const directory = mkdtempSync(join(tmpdir(), 'sevenfold-bench-'));
  const run: Run = {
    options,
    machine,
    cores: planCores(machine.cores, 1, machine.tools.taskset !== undefined),
    loop: chooseLoop(options, machine),
    directory,
    signal,
    progress,
    contestants: options.target === undefined ? chosen(options) : targetContestants(options),
    workloads: WORKLOADS.filter((one) => options.workloads.includes(one.id) && !lacksTool(one, machine)),
    rounds: [],
    openLoop: [],
    connectionMemory: [],
    sweep: [],
    leftOut: WORKLOADS.filter((one) => options.workloads.includes(one.id) && lacksTool(one, machine)).map(({ id }) => ({
      contestant: `workload ${id}`,
      reason: 'h2load is not installed (Debian: apt install nghttp2-client)',
    })),
    origin: '',
  };
  try {
    await runPhases(run);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    progress.end();
    rmSync(directory, { recursive: true, force: true });
  }
  return resultOf(run, startedAt, command);
}

async function runPhases(run: Run): Promise<void> {
  const { options, progress } = run;
  const remembers = options.target === undefined;
  progress.plan(planClosed(run) + planOpen(run) + (remembers ? planMemory(run) : 0));
  if (options.workers.length > 0) progress.plan(sweepSeconds(run));
  await runClosed(run, {
    // Before anything else has touched the heap: a process that served a load once gives little back.
    fresh: async (fleet) => {
      if (remembers && fleet.origin.kind === 'cheap') await runMemory(run, fleet);
    },
    after: (fleet, workloads) => runOpen(run, fleet, workloads),
  });
  const swept = allContestants().find(({ id }) => id === 'sevenfold-l7');
  if (options.workers.length > 0 && swept !== undefined && !run.signal.aborted) await runSweep(run, swept);
}

function chosen(options: BenchOptions): Contestant[] {
  const contestants = chooseContestants(allContestants(), options.only);
  // A minute is for the question itself and the nearest peers; what --only names is measured all the same.
  if (!options.quick || options.only.length > 0) return contestants;
  return contestants.filter((one) => !one.mainOnly && (one.mode !== 'l4' || one.family === 'sevenfold'));
}

/** HTTP/2 takes a generator that is not everywhere. */
function lacksTool(workload: Workload, machine: Machine): boolean {
  return workload.streams !== undefined && machine.tools.h2load === undefined;
}

function chooseLoop(options: BenchOptions, machine: Machine): ClosedLoop {
  if (options.load === 'autocannon') return autocannon;
  if (machine.tools.wrk !== undefined) return wrk;
  if (options.load === 'wrk')
    throw new Error('--load wrk: wrk is not installed here (Debian: apt install wrk), or leave the flag out');
  return autocannon;
}

function loadName({ loop, workloads, options }: Run): string {
  const more = workloads.some((workload) => workload.handshake !== undefined) ? ', handshakes by node:tls' : '';
  const http2 = workloads.some(({ streams }) => streams !== undefined) ? ', HTTP/2 by h2load' : '';
  const offer = options.target === undefined && workloads.some(({ tls }) => tls) ? `; over TLS by ${OFFER_TEXT}` : '';
  return `${loop.name}${more}${http2}${offer}`;
}

function resultOf(run: Run, startedAt: Date, command: string): BenchResult {
  const measured = new Set(run.rounds.map((round) => round.contestant));
  return {
    version: 1,
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    command,
    interrupted: run.signal.aborted,
    machine: run.machine,
    pinning: run.cores.note,
    load: loadName(run),
    origin: run.origin,
    durationSeconds: run.options.durationSeconds,
    connections: run.options.connections,
    contestants: run.contestants
      .filter(({ id }) => measured.has(id))
      .map(({ id, family, mode }) => ({ id, family, mode })),
    workloads: run.workloads.map(({ id, title, connections, responseBytes }) => ({
      id,
      title,
      connections: connections ?? run.options.connections,
      responseBytes,
    })),
    leftOut: run.leftOut,
    rounds: run.rounds,
    openLoop: run.openLoop,
    connectionMemory: run.connectionMemory,
    sweep: run.sweep,
  };
}
