// What a contestant is, and all of them in the order they are shown.
// Each family has a file of its own beside this one; timing is rounds.ts.
import type { StartedProcess } from '../processes.js';
import { direct } from './direct.js';
import { haproxyContestants } from './haproxy.js';
import { nginxContestants } from './nginx.js';
import { nodeContestants } from './node.js';
import { sevenfoldContestants } from './sevenfold.js';

export type Mode = 'direct' | 'l4' | 'l7' | 'l7-rules' | 'https' | 'target';

/** Where and for what a contestant is started. */
export interface Place {
  readonly originPort: number;
  /** A directory of its own kind; several contestants share it, files are named after their configs. */
  readonly directory: string;
  readonly cores: string | undefined;
  readonly workers: number;
  readonly accept: 'auto' | 'handoff' | 'shared';
  /** Whether the proxy itself pins its workers to cores, where it can. */
  readonly pin: boolean;
}

export interface RunningContestant {
  readonly host: string;
  readonly port: number;
  /** The proxy's process; undefined when there is none of ours to look at. */
  readonly process: StartedProcess | undefined;
  /** Its process id, for figures; may be known without the process being ours. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

export interface Contestant {
  readonly id: string;
  /** Whose product it is; peers of one family share a colour in the plots. */
  readonly family: string;
  readonly mode: Mode;
  readonly scheme: 'http' | 'https';
  /** It speaks HTTP/2 too, with clients that offer it. */
  readonly http2?: boolean;
  /** Whether it takes part in the side workloads, or in the main one only. */
  readonly mainOnly: boolean;
  /** Why it cannot run on this machine; undefined when it can. */
  missing(): string | undefined;
  start(place: Place): Promise<RunningContestant>;
}

/** Every contestant there is, available or not. */
export function allContestants(): Contestant[] {
  return [direct, ...sevenfoldContestants(), ...nginxContestants(), ...haproxyContestants(), ...nodeContestants()];
}

/**
 * Those whose id, family or mode `only` names (all when it is empty), in their usual order.
 * Throws for a name that names nothing, with the names there are.
 */
export function chooseContestants(all: readonly Contestant[], only: readonly string[]): Contestant[] {
  const names = (one: Contestant): string[] => [one.id, one.family, one.mode];
  for (const wanted of only) {
    if (all.some((one) => names(one).includes(wanted))) continue;
    const known = all.map((one) => one.id).join(', ');
    throw new Error(`--only '${wanted}' names no contestant, family or mode. There are: ${known}`);
  }
  return only.length === 0 ? [...all] : all.filter((one) => names(one).some((name) => only.includes(name)));
}
