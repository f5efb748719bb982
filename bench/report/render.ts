// Renders plots to SVG text with ECharts, which needs no browser for it.
// The library is optional: without it the page has its tables and says what is missing.
import type { Chart } from './charts.js';

/** SVG of each chart, in order; undefined when echarts is not installed. */
export async function renderCharts(charts: readonly Chart[]): Promise<string[] | undefined> {
  const library = await loadLibrary();
  if (library === undefined) return undefined;
  return charts.map(({ option, width, height }) => {
    const chart = library.init(null, null, { renderer: 'svg', ssr: true, width, height });
    try {
      chart.setOption(option);
      return fluid(chart.renderToSVGString());
    } finally {
      // An instance left behind keeps timers, and with them the process.
      chart.dispose();
    }
  });
}

/** Lets the page scale the drawing: the view box stays, the fixed size goes. */
function fluid(svg: string): string {
  return svg.replace(/^<svg width="\d+" height="\d+"/, '<svg');
}

async function loadLibrary(): Promise<typeof import('echarts/core') | undefined> {
  try {
    const core = await import('echarts/core');
    const { BarChart, LineChart, ScatterChart } = await import('echarts/charts');
    const { GridComponent, LegendComponent, MarkLineComponent } = await import('echarts/components');
    const { SVGRenderer } = await import('echarts/renderers');
    core.use([BarChart, LineChart, ScatterChart, GridComponent, LegendComponent, MarkLineComponent, SVGRenderer]);
    return core;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
