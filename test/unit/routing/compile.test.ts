// Compiling: plans for rules and filters, and the problems a program's own config may have.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { formatProblem } from '../../../src/base/problems.js';
import { compile } from '../../../src/routing/compile.js';
import { type FilterConfig, type RouteConfig, RoutingError } from '../../../src/routing/input.js';
import { type FilterPlan, VARIABLES } from '../../../src/routing/plan.js';

const POOLS = { api: {}, 'api-next': {}, images: {} };
const variable = (name: string) => `$\{${name}}`;

function problems(routes: readonly RouteConfig[]): string[] {
  try {
    compile({ routes, pools: POOLS });
  } catch (error) {
    assert.ok(error instanceof RoutingError);
    assert.equal(error.message, error.problems.map(formatProblem).join('\n'));
    return error.problems.map(({ path, found, expected }) => `${path}: ${found} ${expected}`);
  }
  return [];
}

function plan(filter: FilterConfig): FilterPlan | undefined {
  return compile({ routes: [{ rules: [{ filters: [filter], pool: 'api' }] }], pools: POOLS }).rules[0]?.filters[0];
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
    (path) => ({ file: 'f.yaml', line: 10 + Number(path[3] ?? 0), column: 5 }),
  );
  assert.deepEqual(rules, [
    {
      index: 0,
      name: 'routes[0].rules[0]',
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

test('the body of a direct response is read from its file, or is the text in UTF-8', () => {
  const file = fileURLToPath(import.meta.url);
  const bodyOf = (directResponse: { body?: string; file?: string }) => {
    const filter = plan({ type: 'DirectResponse', directResponse: { status: 200, ...directResponse } });
    return filter?.type === 'DirectResponse' ? Buffer.from(filter.body).toString() : undefined;
  };
  assert.equal(bodyOf({ body: 'grüß' }), 'grüß');
  assert.equal(bodyOf({ file }), readFileSync(file, 'utf8'));
  assert.throws(() => bodyOf({ file: `${file}.missing` }), /directResponse\.file: The file '.*missing' cannot be read/);
});

test('every problem is reported at once, each with its place in the document', () => {
  const condition = (value: object) => ({ headers: [{ name: 'x', ...value }] });
  const found = problems([
    {
      hostnames: ['a.*.test', 'a:80', 'ä.test', `${'a.'.repeat(127)}a`],
      rules: [
        { pool: 'apy' },
        {},
        { filters: [{ type: 'URLRewrite' }], pool: 'api' },
        {
          filters: [{ type: 'URLRewrite', urlRewrite: { path: { type: 'ReplaceFullPath', replaceFullPath: '/a?b' } } }],
          pool: 'api',
        },
        {
          filters: [
            {
              type: 'RequestHeaderModifier',
              requestHeaderModifier: { set: [{ name: 'X', value: variable('clientIp') }] },
            },
          ],
          pool: 'api',
        },
        {
          matches: [
            { path: { value: 'api' } },
            { path: { type: 'Exact', value: '/a/..;/b' } },
            { path: { type: 'RegularExpression', value: '/(a' } },
            { method: 'Get' },
            condition({}),
            condition({ type: 'RegularExpression', value: '(?=a)' }),
            { clientAddress: ['10.0.0.0/33', '10.0.0.0/8'] },
            { clientAddress: '300.0.0.1' },
            { serverName: '*' },
            { serverName: 'a b' },
          ],
          pool: 'api',
        },
      ],
    },
  ]);
  const names = VARIABLES.join(', ');
  const host = 'Expected one such as shop.example.com or *.example.com, in ASCII and without a port.';
  assert.deepEqual(found, [
    `routes[0].hostnames[0]: 'a.*.test' is not a host name. ${host}`,
    `routes[0].hostnames[1]: 'a:80' is not a host name. ${host}`,
    `routes[0].hostnames[2]: 'ä.test' is not a host name. ${host}`,
    `routes[0].hostnames[3]: '${'a.'.repeat(127)}a' is not a host name. ${host}`,
    "routes[0].rules[0].pool: There is no pool 'apy'. Expected the name of one under pools.",
    'routes[0].rules[1]: The rule leads nowhere. Expected pool, backendRefs, or a filter that answers.',
    'routes[0].rules[2].filters[0]: A filter of type URLRewrite without its options. Expected them under urlRewrite.',
    "routes[0].rules[3].filters[0].urlRewrite.path.replaceFullPath: '/a?b' is not a path that a request can have. Expected one such as /v2.",
    `routes[0].rules[4].filters[0].requestHeaderModifier.set[0].value: There is no variable 'clientIp'. Expected ${names}; $\${ stands for a plain \${.`,
    "routes[0].rules[5].matches[0].path.value: 'api' is not a path that a request can have. Expected one such as /api.",
    "routes[0].rules[5].matches[1].path.value: '/a/..;/b' is not a path that a request can have. Expected one such as /api.",
    "routes[0].rules[5].matches[2].path.value: '/(a' is not a regular expression: missing closing ): `/(a`. Expected RE2 syntax.",
    "routes[0].rules[5].matches[3].method: 'Get' is not a method. Expected one in capitals, such as GET.",
    "routes[0].rules[5].matches[4].headers[0]: 'value' is missing. Expected a text that type Exact compares with, or type: Present.",
    "routes[0].rules[5].matches[5].headers[0].value: '(?=a)' is not a regular expression: invalid or unsupported Perl syntax: `(?=`. Expected RE2 syntax.",
    "routes[0].rules[5].matches[6].clientAddress: '10.0.0.0/33' is not an address range. Expected one such as 10.0.0.0/8 or 2001:db8::/32.",
    "routes[0].rules[5].matches[7].clientAddress: '300.0.0.1' is not an address range. Expected one such as 10.0.0.0/8 or 2001:db8::/32.",
    `routes[0].rules[5].matches[9].serverName: 'a b' is not a host name. ${host}`,
  ]);
});

test('a path that requests never have as it is written is matched in normal form, with a warning', () => {
  const { warnings } = compile({
    routes: [{ rules: [{ matches: [{ path: { type: 'Exact', value: '/a//b/../c' } }], pool: 'api' }] }],
    pools: POOLS,
  });
  assert.deepEqual(warnings.map(formatProblem), [
    "(config): routes[0].rules[0].matches[0].path.value: '/a//b/../c' is matched as '/a/c'.\n" +
      '  Requests are brought into this form. Write it so.',
  ]);
});

test('warns of a rule whose weights are all 0, which is answered with 500', () => {
  const { rules, warnings } = compile({
    routes: [{ rules: [{ backendRefs: [{ pool: 'api', weight: 0 }] }] }],
    pools: POOLS,
  });
  assert.equal(rules[0]?.drained, true);
  assert.match(formatProblem(warnings[0]!), /routes\[0\]\.rules\[0\]\.backendRefs: Every weight is 0\./);
});

test('a rule that answers by itself needs no pool', () => {
  const { rules } = compile({
    routes: [{ rules: [{ filters: [{ type: 'DirectResponse', directResponse: { status: 200, body: 'ok' } }] }] }],
  });
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
