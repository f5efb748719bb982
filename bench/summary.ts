// From rounds to figures: one row per contestant and workload, and the ratios that the benchmark exists for.
// Owns which comparisons are made; whether they may be believed is verdict.ts.
import { PERCENTILES } from './load/load.js';
import type { BenchResult } from './result.js';
import type { RoundFigures } from './rounds.js';
import { pairedRatio, type Spread, spreadOf } from './stats.js';

export interface Row {
  readonly contestant: string;
  readonly workload: string;
  readonly perSecond: Spread;
  readonly userUs: Spread | undefined;
  readonly systemUs: Spread | undefined;
  readonly totalUs: Spread | undefined;
  /** For PERCENTILES, from the closed loop. */
  readonly latencyUs: readonly Spread[];
  readonly rssBytes: Spread | undefined;
  readonly proxyShare: Spread | undefined;
  readonly loadShare: Spread;
  readonly errors: number;
}

export interface Comparison {
  readonly workload: string;
  readonly title: string;
  readonly of: string;
  readonly over: string;
  /** Ratio of CPU time per request (user and system) in paired rounds. */
  readonly ratio: Spread;
}

/** One row per contestant that has rounds under `workload`, in the result's order. */
export function rowsOf(result: BenchResult, workload: string): Row[] {
  return result.contestants.flatMap(({ id }) => rowOf(id, workload, roundsOf(result, id, workload)) ?? []);
}

/** The row of these rounds; undefined when there are none. */
export function rowOf(contestant: string, workload: string, rounds: readonly RoundFigures[]): Row | undefined {
  const perSecond = spreadOf(rounds.map((round) => round.requests / round.seconds));
  const loadShare = spreadOf(rounds.map((round) => round.loadShare));
  if (perSecond === undefined || loadShare === undefined) return undefined;
  return {
    contestant,
    workload,
    perSecond,
    userUs: spreadOf(known(rounds.map((round) => round.userUsPerRequest))),
    systemUs: spreadOf(known(rounds.map((round) => round.systemUsPerRequest))),
    totalUs: spreadOf(known(rounds.map(totalUsPerRequest))),
    latencyUs: PERCENTILES.map((_, at) => spreadOf(rounds.map((round) => round.latencyUs[at] ?? 0))!),
    rssBytes: spreadOf(known(rounds.map((round) => round.rssBytes))),
    proxyShare: spreadOf(known(rounds.map((round) => round.proxyShare))),
    loadShare,
    errors: rounds.reduce((sum, round) => sum + round.badStatuses + round.socketErrors, 0),
  };
}

/** The ratios of this workload that both sides were measured for, the most wanted first. */
export function comparisonsOf(result: BenchResult, workload: string): Comparison[] {
  const pairs: ReadonlyArray<readonly [string, string, string]> = [
    ['what reading the request costs', 'sevenfold-l7', 'sevenfold-l4'],
    ['what 1,000 rules and what they edit add', 'sevenfold-l7-rules', 'sevenfold-l7'],
    ['beside nginx, same job', 'sevenfold-l7', 'nginx-l7'],
    ['beside HAProxy, same job', 'sevenfold-l7', 'haproxy-l7'],
    ['Layer 4 beside nginx', 'sevenfold-l4', 'nginx-l4'],
    ['Layer 4 beside HAProxy', 'sevenfold-l4', 'haproxy-l4'],
    ['what reading costs nginx', 'nginx-l7', 'nginx-l4'],
    ['what reading costs HAProxy', 'haproxy-l7', 'haproxy-l4'],
    ['TLS beside nginx', 'sevenfold-https', 'nginx-https'],
    ['TLS beside HAProxy', 'sevenfold-https', 'haproxy-https'],
    ['http-proxy beside Sevenfold', 'http-proxy', 'sevenfold-l7'],
    ['httpxy beside Sevenfold', 'httpxy', 'sevenfold-l7'],
    ['@fastify/http-proxy beside Sevenfold', 'fastify-http-proxy', 'sevenfold-l7'],
  ];
  return pairs.flatMap(([title, of, over]) => {
    const ratio = pairedRatio(totalByRound(result, of, workload), totalByRound(result, over, workload));
    return ratio === undefined ? [] : [{ workload, title, of, over, ratio }];
  });
}

export function roundsOf(result: BenchResult, contestant: string, workload: string): RoundFigures[] {
  return result.rounds.filter((round) => round.contestant === contestant && round.workload === workload);
}

export function totalUsPerRequest(round: RoundFigures): number | undefined {
  if (round.userUsPerRequest === undefined || round.systemUsPerRequest === undefined) return undefined;
  return round.userUsPerRequest + round.systemUsPerRequest;
}

/** CPU time per request by round, for pairing. */
export function totalByRound(result: BenchResult, contestant: string, workload: string): Map<number, number> {
  const totals = new Map<number, number>();
  for (const round of roundsOf(result, contestant, workload)) {
    const total = totalUsPerRequest(round);
    if (total !== undefined) totals.set(round.round, total);
  }
  return totals;
}

function known(values: ReadonlyArray<number | undefined>): number[] {
  return values.filter((value) => value !== undefined);
}
