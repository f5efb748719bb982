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

/** Width of a spread relative to its median: 0.1 is 10 %. */
export function relativeWidth(spread: Spread): number {
  return spread.median === 0 ? 0 : (spread.max - spread.min) / spread.median;
}
