// The text of a scrape, in both formats.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundText, Exposition, formatFor, labels, type Wanted } from '../../../src/observe/metrics/exposition.js';
import { promtool } from '../../support/metrics.js';

const ALL: Wanted = { scopes: new Set(), names: new Set() };
const REQUESTS = { name: 'a_requests_total', kind: 'counter', help: 'Requests.', scope: 'route' } as const;
const BUILD = { name: 'a_build_info', kind: 'info', help: 'What runs.', scope: 'process' } as const;
const TIMES = { name: 'a_seconds', kind: 'histogram', help: 'Times.', scope: 'route' } as const;

function written(format: 'prometheus' | 'openmetrics', wanted = ALL): string {
  const out = new Exposition(format, wanted);
  if (out.begin(BUILD)) out.sample(labels({ version: '1' }), 1);
  if (out.begin(REQUESTS)) out.sample('', 3);
  if (out.begin(TIMES)) out.histogram('pool="x"', ['0.5', '1.0'], Float64Array.of(1, 2, 4), 0, 7.5);
  return out.end();
}

const HISTOGRAM = `# HELP a_seconds Times.
# TYPE a_seconds histogram
a_seconds_bucket{pool="x",le="0.5"} 1
a_seconds_bucket{pool="x",le="1.0"} 3
a_seconds_bucket{pool="x",le="+Inf"} 7
a_seconds_sum{pool="x"} 7.5
a_seconds_count{pool="x"} 7
`;

test('the text format names counters in full and shows an info as a gauge', () => {
  assert.equal(
    written('prometheus'),
    `# HELP a_build_info What runs.
# TYPE a_build_info gauge
a_build_info{version="1"} 1
# HELP a_requests_total Requests.
# TYPE a_requests_total counter
a_requests_total 3
${HISTOGRAM}`,
  );
});

test('OpenMetrics names families without their suffix and ends with # EOF', () => {
  assert.equal(
    written('openmetrics'),
    `# HELP a_build What runs.
# TYPE a_build info
a_build_info{version="1"} 1
# HELP a_requests Requests.
# TYPE a_requests counter
a_requests_total 3
${HISTOGRAM}# EOF
`,
  );
});

test('a scrape may ask for one scope, or for metrics by name', () => {
  const named = (text: string) => [...text.matchAll(/# TYPE (\w+)/g)].map(([, name]) => name);
  assert.deepEqual(named(written('prometheus', { ...ALL, scopes: new Set(['route']) })), [
    'a_requests_total',
    'a_seconds',
  ]);
  assert.deepEqual(named(written('prometheus', { ...ALL, names: new Set(['a_seconds']) })), ['a_seconds']);
});

test('labels escape backslashes, quotes and line feeds', (t) => {
  assert.equal(labels({ pool: 'a"b\\c\nd', n: 1 }), 'pool="a\\"b\\\\c\\nd",n="1"');
  const out = new Exposition('prometheus', ALL);
  if (out.begin(REQUESTS)) out.sample(labels({ pool: 'a"b\\c\nd' }), 1);
  const checked = promtool(['check', 'metrics'], out.end());
  if (checked === null) t.diagnostic('promtool is not installed: not asked');
  else assert.equal(checked.status, 0, checked.said);
});

test('a bound is a decimal number in both formats', () => {
  assert.deepEqual([0.001, 1, 2.5, 10].map(boundText), ['0.001', '1.0', '2.5', '10.0']);
});

test('OpenMetrics is given only to those that name it and like it as well as plain text', () => {
  for (const [accept, format] of [
    ['', 'prometheus'],
    ['*/*', 'prometheus'],
    ['text/plain', 'prometheus'],
    ['application/openmetrics-text; version=1.0.0', 'openmetrics'],
    ['application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1', 'openmetrics'],
    ['application/openmetrics-text;q=0.1, text/plain;q=0.9', 'prometheus'],
    ['application/openmetrics-text;q=0', 'prometheus'],
  ] as const) {
    assert.equal(formatFor(accept), format, accept);
  }
});
