// `priority` of rules, in the words of `routes`, `explain`, `diff` and `check`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../../../src/cli/check.js';
import { diff } from '../../../src/cli/diff.js';
import { explain } from '../../../src/cli/explain.js';
import { routes } from '../../../src/cli/routes.js';
import { file, plain } from './files.js';

const TEXT = `listeners: [{ address: ":8080" }]
routes:
  - hostnames: [a.example]
    rules: [{ name: exact, matches: [{ path: { type: Exact, value: /x } }], pool: api }]
  - rules:
      - { name: blocked, priority: 100, matches: [{ clientAddress: 203.0.113.0/24 }], filters: [{ type: DirectResponse, directResponse: { status: 403 } }] }
      - { name: last, priority: -1, pool: api }
pools: { api: { servers: [{ address: 10.0.0.11:3000 }] } }
`;
const config = file('first.yaml', TEXT);

test('routes lists priorities, the highest first', async () => {
  const { out } = await routes({ config });
  const rows = out.split('\n').map((line) => line.split(/ {2,}/));
  assert.deepEqual(rows[0]!.slice(0, 3), ['#', 'PRIORITY', 'HOST']);
  assert.deepEqual(
    rows.slice(1, 4).map((row) => [row[1], row[6]]),
    [
      ['100', 'blocked'],
      ['0', 'exact'],
      ['-1', 'last'],
    ],
  );
});

test('explain says that a rule lost by its priority', async () => {
  const { out } = await explain('GET http://a.example:8080/x', { config, client: '203.0.113.9' });
  assert.match(plain(out), /^goes to blocked,/m);
  assert.match(plain(out), /^ {2}priority 100$/m);
  assert.match(plain(out), /^not to exact,.*\n {2}it matches too, but has a lower priority$/m);
  assert.match(plain((await explain('GET http://a.example:8080/x', { config })).out), /^goes to exact,/m);
  assert.match(plain((await explain('GET http://a.example:8080/y', { config })).out), /^goes to last,/m);
});

test('diff says which priority has changed', async () => {
  const now = file('second.yaml', TEXT.replace('priority: 100', 'priority: 7'));
  const text = plain((await diff(config, now)).out);
  assert.match(text, /changed rule blocked.*- priority 100\n {6}\+ priority 7/s);
});

test('check warns of what a higher priority takes every request from', async () => {
  const warned = async (first: string, second: string): Promise<boolean> => {
    const text = `listeners: [{ address: ":8080" }]
routes: [${first}, ${second}]
pools: { api: { servers: [{ address: 10.0.0.11:3000 }] } }
`;
    const { code, err } = await check({ config: file('shadowed.yaml', text) });
    assert.equal(code, 0, err);
    return /No request reaches this rule/.test(err);
  };
  const route = (hosts: string, priority: number, match: string): string =>
    `{ ${hosts === '' ? '' : `hostnames: [${hosts}], `}rules: [{ priority: ${priority}, matches: [{ ${match} }], pool: api }] }`;
  const path = (value: string, type = 'PathPrefix'): string => `path: { type: ${type}, value: ${value} }`;
  const narrow = route('a.b.example', 0, path('/x/y', 'Exact'));
  assert.equal(await warned(route('', 1, path('/')), narrow), true);
  assert.equal(await warned(route('"*.example"', 1, path('/x')), narrow), true);
  assert.equal(await warned(route('"*.b.example"', 1, path('/x/y')), narrow), true);
  assert.equal(await warned(route('', 0, path('/')), narrow), false);
  assert.equal(await warned(route('', -1, path('/')), narrow), false);
  assert.equal(await warned(route('"*.c.example"', 1, path('/')), narrow), false);
  assert.equal(await warned(route('', 1, path('/x/z')), narrow), false);
  assert.equal(await warned(route('', 1, 'method: GET'), narrow), false);
  assert.equal(await warned(route('', 1, 'method: GET'), route('a.example', 0, `method: GET, ${path('/x')}`)), true);
  // An expression behind a prefix, unless it has the higher priority.
  const expression = (priority: number): string => route('', priority, path('/x/.*', 'RegularExpression'));
  assert.equal(await warned(route('', 0, path('/x')), expression(0)), true);
  assert.equal(await warned(route('', 0, path('/x')), expression(1)), false);
});
