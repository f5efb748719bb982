// The JSON Schema as an editor applies it: it must not complain about what loads, and should about plain slips.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { z } from 'zod';
import { referencePage } from '../../../src/config/reference.js';
import { readYaml } from '../../../src/config/yaml.js';

const schema = z.fromJSONSchema(
  JSON.parse(readFileSync(new URL('../../../docs/sevenfold.schema.json', import.meta.url), 'utf8')),
);

function accepts(value: unknown): boolean {
  return schema.safeParse(value).success;
}

test('accepts what loads without a word', () => {
  const allowed = readFileSync(new URL('./mistakes/allowed.md', import.meta.url), 'utf8');
  const texts = [...`${allowed}\n${referencePage()}`.matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1]!);
  assert.ok(texts.length > 5);
  for (const text of texts) assert.ok(accepts(readYaml('shop.yaml', text).value), text);
});

test('refuses unknown keys, missing parts, words out of a list and numbers out of their range', () => {
  const base = { listeners: [{ address: ':8080' }], pools: { api: { servers: [] } } };
  assert.ok(accepts(base));
  const slips: Record<string, object> = {
    'an unknown section': { ...base, listener: [] },
    'no listener': { ...base, listeners: [] },
    'an address without a port': { ...base, listeners: [{ address: '127.0.0.1' }] },
    'an unknown protocol': { ...base, listeners: [{ address: ':8080', protocol: 'htp' }] },
    'a duration without a unit': { ...base, timeouts: { idle: 5 } },
    'a duration with a number but no unit in it': { ...base, timeouts: { idle: '1h30' } },
    'a duration with an unknown unit': { ...base, timeouts: { idle: '5sec' } },
    'a number over its limit': { ...base, limits: { fieldsMax: 1001 } },
    'an unknown filter': { ...base, routes: [{ rules: [{ filters: [{ type: 'Rewrite' }] }] }] },
    'a number as a text': { ...base, routes: [{ rules: [{ matches: [{ cookies: [{ name: 'a', value: 1 }] }] }] }] },
  };
  for (const [name, value] of Object.entries(slips)) assert.ok(!accepts(value), name);
});
