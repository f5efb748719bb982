// Filters around a rule, in the words of `explain`, `routes` and `diff`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diff } from '../../../src/cli/diff.js';
import { explain } from '../../../src/cli/explain.js';
import { file, plain } from './files.js';

const set = (type: string, value: string): string => {
  const key = type[0]!.toLowerCase() + type.slice(1);
  return `{ type: ${type}, ${key}: { set: [{ name: X-Of, value: ${value} }] } }`;
};
const TEXT = `listeners:
  - { name: web, address: ":8080", filters: [${set('RequestHeaderModifier', 'web')}] }
  - { address: ":8081" }
filters: [${set('ResponseHeaderModifier', 'all')}]
routes:
  - filters: [${set('RequestHeaderModifier', 'route')}]
    rules:
      - { name: api, matches: [{ path: { value: /api } }], filters: [${set('RequestHeaderModifier', 'rule')}], pool: api }
      - { name: gone, filters: [{ type: DirectResponse, directResponse: { status: 410 } }] }
pools: { api: { servers: [{ address: 10.0.0.11:3000 }] } }
`;
const config = file('layers.yaml', TEXT);

async function actions(request: string): Promise<string[]> {
  const { out } = await explain(request, { config, json: true });
  return JSON.parse(out).actions;
}

test('explain lists the filters around a rule, the outermost first, with whose they are', async () => {
  assert.deepEqual(await actions('GET http://a.example:8080/api'), [
    'pool api',
    'ResponseHeaderModifier: set X-Of: all (all)',
    'RequestHeaderModifier: set X-Of: web (listener web)',
    'RequestHeaderModifier: set X-Of: route (route)',
    'RequestHeaderModifier: set X-Of: rule',
  ]);
  assert.deepEqual((await actions('GET http://a.example:8081/api')).slice(1, 3), [
    'ResponseHeaderModifier: set X-Of: all (all)',
    'RequestHeaderModifier: set X-Of: route (route)',
  ]);
  const { out } = await explain('GET http://a.example:8080/api', { config });
  assert.match(plain(out), /^ {2}RequestHeaderModifier: set X-Of: web \(listener web\)$/m);
});

test('of a rule that answers, only what changes the answer is listed', async () => {
  assert.deepEqual(await actions('GET http://a.example:8080/'), [
    'ResponseHeaderModifier: set X-Of: all (all)',
    'DirectResponse: 410, 0 bytes of body',
  ]);
});

test('diff says which filters have changed, wherever they stand', async () => {
  const text = async (from: string, to: string): Promise<string> =>
    plain((await diff(config, file('changed.yaml', TEXT.replace(from, to)))).out);
  assert.match(await text('value: all', 'value: every'), /filters\[0\].*all → every/);
  assert.match(await text('value: web', 'value: net'), /listener :8080 filters\[0\].*web → net/);
  assert.match(await text('value: route', 'value: other'), /- RequestHeaderModifier: set X-Of: route \(route\)/);
});
