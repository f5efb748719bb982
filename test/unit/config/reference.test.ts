// The generated files must be those that the schema makes, and what they show must work.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseConfig } from '../../../src/config/load.js';
import { referencePage } from '../../../src/config/reference.js';
import { jsonSchema } from '../../../src/config/schema.js';

const docs = new URL('../../../docs/', import.meta.url);
const page = referencePage();

test('docs/configuration.md is what the schema says; else run `make generate`', () => {
  assert.equal(readFileSync(new URL('configuration.md', docs), 'utf8'), page);
});

test('docs/sevenfold.schema.json is what the schema says; else run `make generate`', () => {
  assert.deepEqual(JSON.parse(readFileSync(new URL('sevenfold.schema.json', docs), 'utf8')), jsonSchema());
});

test('the reference page gives every option a kind, a default and a meaning', () => {
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  assert.ok(rows.length > 60, `${rows.length} rows`);
  for (const row of rows) {
    const cells = row.slice(1, -1).split(' | ');
    assert.equal(cells.length, 4, row);
    for (const cell of cells) assert.notEqual(cell.trim(), '', row);
  }
});

test('the reference page gives every number the range that a configuration is held to', () => {
  const numbers = page.split('\n').filter((line) => /^\| `\w+` \| (whole )?number \|/.test(line));
  assert.ok(numbers.length > 20, `${numbers.length} numbers`);
  for (const row of numbers) assert.match(row, /Limit: \S+ to \S+.* \|$/, row);

  const [, most = ''] =
    /`retriesMax` \| whole number \| `limits.retriesMax` .* Limit: 0 to (\d+)\. \|/.exec(page) ?? [];
  const attempted = (retriesMax: number) => () =>
    parseConfig(
      `{"listeners":[{"address":":80"}],"routes":[{"rules":[{"pool":"a"}]}],"pools":{"a":{"servers":[{"address":"a:1"}],` +
        `"retry":{"retriesMax":${retriesMax}}}}}`,
      'a.json',
    );
  assert.doesNotThrow(attempted(Number(most)));
  assert.throws(attempted(Number(most) + 1));
});

test('the example of the reference page loads without a warning', () => {
  const example = /```yaml\n(.*?)```/s.exec(page)?.[1] ?? '';
  assert.deepEqual(parseConfig(example, 'example.yaml').warnings, []);
});

test('the JSON Schema names every section and refuses others', () => {
  const { properties, additionalProperties, required } = jsonSchema();
  assert.ok(typeof properties === 'object' && properties !== null);
  const sections = [
    'listeners',
    'routes',
    'pools',
    'filters',
    'errorPages',
    'accessLog',
    'limits',
    'timeouts',
    'trustedProxies',
    'nameservers',
    'admin',
    'metrics',
    'tests',
    '$schema',
  ];
  assert.deepEqual(Object.keys(properties), sections);
  assert.equal(additionalProperties, false);
  assert.deepEqual(required, ['listeners']);
});
