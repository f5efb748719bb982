// `sevenfold routes`: the table in order of precedence.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routes } from '../../../src/cli/routes.js';
import { file, plain, RAW, SHOP } from './files.js';

test('lists every match under every host, the one that wins first', async () => {
  const { code, out } = await routes({ config: file('shop.yaml', SHOP) });
  assert.equal(code, 0);
  const rows = plain(out).split('\n');
  assert.match(rows[0]!, /^# {2}HOST +PATH +METHOD +CONDITIONS +RULE +GOES TO +WHERE$/);
  const cells = rows.slice(1, 8).map((row) => row.split(/ {2,}/));
  assert.deepEqual(
    cells.map(([, host, path, method, , rule, target]) => [host, path, method, rule, target]),
    [
      ['shop.example.com', 'prefix /images', 'any', 'images', 'images'],
      ['shop.example.com', 'prefix /api', 'POST', 'canary', 'api 90 %, api-next 10 %'],
      ['shop.example.com', 'prefix /api', 'any', 'routes[0].rules[2]', 'api'],
      ['old.example.com', 'prefix /', 'any', 'routes[1].rules[0]', 'redirect 308'],
      ['*.shop.example.com', 'prefix /images', 'any', 'images', 'images'],
      ['*.shop.example.com', 'prefix /api', 'POST', 'canary', 'api 90 %, api-next 10 %'],
      ['*.shop.example.com', 'prefix /api', 'any', 'routes[0].rules[2]', 'api'],
    ],
  );
  assert.equal(cells[1]![4], 'cookie beta is "true", header accept contains "json"');
  assert.equal(cells[2]![4], 'client in 10.0.0.0/8');
  assert.match(out, /\n7 matches, first match wins\.\n$/);
});

test('JSON carries the actions in full', async () => {
  const lines = JSON.parse((await routes({ config: file('shop.yaml', SHOP), json: true })).out);
  assert.deepEqual(lines[1].actions, [
    'pool api gets 90 %',
    'pool api-next gets 10 %',
    'RequestHeaderModifier: set X-Tier: beta',
    'the whole request may take 10000 ms',
  ]);
  assert.deepEqual([lines[1].place.line, lines[1].place.column], [11, 13]);
});

test('lists the listeners that redirect, also when there are no rules', async () => {
  const text = 'listeners: [{ address: ":1", redirectToHttps: 443 }]\npools: {}\n';
  const [heading, row, ...rest] = plain((await routes({ config: file('redirect.yaml', text) })).out).split('\n');
  assert.match(heading!, /^LISTENER/);
  assert.deepEqual(row!.split(/ {2,}/), [':1', 'http', '*', 'redirect 308 to https at port 443', 'redirect.yaml:1:47']);
  assert.deepEqual(rest, ['']);
});

test('lists where raw listeners lead, the name that wins first', async () => {
  const { code, out } = await routes({ config: file('raw.yaml', RAW) });
  assert.equal(code, 0);
  const [heading, ...rows] = plain(out).trimEnd().split('\n');
  assert.match(heading!, /^LISTENER +PROTOCOL +SERVER NAME +GOES TO +WHERE$/);
  assert.deepEqual(
    rows.map((row) => row.split(/ {2,}/)),
    [
      [':8443', 'tls-passthrough', 'shop.example.com', 'shop', 'raw.yaml:6:23'],
      [':8443', 'tls-passthrough', '*.eu.example.com', 'shop', 'raw.yaml:6:41'],
      [':8443', 'tls-passthrough', '*.example.com', 'api 90 %, shop 10 %', 'raw.yaml:5:23'],
      [':8443', 'tls-passthrough', '*', 'others', 'raw.yaml:7:11'],
      [':8444', 'tls-passthrough', 'shop.example.com', 'shop', 'raw.yaml:8:78'],
      [':9000', 'tcp', '*', 'others', 'raw.yaml:9:46'],
    ],
  );
  const lines = JSON.parse((await routes({ config: file('raw.yaml', RAW), json: true })).out);
  assert.deepEqual([lines[0].listener, lines[0].serverName, lines[0].target], [':8443', 'shop.example.com', 'shop']);
});

test('rules and raw listeners are two tables', async () => {
  const text = SHOP.replace('0.0.0.0:8080\n', '0.0.0.0:8080\n  - { address: ":9000", protocol: tcp, pool: api }\n');
  const { out } = await routes({ config: file('both.yaml', text) });
  assert.match(out, /\n7 matches, first match wins\.\n\nLISTENER .*\n:9000 +tcp +\* +api .*\n$/);
});

test('expressions stand as they are written', async () => {
  const text = SHOP.replace(
    '{ name: Accept, type: Contains, value: json }',
    "{ name: Accept, type: RegularExpression, value: '\\w+/json' }",
  );
  assert.match((await routes({ config: file('expression.yaml', text) })).out, / header accept matches "\\w\+\/json" /);
});

test('routes names the fallback pool, answers 500 where every weight is 0, and prints no secret', async () => {
  const config = file(
    'targets.yaml',
    `listeners: [{ address: ":80" }]
routes:
  - rules:
      - { name: whole, matches: [{ path: { value: /whole } }], pool: a, fallback: b }
      - { name: none, matches: [{ path: { value: /none } }], backendRefs: [{ pool: a, weight: 0 }, { pool: b, weight: 0 }] }
      - { name: spare, matches: [{ path: { value: /spare } }], backendRefs: [{ pool: a, weight: 0 }], fallback: b }
      - { backendRefs: [{ pool: a }, { pool: b }], sessionPersistence: { secret: hush-hush } }
pools: { a: { servers: [{ address: "10.0.0.1:1" }] }, b: { servers: [{ address: "10.0.0.2:1" }] } }
`,
  );
  const { out } = await routes({ config, json: true });
  assert.doesNotMatch(out, /hush-hush/);
  const lines: unknown = JSON.parse(out);
  assert.ok(Array.isArray(lines));
  const targets = lines.map(({ target }: { target: string }) => target);
  assert.deepEqual(targets, ['fallback b', 'a, fallback b', 'answer 500', 'a 50 %, b 50 %']);
});
