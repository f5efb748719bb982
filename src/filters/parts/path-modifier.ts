// What URLRewrite and RequestRedirect may make of a path: the options, the checks, the plan and the words.

import { assert } from '../../base/assert.js';
import type { DocumentPath } from '../../base/document-path.js';
import { shown } from '../../base/problems.js';
import { choice, map, option, text } from '../../config/schema/build.js';
import type { Scope } from '../../config/scope.js';
import { normalPathOf } from '../../routing/path.js';
import type { FilterConfig } from '../../routing/plan.js';
import type { Around } from '../kind.js';
import { checkSubstitution, substitution } from './substitution.js';

/** Empty ones are allowed, as in the Gateway API. */
const newPath = () =>
  text('a path', 'Expected a path that starts with /.', (value) => value === '' || value.startsWith('/'));

const regexRewrite = map('a rewrite by an expression', {
  pattern: option(
    text('an expression', 'Expected a regular expression in RE2 syntax.'),
    'A regular expression in RE2 syntax. It is searched for: `^` and `$` tie it to the ends.',
  ),
  substitution: option(
    substitution(),
    'What stands in the place of each match. `\\1` to `\\9` are what its groups matched, `\\0` the whole match, `\\\\` a backslash.',
  ),
});

export const pathModifier = map('a path modifier', {
  type: option(
    choice('a path modifier type', ['ReplaceFullPath', 'ReplacePrefixMatch', 'ReplaceRegexMatch']),
    '`ReplaceFullPath` replaces the path, `ReplacePrefixMatch` the prefix that the rule matched, `ReplaceRegexMatch` every match of ' +
      'an expression.',
  ),
  replaceFullPath: option(newPath().optional(), 'The new path, with `ReplaceFullPath`. An empty one is `/`.'),
  replacePrefixMatch: option(
    newPath().optional(),
    'The new prefix, with `ReplacePrefixMatch`; an empty one takes the old away. Needs a `PathPrefix` match in every match of the rule.',
  ),
  replaceRegexMatch: option(
    regexRewrite.optional(),
    'The expression and what replaces its matches, with `ReplaceRegexMatch`.',
  ),
});

interface PathModifierConfig {
  readonly type: 'ReplaceFullPath' | 'ReplacePrefixMatch' | 'ReplaceRegexMatch';
  readonly replaceFullPath?: string | undefined;
  readonly replacePrefixMatch?: string | undefined;
  readonly replaceRegexMatch?: { readonly pattern: string; readonly substitution: string } | undefined;
}

/**
 * `ReplacePrefixMatch` takes away the first Matcher.prefixBytes bytes of the path and puts `value` there; `ReplaceRegexMatch`
 * replaces every match of `pattern`.
 */
export type PathModifierPlan =
  | { readonly type: 'ReplaceFullPath'; readonly value: string }
  | { readonly type: 'ReplacePrefixMatch'; readonly value: string }
  | { readonly type: 'ReplaceRegexMatch'; readonly pattern: string; readonly substitution: string };

const MODIFIER_KEYS = {
  ReplaceFullPath: 'replaceFullPath',
  ReplacePrefixMatch: 'replacePrefixMatch',
  ReplaceRegexMatch: 'replaceRegexMatch',
} as const;

/**
 * Reports a modifier that is not complete, is two in one, or makes no path. `rewritesPath` says of a filter in a rule that it takes the
 * place of this one.
 */
export function checkPathModifier(
  modifier: PathModifierConfig | undefined,
  at: DocumentPath,
  around: Around,
  rewritesPath: (filter: FilterConfig) => boolean,
  scope: Scope,
): void {
  if (modifier === undefined) return;
  const wanted = MODIFIER_KEYS[modifier.type];
  if (modifier[wanted] === undefined)
    scope.report(at, `'${wanted}' is missing.`, `Expected it with type ${modifier.type}.`);
  for (const other of Object.values(MODIFIER_KEYS)) {
    if (other === wanted || modifier[other] === undefined) continue;
    scope.report([...at, other], `'${other}' stands with type ${modifier.type}.`, `Expected ${wanted} alone.`);
  }
  checkNewPath(modifier[wanted], [...at, wanted], scope);
  if (modifier.replaceRegexMatch !== undefined)
    checkSubstitution(modifier.replaceRegexMatch, [...at, 'replaceRegexMatch'], scope);
  if (modifier.type === 'ReplacePrefixMatch') checkPrefixes(at, around, rewritesPath, scope);
}

/** Reports a new path that no request can have. An empty one is the root. */
function checkNewPath(path: unknown, at: DocumentPath, scope: Scope): void {
  if (typeof path !== 'string' || normalPathOf(path) !== undefined) return;
  scope.report(at, `${shown(path)} is not a path that a request can have.`, 'Expected one such as /v2.');
}

/** Reports rules that match by something else than the prefix that is to be replaced. */
function checkPrefixes(
  at: DocumentPath,
  around: Around,
  rewritesPath: (filter: FilterConfig) => boolean,
  scope: Scope,
): void {
  if (!('rules' in around)) {
    scope.report(
      [...at, 'type'],
      'The prefix that is replaced is that of a rule.',
      'Expected it in rules or on their route, or ReplaceFullPath.',
    );
    return;
  }
  for (const [index, { matches, filters, repliesLocally }] of around.rules.entries()) {
    if (around.kind === 'route' && (repliesLocally || filters?.some(rewritesPath))) continue;
    const stray = (matches ?? []).findIndex(({ path }) => path !== undefined && path.type !== 'PathPrefix');
    if (stray < 0) continue;
    scope.report(
      [...at, 'type'],
      `${around.kind === 'route' ? `rules[${index}].` : ''}matches[${stray}] has no prefix that could be replaced.`,
      `Expected a PathPrefix match in every match of ${around.kind === 'route' ? 'its rules' : 'the rule'}.`,
    );
  }
}

/** The new path, in the form that requests are brought into. An empty one is the root, as in Gateway API. */
export function planPathModifier(config: PathModifierConfig | undefined): PathModifierPlan | undefined {
  if (config === undefined) return undefined;
  if (config.type === 'ReplaceRegexMatch') {
    const { pattern = '', substitution = '' } = config.replaceRegexMatch ?? {};
    return { type: config.type, pattern, substitution };
  }
  const value = normalPathOf(config[MODIFIER_KEYS[config.type]] ?? '');
  assert(value !== undefined, 'a new path is one that a request can have');
  return { type: config.type, value };
}

/** No words for no modifier. */
export function describePathModifier(path: PathModifierPlan | undefined): string[] {
  if (path === undefined) return [];
  switch (path.type) {
    case 'ReplaceFullPath':
      return [`path ${path.value}`];
    case 'ReplacePrefixMatch':
      return [`matched prefix becomes ${path.value}`];
    case 'ReplaceRegexMatch':
      return [`in the path "${path.pattern}" becomes "${path.substitution}"`];
  }
}
