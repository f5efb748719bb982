// The screen of `sevenfold top`: two samples a moment apart, as lines of a terminal of some size.
// Owns what is drawn. Leaves sampling, keys and the terminal itself to top.ts.

import { DURATION_BOUNDS } from '../observe/metrics/layout.js';
import type { Counted, SeriesStats, ServerStats, Stats } from '../primary/stats.js';
import { ageText, type Status, safe } from './ctl-tables.js';

export const SORTS = ['rate', 'p99', 'errors', 'in flight', 'name'] as const;
export type Sort = (typeof SORTS)[number];

export interface Frame {
  readonly status: Status;
  readonly before: Stats;
  readonly now: Stats;
  readonly sort: Sort;
  readonly columns: number;
  readonly rows: number;
  /** Colours may be used. */
  readonly painted: boolean;
}

/** What happened between two samples. */
interface Rates {
  readonly perSecond: number;
  /** 5xx and none. */
  readonly errorsPerSecond: number;
  readonly p50: number | null;
  readonly p99: number | null;
}

interface Line {
  readonly cells: readonly string[];
  readonly rates: Rates;
  readonly inFlight: number;
  readonly name: string;
  readonly isWrong: boolean;
}

type Style = 'bold' | 'dim' | 'red' | 'reverse';
const CODES: Readonly<Record<Style, string>> = { bold: '1', dim: '2', red: '31', reverse: '7' };

/** The lines of the screen, each no wider than it, and no more than fit. */
export function screen(frame: Frame): string[] {
  const { status, before, now, columns, rows, painted } = frame;
  const seconds = Math.max((now.atMs - before.atMs) / 1000, 0.001);
  const style = (name: Style, text: string): string => (painted ? `\u001b[${CODES[name]}m${text}\u001b[0m` : text);
  const fit = (text: string): string => (text.length <= columns ? text : `${text.slice(0, Math.max(columns - 1, 0))}…`);
  const series = seriesLines(frame, seconds);
  const servers = serverLines(frame, seconds);
  const lines: string[] = [
    style('bold', fit(headline(status))),
    fit(summary(frame, seconds)),
    fit(workersLine(before, now, seconds)),
  ];
  // Routes get at most a third of what is left, servers the rest.
  const left = rows - lines.length - 5;
  const most = Math.max(1, Math.min(series.length, Math.max(Math.floor(left / 3), left - servers.length)));
  const section = (headings: readonly string[], all: readonly Line[], room: number): void => {
    const shown = sorted(all, frame.sort).slice(0, Math.max(room, 0));
    const widths = headings.map((heading, i) =>
      Math.max(heading.length, ...shown.map(({ cells }) => cells[i]!.length)),
    );
    const row = (cells: readonly string[]): string =>
      fit(
        cells.map((cell, i) => (isText(headings[i]!) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
      );
    lines.push('', style('reverse', row(headings).padEnd(columns)));
    for (const line of shown) lines.push(line.isWrong ? style('red', row(line.cells)) : row(line.cells));
    if (all.length > shown.length) lines.push(style('dim', fit(`… and ${all.length - shown.length} more`)));
  };
  section(
    ['LISTENER', 'ROUTE', 'POOL', 'REQ/S', '2XX', '3XX', '4XX', '5XX', 'NONE', 'P50', 'P99', 'OUT/S'],
    series,
    most,
  );
  const room = rows - lines.length - 3;
  section(
    ['POOL', 'SERVER', 'STATUS', 'WEIGHT', 'REQ/S', 'ERR/S', 'RETRY/S', 'P50', 'P99', 'IN FLIGHT', 'CONN'],
    servers,
    room,
  );
  return lines.slice(0, rows);
}

const isText = (heading: string): boolean => ['LISTENER', 'ROUTE', 'POOL', 'SERVER', 'STATUS'].includes(heading);

function headline({ version, state, uptimeSeconds, generation, workers, lastReload }: Status): string {
  const reload = lastReload === null || lastReload.successful ? '' : '   LAST RELOAD REFUSED';
  return `sevenfold ${version}   ${state}   up ${ageText(uptimeSeconds * 1000)}   configuration ${generation}   workers ${workers}${reload}`;
}

function summary({ before, now, sort }: Frame, seconds: number): string {
  const all = totals(now.series.filter(({ raw }) => !raw));
  const { perSecond, errorsPerSecond, p50, p99 } = ratesOf(
    all,
    totals(before.series.filter(({ raw }) => !raw)),
    seconds,
  );
  const inFlight = now.pools.reduce(
    (sum, { servers }) => sum + servers.reduce((own, server) => own + server.inFlight, 0),
    0,
  );
  const waiting = now.pools.reduce((sum, pool) => sum + pool.waiting, 0);
  const share = perSecond === 0 ? 0 : (errorsPerSecond / perSecond) * 100;
  return (
    `requests ${rateText(perSecond)}/s   errors ${share.toFixed(share < 10 ? 1 : 0)} %   p50 ${timeText(p50)}   p99 ${timeText(p99)}   ` +
    `in flight ${inFlight}   waiting ${waiting}   sorted by ${sort}`
  );
}

function workersLine(before: Stats, now: Stats, seconds: number): string {
  const sum = (name: string): number => now.workers.reduce((all, worker) => all + (worker[name] ?? 0), 0);
  const busy = now.workers.map((worker, index) => {
    const then = before.workers[index]?.busySeconds ?? 0;
    return `${Math.min(100, Math.max(0, (((worker.busySeconds ?? 0) - then) / seconds) * 100)).toFixed(0)} %`;
  });
  const chunks = sum('slabChunks');
  const slab = chunks === 0 ? 0 : (sum('slabChunksUsed') / chunks) * 100;
  const delay = Math.max(0, ...now.workers.map(({ loopDelaySeconds = 0 }) => loopDelaySeconds));
  return (
    `clients ${sum('clientConnections')}   to servers ${sum('backendConnections')}   workers busy ${busy.join(' ')}   ` +
    `loop delay ${timeText(delay)}   slab ${slab.toFixed(0)} %`
  );
}

function seriesLines({ before, now }: Frame, seconds: number): Line[] {
  const key = ({ listener, route, pool, raw }: SeriesStats): string => JSON.stringify([listener, route, pool, raw]);
  const then = new Map(before.series.map((series) => [key(series), series]));
  return now.series.map((series) => {
    const { listener, route, pool, raw } = series;
    const old = then.get(key(series));
    const rates = ratesOf(series, old, seconds);
    const of = (place: number): string =>
      rateText(perSecond(series.classes[place]!, old?.classes[place] ?? 0, seconds));
    const out = perSecond(series.bytesOut, old?.bytesOut ?? 0, seconds);
    const codes = raw ? ['', '', '', '', ''] : [of(2), of(3), of(4), of(5), of(0)];
    const cells = [listener, raw ? '(unread)' : route, pool].map((text) => safe(text === '' ? '-' : text));
    return {
      cells: [...cells, rateText(rates.perSecond), ...codes, timeText(rates.p50), timeText(rates.p99), bytesText(out)],
      rates,
      inFlight: 0,
      name: cells.join(' '),
      isWrong: !raw && rates.errorsPerSecond > 0,
    };
  });
}

function serverLines({ before, now }: Frame, seconds: number): Line[] {
  const then = new Map(
    before.pools.flatMap(({ name, servers }) => servers.map((server) => [`${name} ${server.name}`, server])),
  );
  return now.pools.flatMap(({ name: pool, servers }) =>
    servers.map((server) => serverLine(pool, server, then.get(`${pool} ${server.name}`), seconds)),
  );
}

function serverLine(pool: string, server: ServerStats, old: ServerStats | undefined, seconds: number): Line {
  const { name, status, weight, inFlight, connections, failed, retries, classes } = server;
  const rates = ratesOf(server, old, seconds);
  const errors = perSecond(failed + classes[5]!, (old?.failed ?? 0) + (old?.classes[5] ?? 0), seconds);
  const again = perSecond(retries, old?.retries ?? 0, seconds);
  const isUp = status === 'UP' || status === 'SLOW_START';
  return {
    cells: [
      safe(pool),
      safe(name),
      status,
      String(Number(weight.toFixed(1))),
      rateText(rates.perSecond),
      rateText(errors),
      rateText(again),
      timeText(rates.p50),
      timeText(rates.p99),
      String(inFlight),
      String(connections),
    ],
    rates: { ...rates, errorsPerSecond: errors },
    inFlight,
    name: `${pool} ${name}`,
    isWrong: !isUp || errors > 0,
  };
}

const BY: Readonly<Record<Sort, (a: Line, b: Line) => number>> = {
  rate: (a, b) => b.rates.perSecond - a.rates.perSecond,
  p99: (a, b) => (b.rates.p99 ?? -1) - (a.rates.p99 ?? -1),
  errors: (a, b) => b.rates.errorsPerSecond - a.rates.errorsPerSecond,
  'in flight': (a, b) => b.inFlight - a.inFlight,
  name: () => 0,
};

const sorted = (lines: readonly Line[], sort: Sort): Line[] =>
  [...lines].sort((a, b) => BY[sort](a, b) || a.name.localeCompare(b.name));

function totals(all: readonly Counted[]): Counted {
  const add = (a: readonly number[], b: readonly number[]): number[] =>
    b.map((value, index) => value + (a[index] ?? 0));
  return all.reduce<Counted>(
    (sum, { classes, seconds, buckets }) => ({
      classes: add(sum.classes, classes),
      seconds: sum.seconds + seconds,
      buckets: add(sum.buckets, buckets),
    }),
    { classes: [], seconds: 0, buckets: [] },
  );
}

function ratesOf(now: Counted, before: Counted | undefined, seconds: number): Rates {
  const since = (a: readonly number[], b: readonly number[] | undefined): number[] =>
    // Counts that went back belong to another: its slot was given out again.
    a.map((value, index) => Math.max(0, value - (b?.[index] ?? 0)));
  const classes = since(now.classes, before?.classes);
  const buckets = since(now.buckets, before?.buckets);
  return {
    perSecond: classes.reduce((sum, count) => sum + count, 0) / seconds,
    errorsPerSecond: ((classes[0] ?? 0) + (classes[5] ?? 0)) / seconds,
    p50: quantile(buckets, 0.5),
    p99: quantile(buckets, 0.99),
  };
}

const perSecond = (now: number, before: number, seconds: number): number => Math.max(0, now - before) / seconds;

/** Seconds below which a share `q` of the durations lies, from their buckets, as Prometheus reckons it; null for none. */
export function quantile(buckets: readonly number[], q: number): number | null {
  const total = buckets.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let below = 0;
  for (const [index, count] of buckets.entries()) {
    const upper = DURATION_BOUNDS[index];
    if (upper === undefined) break;
    if (below + count >= q * total && count > 0) {
      const lower = index === 0 ? 0 : DURATION_BOUNDS[index - 1]!;
      return lower + (upper - lower) * ((q * total - below) / count);
    }
    below += count;
  }
  return DURATION_BOUNDS.at(-1)!;
}

/** `-`, `800µs`, `1.2ms`, `34ms`, `2.5s`. */
export function timeText(seconds: number | null): string {
  if (seconds === null) return '-';
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)}µs`;
  if (seconds < 1) return `${Number((seconds * 1000).toPrecision(seconds < 0.01 ? 2 : 3))}ms`;
  return `${Number(seconds.toPrecision(2))}s`;
}

export function rateText(rate: number): string {
  if (rate === 0) return '0';
  return rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString('en-US');
}

export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value >= 10 || unit === 0 ? Math.round(value) : value.toFixed(1)}${units[unit]}`;
}
