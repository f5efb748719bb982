// The arithmetic of figures: medians with their spread, ratios of paired rounds.
// Pure functions; what a figure means is verdict.ts.

/** A figure never comes alone: its median, and the least and greatest of the rounds behind it. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
}

/** Spread of `values`; undefined when there are none. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const median = sorted.length % 2 === 1 ? sorted[Math.floor(half)]! : (sorted[half - 1]! + sorted[half]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)!, rounds: sorted.length };
}

/**
 * Spread of `a / b` over the rounds that both have. Rounds are paired because what disturbs a machine lasts longer
 * than one round: the ratio inside a round is steadier than the ratio of medians.
 */
export function pairedRatio(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): Spread | undefined {
  const ratios: number[] = [];
  for (const [round, value] of a) {
    const other = b.get(round);
    if (other !== undefined && other > 0) ratios.push(value / other);
  }
  return spreadOf(ratios);
}

/** The mean ratio of paired rounds, and where it lies with a confidence of 95 %. */
export interface RatioInterval {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly pairs: number;
}

/** Student's t for 95 %, two-sided, by degrees of freedom; from 30 on it is hardly more than that of the normal. */
const STUDENT = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
const STUDENT_LARGE = 2.042;

/** The interval of the ratio that `ratios`, one per pair of rounds, speak for; undefined for fewer than two. */
export function ratioInterval(ratios: readonly number[]): RatioInterval | undefined {
  const pairs = ratios.length;
  if (pairs < 2) return undefined;
  // Of logarithms, so that a half and a double cancel out.
  const logs = ratios.map(Math.log);
  const mean = logs.reduce((sum, log) => sum + log, 0) / pairs;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (pairs - 1);
  const half = (STUDENT[pairs - 2] ?? STUDENT_LARGE) * Math.sqrt(variance / pairs);
  return { ratio: Math.exp(mean), low: Math.exp(mean - half), high: Math.exp(mean + half), pairs };
}

/** Width of a spread relative to its median: 0.1 is 10 %. */
export function relativeWidth(spread: Spread): number {
  return spread.median === 0 ? 0 : (spread.max - spread.min) / spread.median;
}
