// From a worker sweep to advice: how many workers, which accept, pinned or not.
// Takes the simplest setting that the figures cannot tell from the best.
import type { SweepPoint } from './result.js';
import { type Spread, spreadOf } from './stats.js';
import { rowOf } from './summary.js';
import { type Bottleneck, bottleneckOf } from './verdict.js';

export interface Setting {
  readonly workers: number;
  readonly accept: 'handoff' | 'shared';
  readonly pin: boolean;
  readonly perSecond: Spread;
  readonly totalUs: Spread | undefined;
  readonly bottleneck: Bottleneck;
}

export interface Advice {
  /** Every setting measured, by workers, then accept, then pin. */
  readonly settings: readonly Setting[];
  readonly choice: Setting;
  readonly sentence: string;
}

/** Advice from these points; undefined when there are none. */
export function recommend(points: readonly SweepPoint[], coreCount: number): Advice | undefined {
  const settings = settingsOf(points);
  if (settings.length === 0) return undefined;
  const best = settings.reduce((a, b) => (b.perSecond.median > a.perSecond.median ? b : a));
  // Simpler first: fewer workers, then not pinned, then the default accept. As good means: its best round reaches the
  // winner's median.
  const asGood = settings.filter((one) => one.perSecond.max >= best.perSecond.median);
  const choice = [...asGood].sort(
    (a, b) => a.workers - b.workers || Number(a.pin) - Number(b.pin) || a.accept.localeCompare(b.accept),
  )[0]!;
  return { settings, choice, sentence: sentence(settings, choice, best, coreCount) };
}

function sentence(settings: readonly Setting[], choice: Setting, best: Setting, coreCount: number): string {
  const flags = `--workers ${choice.workers} --accept ${choice.accept}${choice.pin ? ' --pin' : ''}`;
  const one = settings.find((setting) => setting.workers === 1);
  const gain =
    one === undefined || choice.workers === 1
      ? ''
      : `, ${(choice.perSecond.median / one.perSecond.median).toFixed(2)} times one worker`;
  const rate = `${Math.round(choice.perSecond.median)} requests/s (${Math.round(choice.perSecond.min)}..${Math.round(choice.perSecond.max)})${gain}`;
  const doubts: string[] = [];
  if (choice !== best)
    doubts.push(
      `the fastest median, ${best.workers} workers ${best.accept}${best.pin ? ' pinned' : ''}, is not told apart from it`,
    );
  if (settings.some((setting) => setting.workers >= coreCount))
    doubts.push('with as many workers as cores, load and origin took their share of the same cores');
  if (choice.bottleneck === 'load' || choice.bottleneck === 'both')
    doubts.push('the load generator had no time left, so more workers could not show');
  return `For this machine: ${flags}: ${rate}${doubts.length > 0 ? `. Mind: ${doubts.join('; ')}` : ''}.`;
}

function settingsOf(points: readonly SweepPoint[]): Setting[] {
  const groups = new Map<string, SweepPoint[]>();
  for (const point of points) {
    const key = `${point.workers} ${point.accept} ${point.pin}`;
    groups.set(key, [...(groups.get(key) ?? []), point]);
  }
  return [...groups.values()]
    .map((group): Setting => {
      const { workers, accept, pin } = group[0]!;
      const perSecond = spreadOf(group.map(({ figures }) => figures.requests / figures.seconds))!;
      const row = rowOf(
        '',
        '',
        group.map(({ figures }) => figures),
      )!;
      return { workers, accept, pin, perSecond, totalUs: row.totalUs, bottleneck: bottleneckOf(row) };
    })
    .sort((a, b) => a.workers - b.workers || a.accept.localeCompare(b.accept) || Number(a.pin) - Number(b.pin));
}
