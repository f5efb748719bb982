// Replacing the matched prefix of a path: the table of Gateway API's ReplacePrefixMatch.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filterTypes } from '../../../src/filters/registry.js';
import type { Plan } from '../../../src/filters/url-rewrite/plan.js';
import { compile } from '../../../src/routing/compile.js';
import { Matcher } from '../../../src/routing/matcher.js';
import { replacePrefix } from '../../../src/routing/rewrite.js';
import { matchRequest } from '../../support/match-request.js';

const CASES = [
  ['/foo', '/foo/bar', '/xyz', '/xyz/bar'],
  ['/foo', '/foo/bar', '/xyz/', '/xyz/bar'],
  ['/foo/', '/foo/bar', '/xyz', '/xyz/bar'],
  ['/foo/', '/foo/bar', '/xyz/', '/xyz/bar'],
  ['/foo', '/foo', '/xyz', '/xyz'],
  ['/foo', '/foo/', '/xyz', '/xyz/'],
  ['/foo', '/foo/bar', '', '/bar'],
  ['/foo', '/foo/', '', '/'],
  ['/foo', '/foo', '', '/'],
  ['/foo', '/foo/', '/', '/'],
  ['/foo', '/foo', '/', '/'],
  ['/', '/bar', '/xyz', '/xyz/bar'],
  ['/', '/bar', '/', '/bar'],
] as const;

for (const [prefix, path, value, result] of CASES) {
  test(`${path} with ${value === '' ? 'nothing' : value} for ${prefix} becomes ${result}`, () => {
    const urlRewrite = { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: value } };
    const rule = { matches: [{ path: { value: prefix } }], filters: [{ type: 'URLRewrite', urlRewrite }], pool: 'p' };
    const { table, rules } = compile({ routes: [{ rules: [rule] }], pools: { p: {} } }, { filterTypes });
    const view = matchRequest({ url: path });
    const matcher = new Matcher(table);
    const filter = rules[matcher.match(view)]?.filters[0] as Plan;
    assert.ok(filter.path?.type === 'ReplacePrefixMatch');
    const out = Buffer.alloc(64, 0x2a);
    const by = Buffer.from(filter.path.value, 'latin1');
    const written = replacePrefix(view.bytes, view.pathAt, view.pathBytes, matcher.prefixBytes, by, out, 3);
    assert.equal(out.toString('latin1', 0, written + 4), `***${result}*`);
  });
}
