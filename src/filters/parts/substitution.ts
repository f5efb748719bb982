// Rewrites by an expression: what replaces its matches, and what is wrong with that.

import type { DocumentPath } from '../../base/document-path.js';
import { checkRegex } from '../../config/regex.js';
import { text } from '../../config/schema/build.js';
import type { Scope } from '../../config/scope.js';
import { groupCount, readSubstitution } from '../../routing/rewrite.js';

/** Printable ASCII: what may stand in a field of a head, and in a target. */
export const substitution = () =>
  text('a substitution', 'Expected printable ASCII; other characters as in %C3%A9.', (value) => /^[!-~]*$/.test(value));

/** Checks an expression and what replaces its matches. */
export function checkSubstitution(
  rewrite: { readonly pattern: string; readonly substitution: string },
  at: DocumentPath,
  scope: Scope,
): void {
  const { pattern, substitution } = rewrite;
  if (!checkRegex(pattern, [...at, 'pattern'], scope)) return;
  const here = [...at, 'substitution'];
  const parts = readSubstitution(substitution);
  if (typeof parts === 'string') {
    scope.report(here, parts, 'Expected \\0 to \\9 for what was matched, or \\\\ for a backslash.');
    return;
  }
  const groups = groupCount(pattern);
  const most = Math.max(0, ...parts.filter((part) => typeof part === 'number'));
  if (most > groups) {
    const has = groups === 0 ? 'no group' : groups === 1 ? 'one group' : `${groups} groups`;
    scope.report(
      here,
      `There is no group \\${most}: the expression has ${has}.`,
      'Expected groups in ( ) for what is kept.',
    );
  }
  const written = /\$(\d|\{\d\})/.exec(substitution)?.[0];
  if (written !== undefined) {
    const number = written.replace(/\D/g, '');
    scope.report(
      here,
      `'${written}' would stand there as it is.`,
      `Expected \\${number} for what group ${number} matched.`,
    );
  }
}
