// A fleet: one origin and every contestant in front of it, started, checked, and stopped together.
// Contestants that cannot run or do the job wrongly are left out with the reason, never silently.
import { checkContestant, type Finding } from './check.js';
import type { Contestant, Place } from './contestants/contestant.js';
import { type Origin, startOrigin } from './origins.js';
import type { Entry } from './rounds.js';
import type { OriginKind } from './workloads.js';

export interface LeftOut {
  readonly contestant: string;
  readonly reason: string;
}

export interface Fleet {
  readonly origin: Origin;
  readonly entries: readonly Entry[];
  readonly leftOut: readonly LeftOut[];
  stop(): Promise<void>;
}

export interface FleetPlan {
  readonly originKind: OriginKind;
  readonly contestants: readonly Contestant[];
  readonly directory: string;
  readonly originCores: string | undefined;
  readonly nginxOrigin: boolean;
  readonly place: Omit<Place, 'originPort' | 'directory'>;
  /** Whether contestants must pass the correctness check; a foreign target answers what it likes. */
  readonly checked: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Told before each start, for the progress line. */
  readonly onStart?: (contestant: Contestant) => void;
}

/** Starts the origin, then each contestant in turn. Rejects only when the origin itself does not start. */
export async function startFleet(plan: FleetPlan): Promise<Fleet> {
  const origin = await startOrigin(plan.originKind, plan.directory, plan.originCores, plan.nginxOrigin);
  const entries: Entry[] = [];
  const leftOut: LeftOut[] = [];
  for (const contestant of plan.contestants) {
    if (plan.signal?.aborted) break;
    const reason = contestant.missing();
    if (reason !== undefined) {
      leftOut.push({ contestant: contestant.id, reason });
      continue;
    }
    plan.onStart?.(contestant);
    try {
      const running = await contestant.start({ ...plan.place, originPort: origin.port, directory: plan.directory });
      const checks = plan.checked && plan.originKind === 'cheap';
      const { wrong, remark }: Finding = checks ? await checkContestant(contestant, running, origin) : {};
      if (remark !== undefined) leftOut.push({ contestant: contestant.id, reason: remark });
      if (wrong === undefined) entries.push({ contestant, running });
      else {
        leftOut.push({ contestant: contestant.id, reason: `it failed the correctness check: ${wrong}` });
        await running.stop();
      }
    } catch (error) {
      leftOut.push({ contestant: contestant.id, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return {
    origin,
    entries,
    leftOut,
    stop: async () => {
      await Promise.all(entries.map(({ running }) => running.stop()));
      await origin.stop();
    },
  };
}
