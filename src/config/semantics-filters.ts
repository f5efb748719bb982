// Checks of lists of filters that no schema can say: what excludes what, and where each may stand.
// Owns filters wherever they stand: in rules, on routes, on listeners, for all. Leaves each filter to its folder in src/filters,
// what rules lead to to semantics-routes.ts.

import type { DocumentPath } from '../base/document-path.js';
import type { Around, RuleAround } from '../filters/kind.js';
import { kindOf, repliesLocally } from '../filters/registry.js';
import type { FilterConfig } from '../routing/plan.js';
import type { ParsedRule } from './schema.js';
import type { Scope } from './scope.js';

/** The filter of a rule that answers the request, so that no server sees it, and its place. */
export function localReplyFilter({ filters = [] }: ParsedRule): { filter: FilterConfig; index: number } | undefined {
  const index = filters.findIndex(repliesLocally);
  const filter = filters[index];
  return filter && { filter, index };
}

const seenAround = (rule: ParsedRule): RuleAround => ({
  ...rule,
  repliesLocally: localReplyFilter(rule) !== undefined,
});

/** Reports what is wrong with the filters of a rule. */
export function checkRuleFilters(rule: ParsedRule, at: DocumentPath, scope: Scope): void {
  const filters = rule.filters ?? [];
  checkFilters(filters, [...at, 'filters'], { kind: 'rule', rules: [seenAround(rule)] }, scope);
  const answer = localReplyFilter(rule);
  if (answer === undefined) return;
  for (const [index, { type }] of filters.entries()) {
    if (index === answer.index || type === answer.filter.type || kindOf(type).besideLocalReply) continue;
    scope.report(
      [...at, 'filters', index, 'type'],
      `${type} makes no sense with ${answer.filter.type}.`,
      `filters[${answer.index}] answers the request itself. Remove one of them.`,
    );
  }
}

/** Reports what is wrong with the filters of a route. */
export function checkRouteFilters(
  filters: readonly FilterConfig[],
  rules: readonly ParsedRule[],
  at: DocumentPath,
  scope: Scope,
): void {
  checkFilters(filters, [...at, 'filters'], { kind: 'route', rules: rules.map(seenAround) }, scope);
}

/** Reports what is wrong with a list of filters. `at` is its place. */
export function checkFilters(filters: readonly FilterConfig[], at: DocumentPath, around: Around, scope: Scope): void {
  const taken = new Map<string, number>();
  for (const [index, filter] of filters.entries()) {
    const here = [...at, index];
    const kind = kindOf(filter.type);
    for (const [part, says] of kind.once?.(filter) ?? []) {
      const first = taken.get(part);
      if (first === undefined) taken.set(part, index);
      else scope.report([...here, 'type'], `filters[${first}] ${says} already.`, 'Expected it once.');
    }
    if (around.kind !== 'rule' && repliesLocally(filter)) {
      scope.report(
        [...here, 'type'],
        `A ${filter.type} stands outside of a rule.`,
        "An answer is what a rule does. Expected a rule with it, and with a 'priority' if it must win.",
      );
    }
    kind.check?.(filter, here, around, scope);
  }
}
