// The rounds: every contestant once per round, in an order that turns, each measured alone while the others idle.
// Owns timing and counters of a round; what they mean together is verdict.ts and report/.
import type { Contestant, RunningContestant } from './contestants/contestant.js';
import type { ClosedLoop, LoadRequest, LoadResult } from './load/load.js';
import { coreTimes, endedChildrenCpu, treeCpu, treeRssBytes } from './proc.js';
import type { Workload } from './workloads.js';

/** One contestant under one workload in one round. Shares are of the time of the cores given: 1 is all of it. */
export interface RoundFigures extends LoadResult {
  readonly contestant: string;
  readonly workload: string;
  readonly round: number;
  /** CPU time of the proxy by request, in microseconds; undefined without a process to look at. */
  readonly userUsPerRequest: number | undefined;
  readonly systemUsPerRequest: number | undefined;
  readonly rssBytes: number | undefined;
  readonly proxyShare: number | undefined;
  /** Load generator and origin together, of the cores that both have. */
  readonly loadShare: number;
  /** What processes that are not ours, and the hypervisor, took of the whole machine. */
  readonly foreignShare: number;
}

export interface Entry {
  readonly contestant: Contestant;
  readonly running: RunningContestant;
}

/** The cores' counts that shares are taken of. */
export interface CoreCounts {
  readonly proxy: number;
  readonly loadAndOrigin: number;
}

/** The order of a round: it turns by one each time, so that nobody always follows the same neighbour. */
export function orderOfRound<T>(entries: readonly T[], round: number): T[] {
  const turn = entries.length === 0 ? 0 : round % entries.length;
  return [...entries.slice(turn), ...entries.slice(0, turn)];
}

/** Loads one contestant once and reads everybody's CPU time before and after. */
export async function measureRound(
  entry: Entry,
  round: number,
  loop: ClosedLoop,
  request: LoadRequest,
  originPid: number | undefined,
  cores: CoreCounts,
): Promise<RoundFigures> {
  const before = snapshot(entry.running.pid, originPid);
  const result = await loop.run(request);
  const after = snapshot(entry.running.pid, originPid);
  return roundFigures(entry.contestant.id, request.workload, round, result, before, after, cores);
}

/** Counters at one moment, all in microseconds. */
export interface Snapshot {
  readonly atUs: number;
  readonly proxyUserUs: number | undefined;
  readonly proxySystemUs: number | undefined;
  readonly originUs: number;
  readonly loadUs: number;
  readonly ownUs: number;
  readonly machineBusyUs: number;
  readonly coreCount: number;
  readonly rssBytes: number | undefined;
}

function snapshot(proxyPid: number | undefined, originPid: number | undefined): Snapshot {
  const cores = [...coreTimes().values()];
  const proxy = proxyPid === undefined ? undefined : treeCpu(proxyPid);
  const origin = originPid === undefined ? undefined : treeCpu(originPid);
  const load = endedChildrenCpu();
  const own = process.cpuUsage();
  return {
    atUs: performance.now() * 1000,
    proxyUserUs: proxy?.userUs,
    proxySystemUs: proxy?.systemUs,
    originUs: origin === undefined ? 0 : origin.userUs + origin.systemUs,
    loadUs: load.userUs + load.systemUs,
    ownUs: own.user + own.system,
    machineBusyUs: cores.reduce((sum, core) => sum + core.busyUs, 0),
    coreCount: cores.length,
    rssBytes: proxyPid === undefined ? undefined : treeRssBytes(proxyPid),
  };
}

/** Figures of a round from the counters around it. */
export function roundFigures(
  contestant: string,
  workload: Workload,
  round: number,
  result: LoadResult,
  before: Snapshot,
  after: Snapshot,
  cores: CoreCounts,
): RoundFigures {
  const wallUs = after.atUs - before.atUs;
  const user = difference(before.proxyUserUs, after.proxyUserUs);
  const system = difference(before.proxySystemUs, after.proxySystemUs);
  const proxyUs = user === undefined || system === undefined ? undefined : user + system;
  const loadAndOriginUs = after.loadUs - before.loadUs + (after.originUs - before.originUs);
  const oursUs = (proxyUs ?? 0) + loadAndOriginUs + (after.ownUs - before.ownUs);
  const foreignUs = after.machineBusyUs - before.machineBusyUs - oursUs;
  const perRequest = (us: number | undefined): number | undefined =>
    us === undefined || result.requests === 0 ? undefined : us / result.requests;
  return {
    ...result,
    contestant,
    workload: workload.id,
    round,
    userUsPerRequest: perRequest(user),
    systemUsPerRequest: perRequest(system),
    rssBytes: after.rssBytes,
    proxyShare: proxyUs === undefined ? undefined : proxyUs / (wallUs * cores.proxy),
    loadShare: loadAndOriginUs / (wallUs * cores.loadAndOrigin),
    foreignShare: Math.max(0, foreignUs / (wallUs * after.coreCount)),
  };
}

function difference(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before;
}
