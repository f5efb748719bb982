// Filters of all, of a listener, of a route and of a rule as one set of changes: which has the last word.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeFilters } from '../../../src/routing/merge-filters.js';
import type { FilterPlan, HeaderModifierPlan } from '../../../src/routing/plan.js';

const line = (name: string, value: string) => ({ name, parts: [value] });
const modifier = (changes: Partial<HeaderModifierPlan>): HeaderModifierPlan => ({
  set: [],
  add: [],
  remove: [],
  ...changes,
});
const request = (changes: Partial<HeaderModifierPlan>): FilterPlan => ({
  type: 'RequestHeaderModifier',
  modifier: modifier(changes),
});
const response = (changes: Partial<HeaderModifierPlan>): FilterPlan => ({
  type: 'ResponseHeaderModifier',
  modifier: modifier(changes),
});

/** `X: a` for each line that is added, and the names that are removed. */
function changes(merged: HeaderModifierPlan | null): [lines: string[], removed: string[]] {
  const { set, add, remove } = merged!;
  assert.deepEqual(set, []);
  return [add.map(({ name, parts }) => `${name}: ${parts.join('')}`), [...remove].sort()];
}

test('without filters there is nothing to change', () => {
  assert.deepEqual(mergeFilters([[], [], []]), {
    request: null,
    response: null,
    rewrite: null,
    answering: null,
    mirrors: [],
    responseRewrites: [],
  });
});

test('on requests the inner layer has the last word, on responses the outer one', () => {
  const outer = { set: [line('X', 'outer')] };
  const inner = { set: [line('x', 'inner')] };
  assert.deepEqual(changes(mergeFilters([[request(outer)], [request(inner)]]).request), [['x: inner'], ['x']]);
  assert.deepEqual(changes(mergeFilters([[response(outer)], [response(inner)]]).response), [['X: outer'], ['x']]);
});

test('within one list filters apply as they are written, in both directions', () => {
  const list = [{ set: [line('X', '1')] }, { add: [line('X', '2')] }, { add: [line('Y', '3')] }, { remove: ['y'] }];
  const wanted = [
    ['X: 1', 'X: 2'],
    ['x', 'y'],
  ];
  assert.deepEqual(changes(mergeFilters([list.map(request)]).request), wanted);
  assert.deepEqual(changes(mergeFilters([list.map(response)]).response), wanted);
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
    assert.deepEqual(changes(mergeFilters([list.map(request)]).request), [lines, removed], JSON.stringify(list));
    assert.deepEqual(changes(mergeFilters([list.map(response)]).response), [lines, removed], JSON.stringify(list));
  }
});

test('in requests a name that servers take for the other one is the same', () => {
  const list = [{ add: [line('X_Tier', 'a')] }, { set: [line('X-Tier', 'b')] }];
  assert.deepEqual(changes(mergeFilters([list.map(request)]).request)[0], ['X-Tier: b']);
  assert.deepEqual(changes(mergeFilters([list.map(response)]).response)[0], ['X_Tier: a', 'X-Tier: b']);
});

test('of rewrites the innermost host name and the innermost path count; mirrors add up; the rule answers', () => {
  const rewrite = (hostname: string | undefined, value: string | undefined): FilterPlan => ({
    type: 'URLRewrite',
    hostname,
    path: value === undefined ? undefined : { type: 'ReplaceFullPath', value },
  });
  const mirror = (pool: number): FilterPlan => ({ type: 'RequestMirror', pool, percent: 100 });
  const merged = mergeFilters([
    [rewrite('outer', '/outer'), mirror(0)],
    [rewrite(undefined, '/inner'), mirror(1), mirror(2)],
    [{ type: 'DirectResponse', status: 204, headers: [], body: new Uint8Array(0), file: undefined }],
  ]);
  assert.deepEqual(merged.rewrite, rewrite('outer', '/inner'));
  assert.deepEqual(
    merged.mirrors.map(({ pool }) => pool),
    [0, 1, 2],
  );
  assert.equal(merged.answering?.type, 'DirectResponse');
});

test('rewrites of responses: the innermost layer comes first, each list in its order', () => {
  const rewrite = (from: string): FilterPlan => ({ type: 'LocationRewrite', rewrites: [{ from, to: '/' }] });
  const cookies: FilterPlan = { type: 'CookieRewrite', paths: [], domains: [{ from: '*', to: '' }] };
  const { responseRewrites } = mergeFilters([[rewrite('/all')], [], [rewrite('/route')], [rewrite('/a'), cookies]]);
  assert.deepEqual(responseRewrites, [rewrite('/a'), cookies, rewrite('/route'), rewrite('/all')]);
});
