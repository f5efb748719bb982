// Makes one set of changes of the filters of a rule and of all that is around it: its route, the listener, all routes.
// Owns the order in which they apply. Leaves making them ready to the worker, and refusing senseless ones to src/config.

import type { FilterPlan, HeaderModifierPlan, HeaderValuePlan } from './plan.js';

type Of<Type extends FilterPlan['type']> = Extract<FilterPlan, { type: Type }>;

/** What the filters around and in a rule come to. */
export interface MergedFilters {
  /** Null when no filter changes the head. `set` is empty: what is set is removed, and added. */
  readonly request: HeaderModifierPlan | null;
  readonly response: HeaderModifierPlan | null;
  readonly rewrite: Of<'URLRewrite'> | null;
  /** The filter that answers in place of a server: only a rule has one. */
  readonly answering: Of<'RequestRedirect'> | Of<'DirectResponse'> | null;
  readonly mirrors: readonly Of<'RequestMirror'>[];
  /** In the order in which the first that fits counts. */
  readonly responseRewrites: readonly (Of<'LocationRewrite'> | Of<'CookieRewrite'>)[];
}

/**
 * Merges layers of filters, the outermost first: those for all, of the listener, of the route, of the rule.
 *
 * A request meets the outermost layer first and a response the innermost, as in a chain of proxies: so on requests the inner
 * layer has the last word, and on responses the outer one. Filters of one layer apply in the order they are written. Of
 * rewrites the innermost host name and the innermost path count, and every mirror gets its copy. Of rewrites of responses the
 * first that fits counts, the innermost layer first.
 */
export function mergeFilters(layers: readonly (readonly FilterPlan[])[]): MergedFilters {
  const inward = layers.flat();
  const outward = [...layers].reverse().flat();
  const modifiers = (
    filters: readonly FilterPlan[],
    type: Of<'RequestHeaderModifier'>['type'] | Of<'ResponseHeaderModifier'>['type'],
  ) => filters.flatMap((filter) => (filter.type === type ? [filter.modifier] : []));
  return {
    request: mergeModifiers(modifiers(inward, 'RequestHeaderModifier'), asVariable),
    response: mergeModifiers(modifiers(outward, 'ResponseHeaderModifier'), (name) => name.toLowerCase()),
    rewrite: mergeRewrites(inward.filter((filter) => filter.type === 'URLRewrite')),
    answering: inward.find((filter) => filter.type === 'RequestRedirect' || filter.type === 'DirectResponse') ?? null,
    mirrors: inward.filter((filter) => filter.type === 'RequestMirror'),
    responseRewrites: outward.filter((filter) => filter.type === 'LocationRewrite' || filter.type === 'CookieRewrite'),
  };
}

/** A name as servers read it that make variables of names: `X_Tier` is `X-Tier` to them. */
const asVariable = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '-');

/** The modifiers one after the other, as one: a later one also changes what an earlier one added. `keyOf` says which names are equal. */
function mergeModifiers(
  modifiers: readonly HeaderModifierPlan[],
  keyOf: (name: string) => string,
): HeaderModifierPlan | null {
  if (modifiers.length === 0) return null;
  let lines: HeaderValuePlan[] = [];
  const removed = new Set<string>();
  for (const { set, add, remove } of modifiers) {
    for (const name of [...set.map((header) => header.name), ...remove]) {
      lines = lines.filter((line) => keyOf(line.name) !== keyOf(name));
      removed.add(name.toLowerCase());
    }
    lines.push(...set, ...add);
  }
  return { set: [], add: lines, remove: [...removed] };
}

function mergeRewrites(rewrites: readonly Of<'URLRewrite'>[]): Of<'URLRewrite'> | null {
  if (rewrites.length === 0) return null;
  const last = <Key extends 'hostname' | 'path'>(key: Key) =>
    rewrites.findLast((rewrite) => rewrite[key] !== undefined)?.[key];
  return { type: 'URLRewrite', hostname: last('hostname'), path: last('path') };
}
