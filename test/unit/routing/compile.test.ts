// Compiling: plans for rules and filters.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Plan as DirectResponsePlan } from '../../../src/filters/direct-response/plan.js';
import { filterTypes, kindOf } from '../../../src/filters/registry.js';
import { compile } from '../../../src/routing/compile.js';
import type { RoutingConfig, RuleConfig } from '../../../src/routing/input.js';
import type { FilterConfig, FilterPlan } from '../../../src/routing/plan.js';

const POOLS = { api: {}, 'api-next': {}, images: {} };
const variable = (name: string) => `$\{${name}}`;

function plan(filter: FilterConfig): FilterPlan | undefined {
  const filters = [kindOf(filter.type).schema.parse(filter) as FilterConfig];
  const config = { routes: [{ rules: [{ filters, pool: 'api' }] }], pools: POOLS };
  return compile(config, { filterTypes }).rules[0]?.filters[0];
}

test('a rule plan has its place, pools by index, weights, timeouts and a name', () => {
  const { rules } = compile(
    {
      routes: [
        {
          rules: [
            { pool: 'images' },
            {
              name: 'canary',
              priority: -3,
              matches: [{ method: 'GET' }],
              backendRefs: [{ pool: 'api', weight: 9 }, { pool: 'api-next' }],
              timeouts: { request: 10_000, backendRequest: 0 },
              limits: { bodyBytesMax: 0 },
            },
          ],
        },
      ],
      pools: POOLS,
    },
    { placeOf: (path) => ({ file: 'f.yaml', line: 10 + Number(path[3] ?? 0), column: 5 }) },
  );
  assert.deepEqual(rules, [
    {
      index: 0,
      name: 'routes[0].rules[0]',
      route: 'routes[0]',
      place: { file: 'f.yaml', line: 10, column: 5 },
      priority: 0,
      backendRefs: [{ pool: 2, weight: 1 }],
      drained: false,
      sticky: null,
      fallback: null,
      filters: [],
      routeFilters: [],
      errorPages: [],
      timeouts: {},
      limits: {},
    },
    {
      index: 1,
      name: 'canary',
      route: 'routes[0]',
      place: { file: 'f.yaml', line: 11, column: 5 },
      priority: -3,
      backendRefs: [
        { pool: 0, weight: 9 },
        { pool: 1, weight: 1 },
      ],
      drained: false,
      sticky: null,
      fallback: null,
      filters: [],
      routeFilters: [],
      errorPages: [],
      timeouts: { request: 10_000, backendRequest: 0 },
      limits: { bodyBytesMax: 0 },
    },
  ]);
  assert.deepEqual(structuredClone(rules), rules);
});

test('header values are cut at their variables, and $${ is a plain ${', () => {
  const value = `a ${variable('clientAddress')}${variable('host')} $${variable('host')} $ {x}`;
  assert.deepEqual(
    plan({
      type: 'ResponseHeaderModifier',
      responseHeaderModifier: { add: [{ name: 'X-A', value }], remove: ['X-B'] },
    }),
    {
      type: 'ResponseHeaderModifier',
      modifier: {
        set: [],
        add: [
          {
            name: 'X-A',
            parts: ['a ', { variable: 'clientAddress' }, { variable: 'host' }, ` ${variable('host')} $ {x}`],
          },
        ],
        remove: ['x-b'],
      },
    },
  );
});

test('filters get their defaults', () => {
  assert.deepEqual(plan({ type: 'RequestMirror', requestMirror: { pool: 'images' } }), {
    type: 'RequestMirror',
    pool: 2,
    percent: 100,
  });
  assert.deepEqual(plan({ type: 'RequestRedirect', requestRedirect: { scheme: 'https' } }), {
    type: 'RequestRedirect',
    scheme: 'https',
    hostname: undefined,
    port: undefined,
    path: undefined,
    statusCode: 302,
  });
  assert.deepEqual(plan({ type: 'DirectResponse', directResponse: { status: 204 } }), {
    type: 'DirectResponse',
    status: 204,
    headers: [],
    body: new Uint8Array(0),
    file: undefined,
  });
  assert.deepEqual(
    plan({ type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '' } } }),
    { type: 'URLRewrite', hostname: undefined, path: { type: 'ReplacePrefixMatch', value: '/' } },
  );
});

test('the body of a direct response is the text in UTF-8, or what stands in its file', () => {
  const contents = new Map([['/srv/hello.txt', Buffer.from('hello')]]);
  const bodyOf = (directResponse: { body?: string; file?: string }) => {
    const filters: FilterConfig[] = [{ type: 'DirectResponse', directResponse: { status: 200, ...directResponse } }];
    const filter = compile({ routes: [{ rules: [{ filters }] }] }, { contents, filterTypes }).rules[0]?.filters[0];
    return Buffer.from((filter as DirectResponsePlan).body).toString();
  };
  assert.equal(bodyOf({ body: 'grüß' }), 'grüß');
  assert.equal(bodyOf({ file: '/srv/hello.txt' }), 'hello');
});

test('a configuration that was not checked trips an assertion', () => {
  const rule = (more: RuleConfig): RoutingConfig => ({ routes: [{ rules: [{ pool: 'api', ...more }] }], pools: POOLS });
  const unchecked: readonly [RoutingConfig, RegExp][] = [
    [{ routes: [{ hostnames: ['a:80'], rules: [] }] }, /a host name is one/],
    [rule({ pool: 'apy' }), /a pool that is named exists/],
    [rule({ filters: [{ type: 'None' }] }), /None is a registered filter type/],
    [rule({ filters: [{ type: 'DirectResponse', directResponse: { status: 200, file: '/none' } }] }), /was read/],
    [rule({ matches: [{ path: { value: 'api' } }] }), /a path is one that a request can have/],
    [rule({ matches: [{ method: 'Get' }] }), /a method is one of the known ones/],
    [rule({ matches: [{ clientAddress: '300.0.0.1' }] }), /a range of addresses is one/],
  ];
  for (const [config, says] of unchecked) assert.throws(() => compile(config, { filterTypes }), says);
});

test('a rule whose weights are all 0 is drained', () => {
  const { rules } = compile({ routes: [{ rules: [{ backendRefs: [{ pool: 'api', weight: 0 }] }] }], pools: POOLS });
  assert.equal(rules[0]?.drained, true);
});

test('a rule that answers by itself needs no pool', () => {
  const filters = [{ type: 'DirectResponse', directResponse: { status: 200, body: 'ok' } }];
  const { rules } = compile({ routes: [{ rules: [{ filters }] }] }, { filterTypes });
  assert.equal(rules[0]?.drained, false);
  assert.deepEqual(rules[0]?.backendRefs, []);
});

test('a config without routes has a table in which nothing matches', () => {
  assert.deepEqual(compile({}).rules, []);
});

test('entries are listed in order of precedence', () => {
  const { entries } = compile({
    routes: [
      { rules: [{ matches: [{}, { path: { type: 'Exact', value: '/a' } }], pool: 'api' }] },
      {
        hostnames: ['*.test', 'a.test'],
        rules: [{ matches: [{ path: { value: '/b' } }, { method: 'GET' }], pool: 'api' }],
      },
    ],
    pools: POOLS,
  });
  assert.deepEqual(
    entries.map(({ host, match }) => `${host.name} ${match.path} ${match.rule}.${match.match}`),
    ['a.test /b 1.0', 'a.test / 1.1', '.test /b 1.0', '.test / 1.1', ' /a 0.1', ' / 0.0'],
  );
});
