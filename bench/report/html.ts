// The report as one page: no script, no request to anywhere, light and dark by the reader's setting.
// The answer first, then plots, then every table. The plots' content is charts.ts.
import type { BenchResult } from '../result.js';
import { comparisonsOf, rowsOf } from '../summary.js';
import { comparisonSentence, warningsOf } from '../verdict.js';
import { chartsOf } from './charts.js';
import { renderCharts } from './render.js';
import { tablesOf } from './tables.js';
import { machineLine } from './terminal.js';

/** The page as text. */
export async function htmlReport(result: BenchResult): Promise<string> {
  const charts = chartsOf(result);
  const drawings = await renderCharts(charts);
  const figures =
    drawings === undefined
      ? '<p class="warning">The plots need the npm package echarts, which is not installed (npm install echarts). Every figure is in the tables.</p>'
      : charts
          .map(
            (chart, at) =>
              `<figure><h2>${escaped(chart.title)}</h2><div role="img" aria-label="${escaped(chart.caption)}">${drawings[at]}</div><figcaption>${escaped(chart.caption)}</figcaption></figure>`,
          )
          .join('\n');
  const warnings = warningsOf(result).map((warning) => `<li>${escaped(warning)}</li>`);
  const tables = tablesOf(result).map(
    ({ title, rows }) =>
      `<h3>${escaped(title)}</h3><div class="scroll"><table><thead><tr>${cells(rows[0]!, 'th')}</tr></thead><tbody>${rows
        .slice(1)
        .map((row) => `<tr>${cells(row, 'td')}</tr>`)
        .join('')}</tbody></table></div>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sevenfold benchmark, ${escaped(result.startedAt.slice(0, 10))}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>What does reading the request cost?</h1>
${answer(result)}
${warnings.length > 0 ? `<section class="warning"><h2>Mind</h2><ul>${warnings.join('')}</ul></section>` : ''}
${figures}
<section><h2>All figures</h2>
${tables.join('\n')}</section>
<footer><p>${escaped(machineText(result))}</p><p><code>${escaped(result.command)}</code>, ${escaped(result.startedAt)}, ${result.seconds} s.</p>
${result.leftOut.length > 0 ? `<p>Left out, or not as it should be: ${escaped(result.leftOut.map((one) => `${one.contestant} (${one.reason})`).join('; '))}.</p>` : ''}</footer>
</main>
</body>
</html>
`;
}

/** The comparisons of the first workload as sentences; the first one large. */
function answer(result: BenchResult): string {
  const main = result.workloads.find(({ id }) => rowsOf(result, id).length > 0);
  if (main === undefined) return '<p>Nothing was measured.</p>';
  const found = comparisonsOf(result, main.id);
  const items = found.map(
    (one) => `<li><strong>${escaped(one.title)}</strong>: ${escaped(comparisonSentence(one))}</li>`,
  );
  const first = found[0];
  const lead =
    first === undefined
      ? ''
      : `<p class="lead">${first.ratio.median.toFixed(2)}<span> × (${first.ratio.min.toFixed(2)}..${first.ratio.max.toFixed(2)}) ${escaped(`${first.of} over ${first.over}, CPU time per request`)}</span></p>`;
  return `${lead}<p>${escaped(main.title)}, ${main.connections} connections. Ratios of CPU time per request, median of paired rounds with the least and the greatest.</p><ul>${items.join('')}</ul>`;
}

function machineText(result: BenchResult): string {
  const tools = Object.values(result.machine.tools).join(', ');
  return `${machineLine(result)}; ${tools}. ${result.pinning}; load by ${result.load}; origin: ${result.origin}.`;
}

function cells(row: readonly string[], tag: 'th' | 'td'): string {
  return row
    .map((cell, at) =>
      at === 0
        ? `<th scope="${tag === 'th' ? 'col' : 'row'}">${escaped(cell)}</th>`
        : `<${tag}>${escaped(cell)}</${tag}>`,
    )
    .join('');
}

/** Text for HTML, attribute values included. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

const STYLE = `
:root{color-scheme:light dark;--page:#fff;--text:#1f2430;--soft:#5b6475;--grid:#d9dde5;--warn:#fff4d6;--sevenfold:#c2410c;--nginx:#15803d;--haproxy:#1d4ed8;--direct:#6b7280;--other:#7e22ce;--series-0:#c2410c;--series-1:#1d4ed8;--series-2:#15803d;--series-3:#7e22ce}
@media (prefers-color-scheme:dark){:root{--page:#14171d;--text:#e6e9ef;--soft:#a3adbd;--grid:#343b48;--warn:#3a3013;--sevenfold:#fb923c;--nginx:#4ade80;--haproxy:#7aa7ff;--direct:#9ca3af;--other:#d8a1ff;--series-0:#fb923c;--series-1:#7aa7ff;--series-2:#4ade80;--series-3:#d8a1ff}}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,sans-serif}
main{max-width:52rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.7rem;margin:.5rem 0}h2{font-size:1.15rem;margin:1.6rem 0 .4rem}h3{font-size:1rem;margin:1.4rem 0 .3rem}
.lead{font-size:3rem;font-weight:700;margin:.2rem 0;color:var(--sevenfold)}.lead span{font-size:1rem;font-weight:400;color:var(--text)}
figure{margin:1.5rem 0}figure svg{display:block;width:100%;height:auto}figcaption,footer{color:var(--soft);font-size:.9rem}
.warning{background:var(--warn);border-radius:.5rem;padding:.2rem 1rem .6rem;margin:1rem 0}.warning h2{margin:.5rem 0 0}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid var(--grid);white-space:nowrap;font-weight:400}
th:first-child{text-align:left}thead th{color:var(--soft)}
`;
