// The open loop: every contestant at the same fixed rate, which all of them can bear, for latency as users see it.
// The rate comes from the closed rounds unless the command line sets it.
import { contestantsOf, loadRequest } from './closed-phase.js';
import type { Fleet } from './fleet.js';
import { openLoop } from './load/open-loop.js';
import { orderOfRound } from './rounds.js';
import type { Run } from './run.js';
import { spreadOf } from './stats.js';
import type { Workload } from './workloads.js';

const ROUNDS = 3;
/** Above this the generator, one Node thread, would be what is measured. */
const RATE_MAX = 12_000;

/** The workloads whose latency at a fixed rate is worth the time. */
const OPEN_WORKLOADS: ReadonlySet<string> = new Set(['browser', 'slow']);

/** Seconds that all open loops will take. */
export function planOpen(run: Run): number {
  if (run.options.rate === 0) return 0;
  const loops = run.workloads
    .filter(({ id }) => OPEN_WORKLOADS.has(id))
    .reduce(
      (sum, workload) => sum + contestantsOf(run, workload).filter((one) => one.missing() === undefined).length,
      0,
    );
  return loops * openRounds(run) * roundSeconds(run);
}

/** Runs the open loop of each workload that has one, against the fleet that is up. */
export async function runOpen(run: Run, fleet: Fleet, workloads: readonly Workload[]): Promise<void> {
  for (const workload of workloads) {
    if (!OPEN_WORKLOADS.has(workload.id)) continue;
    const rate = run.options.rate ?? openRate(run, workload.id);
    if (rate === 0) continue;
    const rounds = openRounds(run);
    const taking = contestantsOf(run, workload);
    const entries = fleet.entries.filter(({ contestant }) => taking.includes(contestant));
    for (let round = 0; round < rounds; round++) {
      for (const entry of orderOfRound(entries, round)) {
        if (run.signal.aborted) return;
        const seconds = roundSeconds(run);
        run.progress.step(
          `${workload.id}: ${rate} requests/s, round ${round + 1} of ${rounds}: ${entry.contestant.id}`,
          seconds,
        );
        const figures = await openLoop(loadRequest(run, entry, workload, seconds), rate);
        run.openLoop.push({
          ...figures,
          contestant: entry.contestant.id,
          workload: workload.id,
          round,
          ratePerSecond: rate,
        });
      }
    }
  }
}

/** Half of what the slowest contestant reached in its worst round, in round figures: fair to all, and no queue of its own. */
export function openRate(run: Pick<Run, 'rounds'>, workload: string): number {
  const reached = spreadOf(
    run.rounds.filter((round) => round.workload === workload).map((round) => round.requests / round.seconds),
  );
  if (reached === undefined) return 0;
  const half = Math.min(RATE_MAX, reached.min / 2);
  const magnitude = 10 ** Math.max(0, Math.floor(Math.log10(half)) - 1);
  return Math.max(1, Math.floor(half / magnitude) * magnitude);
}

function openRounds(run: Run): number {
  return run.options.quick ? 1 : Math.min(ROUNDS, run.options.rounds);
}

function roundSeconds(run: Run): number {
  return run.options.quick ? 2 : Math.max(5, run.options.durationSeconds);
}
