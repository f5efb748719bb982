// Filters of all, of a listener, of a route and of a rule as one set of changes: which has the last word.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Exchange } from '../../../src/exchange/exchange.js';
import type { FilterScope } from '../../../src/exchange/filter.js';
import { HeadEdit } from '../../../src/exchange/head-edit.js';
import { NO_FILTERS } from '../../../src/exchange/phases.js';
import type { Plan as CookiePlan } from '../../../src/filters/cookie-rewrite/plan.js';
import type { Plan as LocationPlan } from '../../../src/filters/location-rewrite/plan.js';
import type { HeaderModifierPlan } from '../../../src/filters/parts/header-modifier.js';
import { filterNames } from '../../../src/filters/registry.js';
import type { Plan as RequestHeaderPlan } from '../../../src/filters/request-header-modifier/plan.js';
import type { Plan as MirrorPlan } from '../../../src/filters/request-mirror/plan.js';
import type { Plan as ResponseHeaderPlan } from '../../../src/filters/response-header-modifier/plan.js';
import { phasesOf, runTypes, withoutPools } from '../../../src/filters/runs.js';
import type { Plan as RewritePlan } from '../../../src/filters/url-rewrite/plan.js';
import { FIELD_ID } from '../../../src/http/fields.js';
import type { FilterPlan } from '../../../src/routing/plan.js';

const copied: number[] = [];
/** Filters that only change heads need no tools. */
const scope = { tools: {}, copyTo: (pool: number) => () => copied.push(pool) } as unknown as FilterScope;
const exchange = { sent: false, upgrade: false } as Exchange;
const requestEdit = (layers: FilterPlan[][]): HeadEdit =>
  phasesOf(layers, scope).editAttempt(exchange, new HeadEdit()) ?? new HeadEdit();
const responseEdit = (layers: FilterPlan[][]): HeadEdit =>
  phasesOf(layers, scope).editResponse(exchange, new HeadEdit()) ?? new HeadEdit();

const line = (name: string, value: string) => ({ name, parts: [value] });
const modifier = (changes: Partial<HeaderModifierPlan>): HeaderModifierPlan => ({
  set: [],
  add: [],
  remove: [],
  ...changes,
});
const request = (changes: Partial<HeaderModifierPlan>): RequestHeaderPlan => ({
  type: 'RequestHeaderModifier',
  modifier: modifier(changes),
});
const response = (changes: Partial<HeaderModifierPlan>): ResponseHeaderPlan => ({
  type: 'ResponseHeaderModifier',
  modifier: modifier(changes),
});

/** `X: a` for each line that is added, and which of the names are removed. */
function changes(edit: HeadEdit): [lines: string[], removed: string[]] {
  const removed = ['x', 'y', 'x-tier', 'X_Tier'].filter((name) => edit.drops(Buffer.from(name), 0, name.length));
  return [edit.lines.split('\r\n').filter((text) => text !== ''), removed];
}

test('without filters there is nothing to do in any phase', () => {
  assert.equal(phasesOf([[], [], []], scope), NO_FILTERS);
  for (const phase of Object.values(NO_FILTERS)) assert.deepEqual(phase, []);
});

test('on requests the inner layer has the last word, on responses the outer one', () => {
  const outer = { set: [line('X', 'outer')] };
  const inner = { set: [line('x', 'inner')] };
  assert.deepEqual(changes(requestEdit([[request(outer)], [request(inner)]])), [['x: inner'], ['x']]);
  assert.deepEqual(changes(responseEdit([[response(outer)], [response(inner)]])), [['X: outer'], ['x']]);
});

test('within one list filters apply as they are written, in both directions', () => {
  const list = [{ set: [line('X', '1')] }, { add: [line('X', '2')] }, { add: [line('Y', '3')] }, { remove: ['y'] }];
  const wanted = [
    ['X: 1', 'X: 2'],
    ['x', 'y'],
  ];
  assert.deepEqual(changes(requestEdit([list.map(request)])), wanted);
  assert.deepEqual(changes(responseEdit([list.map(response)])), wanted);
});

test('a later filter changes what an earlier one added', () => {
  const rows: [Partial<HeaderModifierPlan>[], string[], string[]][] = [
    [[{ add: [line('X', 'a')] }, { add: [line('X', 'b')] }], ['X: a', 'X: b'], []],
    [[{ add: [line('X', 'a')] }, { set: [line('X', 'b')] }], ['X: b'], ['x']],
    [[{ set: [line('X', 'a')] }, { remove: ['x'] }], [], ['x']],
    [[{ remove: ['x'] }, { add: [line('X', 'b')] }], ['X: b'], ['x']],
    [[{ remove: ['x'] }, { set: [line('X', 'b')] }], ['X: b'], ['x']],
    [
      [{ set: [line('X', 'a')] }, { set: [line('Y', 'b')] }],
      ['X: a', 'Y: b'],
      ['x', 'y'],
    ],
  ];
  for (const [list, lines, removed] of rows) {
    assert.deepEqual(changes(requestEdit([list.map(request)])), [lines, removed], JSON.stringify(list));
    assert.deepEqual(changes(responseEdit([list.map(response)])), [lines, removed], JSON.stringify(list));
  }
});

test('in requests a name that servers take for the other one is the same', () => {
  const list = [{ add: [line('X_Tier', 'a')] }, { set: [line('X-Tier', 'b')] }];
  assert.deepEqual(changes(requestEdit([list.map(request)]))[0], ['X-Tier: b']);
  assert.deepEqual(changes(responseEdit([list.map(response)]))[0], ['X_Tier: a', 'X-Tier: b']);
});

test('of rewrites the innermost host name counts, and every mirror gets its copy, once', () => {
  const rewrite = (hostname: string | undefined): RewritePlan => ({ type: 'URLRewrite', hostname, path: undefined });
  const mirror = (pool: number): MirrorPlan => ({ type: 'RequestMirror', pool, percent: 100 });
  const phases = phasesOf(
    [
      [rewrite('outer'), mirror(0)],
      [rewrite(undefined), mirror(1), mirror(2)],
    ],
    scope,
  );
  const edit = new HeadEdit();
  copied.length = 0;
  phases.editAttempt(exchange, edit);
  assert.equal(edit.hostname, 'outer');
  assert.deepEqual(copied, [0, 1, 2]);
  phases.editAttempt({ ...exchange, sent: true } as Exchange, edit);
  phases.editAttempt({ ...exchange, upgrade: true } as Exchange, edit);
  assert.deepEqual(copied, [0, 1, 2]);
});

test('rewrites of responses: the innermost layer comes first, each list in its order', () => {
  const rewrite = (from: string, to: string): LocationPlan => ({ type: 'LocationRewrite', rewrites: [{ from, to }] });
  const cookies: CookiePlan = { type: 'CookieRewrite', paths: [], domains: [{ from: '*', to: '' }] };
  const layers = [[rewrite('/', '/all')], [], [rewrite('/a', '/route')], [rewrite('/a/b', '/rule'), cookies]];
  const edit = responseEdit(layers);
  const location = (value: string): string =>
    edit.valueOf(FIELD_ID.LOCATION, Buffer.from('location'), 0, 'location'.length, value);
  assert.equal(location('/a/b/c'), '/rule/c');
  assert.equal(location('/a/c'), '/route/c');
  assert.equal(location('/c'), '/all/c');
  const cookie = edit.valueOf(FIELD_ID.SET_COOKIE, Buffer.from('set-cookie'), 0, 10, 'a=b; Domain=x.example');
  assert.equal(cookie, 'a=b');
  assert.equal(edit.rewriteIds, (1 << FIELD_ID.LOCATION) | (1 << FIELD_ID.SET_COOKIE));
});

test('a filter that names pools means nothing once its plan is gone', () => {
  const mirror: MirrorPlan = { type: 'RequestMirror', pool: 0, percent: 100 };
  const other: CookiePlan = { type: 'CookieRewrite', paths: [], domains: [] };
  assert.deepEqual(withoutPools([mirror, other]), [other]);
});

test('every filter type has both halves: what the configuration knows, and what workers run', () => {
  assert.deepEqual(runTypes().sort(), filterNames().sort());
  assert.equal(new Set(runTypes()).size, runTypes().length);
});
