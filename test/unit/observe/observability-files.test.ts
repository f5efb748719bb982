// The alert rules and the dashboard that are shipped: valid, and about metrics that exist.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promtool } from '../../support/metrics.js';

const path = (file: string): string => fileURLToPath(new URL(`../../../${file}`, import.meta.url));
const read = (file: string): string => readFileSync(path(file), 'utf8');

const sources = ['src/primary/metrics.ts', 'src/admin/metrics.ts', 'src/observe/metrics/process.ts']
  .map(read)
  .join('\n');
const known = new Set<string>([...sources.matchAll(/'((?:sevenfold|process)_\w+)'/g)].map(([, name]) => name!));
const page = read('docs/metrics.md');
const files = ['docs/observability/alerts.yaml', 'docs/observability/grafana.json'];

for (const file of files) {
  test(`${file} asks for metrics that exist`, () => {
    const asked = new Set([...read(file).matchAll(/\bsevenfold_\w+/g)].map(([name]) => name.replace(/_bucket$/, '')));
    assert.ok(asked.size > 8, `${asked.size} metrics`);
    assert.deepEqual(
      [...asked].filter((name) => !known.has(name)),
      [],
    );
  });
}

test('docs/metrics.md has every metric, and no other', () => {
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  const listed = new Set(
    rows.flatMap((row) => [...row.split(' | ')[0]!.matchAll(/(?:sevenfold|process)_\w+/g)].map(([name]) => name)),
  );
  assert.deepEqual(
    [...known].filter((name) => !listed.has(name)),
    [],
    'not on the page',
  );
  const queried = [...listed].filter((name) => !known.has(name));
  assert.deepEqual(queried, [], 'on the page alone');
});

test('the dashboard is one that Grafana reads: panels with places and numbers of their own', () => {
  const { panels } = JSON.parse(read('docs/observability/grafana.json')) as {
    panels: { id: number; gridPos: object; targets: { expr: string }[] }[];
  };
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  assert.equal(new Set(panels.map(({ gridPos }) => JSON.stringify(gridPos))).size, panels.length);
  for (const { targets } of panels) assert.ok(targets.every(({ expr }) => expr !== ''));
});

test('promtool accepts the alert rules', (t) => {
  const checked = promtool(['check', 'rules', path('docs/observability/alerts.yaml')]);
  if (checked === null) t.skip('promtool is not installed');
  else assert.equal(checked.status, 0, checked.said);
});
