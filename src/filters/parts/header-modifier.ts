// What RequestHeaderModifier and ResponseHeaderModifier share: their options, the checks, the plan and the words.

import type { DocumentPath } from '../../base/document-path.js';
import { list, map, option } from '../../config/schema/build.js';
import { fieldName } from '../../config/schema/field-name.js';
import type { Scope } from '../../config/scope.js';
import type { HeaderValuePlan } from '../../routing/plan.js';
import {
  checkFieldName,
  checkHeaderValues,
  type HeaderValueConfig,
  headerValues,
  planHeaders,
} from './header-values.js';

/** The options; `message` is what they change: `request` or `response`. */
export const headerModifier = (message: string) =>
  map('a header modifier', {
    set: option(headerValues().optional(), `Replaces these headers of the ${message}, or adds them.`),
    add: option(headerValues().optional(), `Adds these headers beside those the ${message} has.`),
    remove: option(
      list('a list of header names', fieldName()).optional(),
      `Removes these headers from the ${message}.`,
    ),
  });

interface HeaderModifierConfig {
  readonly set?: readonly HeaderValueConfig[] | undefined;
  readonly add?: readonly HeaderValueConfig[] | undefined;
  readonly remove?: readonly string[] | undefined;
}

/** Changes to a head. No name stands in two of the three lists, so their order does not matter. */
export interface HeaderModifierPlan {
  readonly set: readonly HeaderValuePlan[];
  readonly add: readonly HeaderValuePlan[];
  /** In lower case. */
  readonly remove: readonly string[];
}

/** Reports a modifier that changes nothing, names a field twice, or one that the proxy alone writes. */
export function checkHeaderModifier(
  modifier: HeaderModifierConfig,
  at: DocumentPath,
  isRequest: boolean,
  scope: Scope,
): void {
  const { set = [], add = [], remove = [] } = modifier;
  if (set.length + add.length + remove.length === 0) {
    scope.report(at, 'The filter changes nothing.', 'Expected set, add or remove.');
  }
  checkHeaderValues(set, [...at, 'set'], scope);
  checkHeaderValues(add, [...at, 'add'], scope);
  const seen = new Map<string, string>();
  for (const [kind, names] of [
    ['set', set.map(({ name }) => name)],
    ['add', add.map(({ name }) => name)],
    ['remove', remove],
  ] as const) {
    for (const [index, name] of names.entries()) {
      const path = kind === 'remove' ? [...at, kind, index] : [...at, kind, index, 'name'];
      const key = name.toLowerCase();
      const first = seen.get(key);
      // Several added values of one header are a list, which HTTP allows.
      if (first !== undefined && !(kind === 'add' && first.startsWith('add'))) {
        scope.report(path, `${first} names the header '${name}' already.`, 'Expected each header in one place.');
      }
      if (first === undefined) seen.set(key, `${kind}[${index}]`);
      checkFieldName(name, path, isRequest, scope);
    }
  }
}

export function planHeaderModifier({ set = [], add = [], remove = [] }: HeaderModifierConfig): HeaderModifierPlan {
  return { set: planHeaders(set), add: planHeaders(add), remove: remove.map((name) => name.toLowerCase()) };
}

export function describeHeaderModifier({ set, add, remove }: HeaderModifierPlan): string {
  const changes = [
    ...set.map((header) => `set ${headerText(header)}`),
    ...add.map((header) => `add ${headerText(header)}`),
    ...remove.map((name) => `remove ${name}`),
  ];
  return changes.join(', ');
}

function headerText({ name, parts }: HeaderValuePlan): string {
  return `${name}: ${parts.map((part) => (typeof part === 'string' ? part : `\${${part.variable}}`)).join('')}`;
}
