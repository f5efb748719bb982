// What may be believed: who was the bottleneck, whether the machine was quiet enough, whether a ratio says anything.
// Sentences for people; the thresholds are here and nowhere else.
import type { BenchResult } from './result.js';
import { relativeWidth, spreadOf } from './stats.js';
import { type Comparison, comparisonsOf, type Row, rowsOf } from './summary.js';

/** A core this busy is full: the rest goes to interrupts and to the edges of the round. */
const FULL = 0.93;
/** Above this share of the machine, other processes decide the figures. */
const FOREIGN_MAX = 0.05;
/** CPU per request that varies more than this between rounds is not one number. */
const WIDTH_MAX = 0.25;

export type Bottleneck = 'proxy' | 'load' | 'both' | 'neither' | 'unknown';

/** Which side had no time left. Throughput is the proxy's own only when the answer is `proxy`. */
export function bottleneckOf(row: Pick<Row, 'proxyShare' | 'loadShare'>): Bottleneck {
  const load = row.loadShare.median >= FULL;
  if (row.proxyShare === undefined) return load ? 'load' : 'unknown';
  const proxy = row.proxyShare.median >= FULL;
  if (proxy && load) return 'both';
  if (proxy) return 'proxy';
  return load ? 'load' : 'neither';
}

/** Whether every paired round agrees on who is cheaper. */
export function ratioVerdict({ ratio }: Pick<Comparison, 'ratio'>): 'more' | 'less' | 'undecided' {
  if (ratio.rounds < 3) return 'undecided';
  if (ratio.min > 1) return 'more';
  return ratio.max < 1 ? 'less' : 'undecided';
}

/** A comparison in one sentence, with its spread and how far it can be trusted. */
export function comparisonSentence(comparison: Comparison): string {
  const { ratio, of, over } = comparison;
  const figure = `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)}..${ratio.max.toFixed(2)}, ${ratio.rounds} paired rounds)`;
  const verdict = ratioVerdict(comparison);
  const meaning =
    ratio.rounds < 3
      ? 'too few rounds to conclude'
      : verdict === 'undecided'
        ? 'no difference that this run can show'
        : `${of} takes ${percentApart(ratio.median)} CPU per request, in every round`;
  return `${of} / ${over}: ${figure}: ${meaning}`;
}

/** The answer to the question of the benchmark, in one sentence; undefined when the run did not ask it. */
export function headlineOf(result: BenchResult): string | undefined {
  for (const { id, title } of result.workloads) {
    const found = comparisonsOf(result, id).find((one) => one.of === 'sevenfold-l7' && one.over === 'sevenfold-l4');
    if (found === undefined) continue;
    const { median, min, max } = found.ratio;
    const doubt = tooNoisy(result) ? ', but the machine was too noisy to conclude' : '';
    return `Reading the request takes ${median.toFixed(2)} (${min.toFixed(2)}..${max.toFixed(2)}) times the CPU of passing it on unread: ${title}${doubt}.`;
  }
  return undefined;
}

function tooNoisy(result: BenchResult): boolean {
  const foreign = spreadOf(result.rounds.map((round) => round.foreignShare));
  return foreign !== undefined && foreign.median > FOREIGN_MAX;
}

/** Every warning that a reader of the figures needs, the gravest first; empty for a run without any. */
export function warningsOf(result: BenchResult): string[] {
  const warnings: string[] = [];
  if (result.interrupted) warnings.push('The run was interrupted: what follows is what was measured until then.');
  const foreign = spreadOf(result.rounds.map((round) => round.foreignShare));
  if (foreign !== undefined && foreign.median > FOREIGN_MAX) {
    warnings.push(
      `The machine was too noisy to conclude: other processes took ${percent(foreign.median)} of it in the median round (${percent(foreign.min)}..${percent(foreign.max)}). Figures below are no more than hints.`,
    );
  } else if (foreign !== undefined && foreign.max > 2 * FOREIGN_MAX) {
    warnings.push(
      `Other processes took up to ${percent(foreign.max)} of the machine in single rounds; the medians ride that out, the spreads show it.`,
    );
  }
  for (const workload of result.workloads) {
    const rows = rowsOf(result, workload.id);
    const unsteady = rows.filter((row) => row.totalUs !== undefined && relativeWidth(row.totalUs) > WIDTH_MAX);
    if (unsteady.length > 0) {
      warnings.push(
        `${workload.title}: CPU per request varied by more than ${percent(WIDTH_MAX)} between rounds for ${names(unsteady)}: too noisy to conclude from.`,
      );
    }
    const starved = rows.filter((row) => row.proxyShare !== undefined && bottleneckOf(row) === 'load');
    if (starved.length > 0) {
      warnings.push(
        `${workload.title}: the load generator and the origin, not the proxy, were the bottleneck for ${names(starved)}. Their requests per second say what the load could send; CPU per request stays valid.`,
      );
    }
    for (const row of rows) {
      if (row.perSecond.max === 0) warnings.push(`${workload.title}: ${row.contestant} answered nothing at all.`);
    }
    const failing = rows.filter((row) => row.errors > 0);
    for (const row of failing) {
      warnings.push(
        `${workload.title}: ${row.contestant} had ${row.errors} failed requests; its figures are not comparable.`,
      );
    }
    const silent = comparisonsOf(result, workload.id).filter(
      (one) => ratioVerdict(one) === 'undecided' && one.ratio.rounds >= 3,
    );
    if (silent.length > 0)
      warnings.push(
        `${workload.title}: no difference that this run can show between ${silent.map((one) => `${one.of} and ${one.over}`).join(', ')}.`,
      );
  }
  const late = result.openLoop.filter((run) => run.unsent > 0);
  for (const run of late) {
    warnings.push(
      `${run.contestant} could not keep up with ${run.ratePerSecond} requests/s: ${run.unsent} were due and never sent.`,
    );
  }
  return warnings;
}

function percentApart(ratio: number): string {
  const apart = Math.round(Math.abs(ratio - 1) * 100);
  return ratio > 1 ? (ratio >= 2 ? `${ratio.toFixed(1)} times the` : `${apart} % more`) : `${apart} % less`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function names(rows: readonly Row[]): string {
  return rows.map((row) => row.contestant).join(', ');
}
