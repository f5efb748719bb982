// Header modifiers that apply one after the other, as one.

import type { HeaderValuePlan } from '../../routing/plan.js';
import type { HeaderModifierPlan } from '../parts/header-modifier.js';

/** What a list of modifiers comes to. */
interface MergedModifiers {
  /** Names of fields that go, in lower case. */
  readonly gone: readonly string[];
  /** Lines that come. */
  readonly lines: readonly HeaderValuePlan[];
}

/**
 * The modifiers one after the other, as one: a later one also changes what an earlier one added. `keyOf` says which names are
 * equal.
 */
export function mergeModifiers(
  modifiers: readonly HeaderModifierPlan[],
  keyOf: (name: string) => string,
): MergedModifiers {
  let lines: HeaderValuePlan[] = [];
  const gone = new Set<string>();
  for (const { set, add, remove } of modifiers) {
    for (const name of [...set.map((header) => header.name), ...remove]) {
      lines = lines.filter((line) => keyOf(line.name) !== keyOf(name));
      gone.add(name.toLowerCase());
    }
    lines.push(...set, ...add);
  }
  return { gone: [...gone], lines };
}

/** A name as servers read it that make variables of names: `X_Tier` is `X-Tier` to them. */
export const asVariable = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '-');
