// The plots of the page: what goes on which axis. Every colour is a CSS variable, so one SVG serves light and dark.
// Rendering is render.ts; the page around them is html.ts.
import type { EChartsCoreOption } from 'echarts/core';
import { recommend } from '../recommend.js';
import type { BenchResult, OpenLoopFigures } from '../result.js';
import type { Spread } from '../stats.js';
import { comparisonsOf, type Row, rowsOf } from '../summary.js';
import { bottleneckOf } from '../verdict.js';

/** A plot, ready to render: its option for the charting library, its size, and what it shows, in words. */
export interface Chart {
  readonly title: string;
  readonly caption: string;
  readonly width: number;
  readonly height: number;
  readonly option: EChartsCoreOption;
}

const TEXT = { color: 'var(--text)', fontSize: 12, opacity: 1 };
const WIDTH = 760;
/** Modes of one family share a colour; the stroke tells them apart. */
const DASHES: Readonly<Record<string, string>> = { direct: 'dashed', l4: 'dashed', 'l7-rules': 'dotted' };

/** The plots that this result has figures for, the main question first. */
export function chartsOf(result: BenchResult): Chart[] {
  const main = result.workloads.find(({ id }) => rowsOf(result, id).length > 0);
  if (main === undefined) return [];
  const rows = rowsOf(result, main.id);
  return [
    cpuChart(rows, main.title),
    throughputChart(rows, main.title),
    ...overheadChart(result),
    ...latencyCharts(result),
    ...scalingChart(result),
  ];
}

function cpuChart(rows: readonly Row[], workload: string): Chart {
  const shown = rows.filter((row) => row.totalUs !== undefined);
  const bars = (name: string, pick: (row: Row) => Spread | undefined, opacity: number, labelled: boolean) => ({
    name,
    type: 'bar',
    stack: 'cpu',
    silent: true,
    itemStyle: { color: 'var(--other)', opacity },
    label: { ...TEXT, show: labelled, position: 'right', formatter: '{b|{b}}' },
    data: shown.map((row) => ({
      value: round(pick(row)?.median ?? 0, 2),
      itemStyle: { color: colourOf(row.contestant), opacity },
      label: { ...TEXT, show: labelled, position: 'right', formatter: withSpread(row.totalUs!, 1) },
    })),
  });
  return {
    title: 'CPU time per request',
    caption: `${workload}: microseconds of the proxy's process, all threads; user time solid, system time pale. Median of the rounds, and their least and greatest sum.`,
    ...barFrame(
      shown.map((row) => row.contestant),
      [bars('user', (row) => row.userUs, 1, false), bars('system', (row) => row.systemUs, 0.45, true)],
      'µs',
    ),
  };
}

function throughputChart(rows: readonly Row[], workload: string): Chart {
  const data = rows.map((row) => ({
    value: Math.round(row.perSecond.median),
    itemStyle: { color: colourOf(row.contestant), opacity: bottleneckOf(row) === 'load' ? 0.45 : 1 },
    label: { ...TEXT, show: true, position: 'right', formatter: withSpread(row.perSecond, 0) },
  }));
  return {
    title: 'Requests per second',
    caption: `${workload}: one worker, as fast as answers come. Pale bars: the load generator was the bottleneck, so the proxy could have done more.`,
    ...barFrame(
      rows.map((row) => row.contestant),
      [{ type: 'bar', silent: true, data }],
      'requests/s',
    ),
  };
}

/** What reading the request costs, by workload: a dot for the median, a line from least to greatest. */
function overheadChart(result: BenchResult): Chart[] {
  const points = result.workloads.flatMap(({ id, title }) => {
    const found = comparisonsOf(result, id).find((one) => one.of === 'sevenfold-l7' && one.over === 'sevenfold-l4');
    return found === undefined ? [] : [{ title, ratio: found.ratio }];
  });
  if (points.length === 0) return [];
  const range = points.map(({ ratio }, at) => ({
    type: 'line',
    silent: true,
    symbol: 'none',
    lineStyle: { color: 'var(--sevenfold)', width: 3 },
    data: [
      [round(ratio.min, 3), at],
      [round(ratio.max, 3), at],
    ],
  }));
  const dots = {
    type: 'scatter',
    silent: true,
    symbolSize: 11,
    itemStyle: { color: 'var(--sevenfold)' },
    label: {
      ...TEXT,
      show: true,
      position: 'top',
      formatter: (one: { dataIndex: number }) => withSpread(points[one.dataIndex]!.ratio, 2),
    },
    data: points.map(({ ratio }, at) => [round(ratio.median, 3), at]),
    markLine: {
      silent: true,
      symbol: 'none',
      label: { show: false },
      lineStyle: { color: 'var(--text)', type: 'dashed' },
      data: [{ xAxis: 1 }],
    },
  };
  const frame = barFrame(
    points.map(({ title }) => title),
    [...range, dots],
    'CPU time of Layer 7 / Layer 4',
    44,
  );
  return [
    {
      ...frame,
      title: 'The price of reading the request',
      caption:
        'Sevenfold at Layer 7 over Sevenfold at Layer 4: ratio of CPU time per request in paired rounds; the dot is the median, the line goes from least to greatest. At the dashed line reading would cost nothing.',
      option: {
        ...frame.option,
        grid: { left: 270, right: 40, top: 24, bottom: 44 },
        // The line at 1, where reading would cost nothing, has to be in sight.
        xAxis: {
          ...valueAxis('Layer 7 / Layer 4'),
          min: ({ min }: { min: number }) => Math.min(0.9, Math.floor(min * 10) / 10),
        },
      },
    },
  ];
}

function latencyCharts(result: BenchResult): Chart[] {
  const workloads = new Set(result.openLoop.map((run) => run.workload));
  return [...workloads].map((workload) => {
    const runs = result.openLoop.filter((run) => run.workload === workload);
    const title = result.workloads.find(({ id }) => id === workload)?.title ?? workload;
    const series = result.contestants.flatMap(({ id, mode }) => {
      const data = medianCurve(runs.filter((run) => run.contestant === id));
      if (data.length === 0) return [];
      const line = { color: colourOf(id), width: 2, type: DASHES[mode] ?? 'solid' };
      return [
        {
          name: id,
          type: 'line',
          silent: true,
          symbol: 'none',
          lineStyle: line,
          itemStyle: { color: colourOf(id) },
          data,
        },
      ];
    });
    return {
      title: `Latency by percentile at ${runs[0]!.ratePerSecond} requests/s`,
      caption: `${title}: from the time each request was due to its last byte, so that a stall counts against every request it held up. Medians of the rounds.`,
      width: WIDTH,
      height: 380,
      option: {
        ...common(series),
        legend: { top: 0, textStyle: TEXT, itemHeight: 8 },
        grid: { left: 64, right: 24, top: 56, bottom: 48 },
        xAxis: {
          ...valueAxis('percentile'),
          type: 'log',
          min: 1,
          axisLabel: { ...TEXT, formatter: (value: number) => `${percentileText(value)}` },
        },
        yAxis: { ...valueAxis('ms'), type: 'log' },
      },
    };
  });
}

/** Points (1 in how many requests is slower, milliseconds), the median over runs at each percentile that all have. */
function medianCurve(runs: readonly OpenLoopFigures[]): Array<[number, number]> {
  const first = runs[0];
  if (first === undefined) return [];
  return first.curve.flatMap(([percentile]) => {
    const values = runs
      .flatMap((run) => run.curve.find(([other]) => other === percentile)?.[1] ?? [])
      .sort((a, b) => a - b);
    if (values.length < runs.length) return [];
    const point: [number, number] = [
      round(1 / (1 - percentile / 100), 2),
      round(values[Math.floor(values.length / 2)]! / 1000, 3),
    ];
    return [point];
  });
}

function scalingChart(result: BenchResult): Chart[] {
  const advice = recommend(result.sweep, result.machine.cores.length);
  if (advice === undefined) return [];
  const counts = [...new Set(advice.settings.map(({ workers }) => workers))];
  const kinds = [...new Set(advice.settings.map(({ accept, pin }) => `${accept}${pin ? ', pinned' : ''}`))];
  const series = kinds.map((kind, at) => ({
    name: kind,
    type: 'line',
    silent: true,
    symbolSize: 8,
    lineStyle: { color: `var(--series-${at})`, width: 2 },
    itemStyle: { color: `var(--series-${at})` },
    data: counts.map((count) => {
      const found = advice.settings.find(
        (one) => one.workers === count && `${one.accept}${one.pin ? ', pinned' : ''}` === kind,
      );
      return found === undefined ? null : Math.round(found.perSecond.median);
    }),
  }));
  return [
    {
      title: 'Scaling by workers',
      caption: advice.sentence,
      width: WIDTH,
      height: 320,
      option: {
        ...common(series),
        legend: { top: 0, textStyle: TEXT },
        grid: { left: 72, right: 24, top: 48, bottom: 48 },
        xAxis: {
          ...categoryAxis(counts.map(String)),
          name: 'workers',
          nameLocation: 'middle',
          nameGap: 28,
          nameTextStyle: TEXT,
        },
        yAxis: valueAxis('requests/s'),
      },
    },
  ];
}

function barFrame(
  names: readonly string[],
  series: readonly object[],
  unit: string,
  rowHeight = 34,
): Pick<Chart, 'width' | 'height' | 'option'> {
  return {
    width: WIDTH,
    height: 70 + rowHeight * names.length,
    option: {
      ...common(series),
      grid: { left: 12, right: 150, top: 12, bottom: 36, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
      xAxis: valueAxis(unit),
      yAxis: { ...categoryAxis(names), inverse: true },
    },
  };
}

function common(series: readonly object[]): EChartsCoreOption {
  return { animation: false, backgroundColor: 'transparent', textStyle: TEXT, series };
}

function valueAxis(name: string): Record<string, unknown> {
  return {
    type: 'value',
    name,
    nameLocation: 'middle',
    nameGap: name.length > 3 ? 30 : 34,
    nameTextStyle: TEXT,
    axisLabel: TEXT,
    axisLine: { lineStyle: { color: 'var(--grid)' } },
    splitLine: { lineStyle: { color: 'var(--grid)' } },
    minorSplitLine: { show: false },
  };
}

function categoryAxis(names: readonly string[]): Record<string, unknown> {
  return {
    type: 'category',
    data: names,
    axisLabel: TEXT,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: 'var(--grid)' } },
  };
}

/** A colour per family, so that L4 and L7 of one proxy read as relatives. */
export function colourOf(contestant: string): string {
  const family = ['sevenfold', 'nginx', 'haproxy', 'direct'].find((name) => contestant.startsWith(name));
  return `var(--${family ?? 'other'})`;
}

function withSpread(spread: Spread, digits: number): string {
  const text = (value: number): string =>
    digits === 0 ? Math.round(value).toLocaleString('en') : value.toFixed(digits);
  return spread.rounds === 1
    ? text(spread.median)
    : `${text(spread.median)}  (${text(spread.min)}..${text(spread.max)})`;
}

function percentileText(oneIn: number): string {
  return `p${round(100 - 100 / oneIn, 4)}`;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
