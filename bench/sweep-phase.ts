// The worker sweep: Sevenfold at Layer 7 with each worker count, both ways of accepting, pinned and not.
// Interleaved like all rounds; the advice read from it is recommend.ts.
import { loadRequest } from './closed-phase.js';
import type { Contestant } from './contestants/contestant.js';
import { startFleet } from './fleet.js';
import { planCores } from './machine.js';
import { measureRound } from './rounds.js';
import type { Run } from './run.js';
import { WORKLOADS } from './workloads.js';

interface Setting {
  readonly workers: number;
  readonly accept: 'handoff' | 'shared';
  readonly pin: boolean;
}

const START_SECONDS = 1.5;

/** Every setting of the sweep. One worker has nothing to pin apart, so it is measured unpinned only. */
export function sweepSettings(workers: readonly number[]): Setting[] {
  return workers.flatMap((count) =>
    (['handoff', 'shared'] as const).flatMap((accept) =>
      [false, ...(count > 1 ? [true] : [])].map((pin) => ({ workers: count, accept, pin })),
    ),
  );
}

export function sweepSeconds(run: Run): number {
  return sweepSettings(run.options.workers).length * roundsOf(run) * (run.options.durationSeconds + START_SECONDS);
}

/** Runs the sweep with the main workload. Proxy, load and origin get cores of their own where there are enough. */
export async function runSweep(run: Run, contestant: Contestant): Promise<void> {
  const missing = contestant.missing();
  if (missing !== undefined) {
    run.leftOut.push({ contestant: 'the worker sweep', reason: missing });
    return;
  }
  const rounds = roundsOf(run);
  for (let round = 0; round < rounds; round++) {
    for (const setting of sweepSettings(run.options.workers)) {
      if (run.signal.aborted) return;
      const label = `${setting.workers} workers, ${setting.accept}${setting.pin ? ', pinned' : ''}`;
      run.progress.step(
        `workers: round ${round + 1} of ${rounds}: ${label}`,
        run.options.durationSeconds + START_SECONDS,
      );
      if (!(await measureSetting(run, contestant, setting, round))) return;
    }
  }
}

/** Measures one setting once; false when it cannot be started, which is then said among what is left out. */
async function measureSetting(run: Run, contestant: Contestant, setting: Setting, round: number): Promise<boolean> {
  const cores = planCores(run.machine.cores, setting.workers, run.machine.tools.taskset !== undefined);
  const fleet = await startFleet({
    originKind: 'cheap',
    contestants: [contestant],
    directory: run.directory,
    originCores: cores.origin,
    nginxOrigin: run.machine.tools.nginx !== undefined,
    place: { cores: cores.proxy, ...setting },
    checked: false,
    signal: run.signal,
  });
  try {
    const entry = fleet.entries[0];
    if (entry === undefined) {
      run.leftOut.push(...fleet.leftOut);
      return false;
    }
    const sweepRun = { ...run, cores };
    const loadAndOrigin = cores.load === cores.origin ? cores.loadCount : cores.loadCount * 2;
    await run.loop.run(loadRequest(sweepRun, entry, WORKLOADS[0]!, 1));
    const request = loadRequest(sweepRun, entry, WORKLOADS[0]!, run.options.durationSeconds);
    const figures = await measureRound(entry, round, run.loop, request, fleet.origin.pid, {
      proxy: cores.proxyCount,
      loadAndOrigin,
    });
    run.sweep.push({ ...setting, figures });
    return true;
  } finally {
    await fleet.stop();
  }
}

function roundsOf(run: Run): number {
  return Math.min(3, run.options.rounds);
}
