// Warnings about matches that no request can reach.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatProblem } from '../../../src/base/problems.js';
import { compile } from '../../../src/routing/compile.js';
import type { MatchConfig, RouteConfig } from '../../../src/routing/input.js';
import { findShadows } from '../../../src/routing/shadow.js';
import { request, routes } from './arbitraries.js';
import { referenceMatch } from './reference.js';

function warnings(list: readonly RouteConfig[]): string[] {
  return compile({ routes: list, pools: { p: {} } }).warnings.map(formatProblem);
}

function between(first: MatchConfig, second: MatchConfig): boolean {
  const rules = [first, second].map((match) => ({ matches: [match], pool: 'p' }));
  return warnings([{ rules }]).some((text) => text.includes('rules[1]: No request reaches this rule.'));
}

test('warns of a rule that an equal one takes everything from', () => {
  const rules = [
    { name: 'first', matches: [{ path: { value: '/a' } }], pool: 'p' },
    { name: 'second', matches: [{ path: { value: '/a/' } }], pool: 'p' },
  ];
  assert.deepEqual(warnings([{ rules }]), [
    '(config): routes[0].rules[1]: No request reaches this rule.\n  first takes every such request first ((config)).',
  ]);
});

test('warns of one match when the others of the rule are alive', () => {
  const rules = [
    { matches: [{ path: { value: '/a' } }], pool: 'p' },
    { matches: [{ path: { value: '/a' } }, { path: { value: '/b' } }], pool: 'p' },
  ];
  assert.match(warnings([{ rules }]).join(), /routes\[0\]\.rules\[1\]\.matches\[0\]: No request reaches this match/);
});

test('a rule alive under one of its hosts is alive', () => {
  const list = [
    { hostnames: ['a.test'], rules: [{ pool: 'p' }] },
    { hostnames: ['a.test', 'b.test'], rules: [{ pool: 'p' }] },
  ];
  assert.deepEqual(warnings(list), []);
});

test('knows which conditions imply which', () => {
  const x = (
    type: 'Exact' | 'Prefix' | 'Suffix' | 'Contains' | 'Present',
    value?: string,
    invert = false,
  ): MatchConfig => ({
    headers: [{ name: 'X', type, value, invert }],
  });
  assert.ok(between(x('Present'), x('Exact', 'ab')));
  assert.ok(between(x('Prefix', 'a'), x('Exact', 'ab')));
  assert.ok(between(x('Prefix', 'a'), x('Prefix', 'ab')));
  assert.ok(between(x('Suffix', 'b'), x('Exact', 'ab')));
  assert.ok(between(x('Contains', 'b'), x('Suffix', 'abc')));
  assert.ok(between(x('Exact', 'ab', true), x('Prefix', 'a', true)));
  assert.ok(between({ clientAddress: '10.0.0.0/8' }, { clientAddress: ['10.1.0.0/16', '10.2.0.1'] }));
  assert.ok(!between(x('Exact', 'ab'), x('Prefix', 'a')));
  assert.ok(!between(x('Prefix', 'ab'), x('Suffix', 'ab')));
  assert.ok(!between(x('Prefix', 'a', true), x('Exact', 'ab', true)));
  assert.ok(!between(x('Exact', 'a'), x('Exact', 'a', true)));
  assert.ok(!between({ clientAddress: '10.0.0.0/8' }, { clientAddress: ['10.1.0.0/16', '11.0.0.0/8'] }));
  assert.ok(!between(x('Suffix', 'b'), x('Prefix', 'ab')));
  assert.ok(!between(x('Contains', 'b'), { headers: [{ name: 'X', type: 'RegularExpression', value: 'ab?' }] }));
  assert.ok(!between({ clientAddress: '10.0.0.0/9' }, { clientAddress: '10.0.0.0/8' }));
  assert.ok(!between({ clientAddress: '10.0.0.0/8' }, { clientAddress: '::a00:0/128' }));
  assert.ok(!between({ method: 'GET' }, { method: 'POST' }));
});

test('equal rules are found in any number, and whatever order their conditions are in', () => {
  const headers = [
    { name: 'a', value: '1' },
    { name: 'b', value: '2' },
  ];
  const match = { headers };
  const others = Array.from({ length: 500 }, (_, i) => ({ headers: [{ name: 'c', value: `${i}` }, headers[0]!] }));
  const rules = [match, ...others, { headers: [...headers].reverse() }].map((one) => ({ matches: [one], pool: 'p' }));
  assert.equal(warnings([{ rules }]).length, 1);
});

test('warns of an expression behind a prefix that has all its paths', () => {
  const prefix = { path: { value: '/api' } };
  const expression = (value: string): MatchConfig => ({ path: { type: 'RegularExpression', value } });
  assert.ok(between(prefix, expression('/api/v[0-9]+/.*')));
  assert.ok(!between(prefix, expression('/apis/.*')));
  assert.ok(!between(prefix, expression('/api.*')));
  assert.ok(!between(prefix, expression('/api/?.*')));
  assert.ok(!between(prefix, expression('/api/a|/b')));
  assert.ok(!between({ ...prefix, method: 'GET' }, expression('/api/.*')));
});

test('a rule it calls dead never wins', () => {
  fc.assert(
    fc.property(routes, fc.array(request, { minLength: 20, maxLength: 20 }), (set, sent) => {
      const shadows = findShadows(compile({ routes: set, pools: { p: {} } }).entries);
      if (shadows.length === 0) return;
      const rules = set.flatMap((route) => route.rules);
      const dead = new Set(shadows.map(({ match }) => match.rule));
      const living = rules.map((rule, i) => (rule.matches?.length ?? 0) <= 1 && dead.has(i));
      for (const one of sent) assert.ok(!living[referenceMatch(set, one)]);
    }),
    { numRuns: 3000 },
  );
});
