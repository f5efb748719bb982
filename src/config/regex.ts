// Regular expressions in a configuration: whether one is one.

import type { DocumentPath } from '../base/document-path.js';
import { compileRegex } from '../routing/conditions.js';
import type { Scope } from './scope.js';

/** True when the text is a regular expression; else that is reported. */
export function checkRegex(source: string, path: DocumentPath, scope: Scope): boolean {
  try {
    compileRegex(source);
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^error parsing regexp:\s*/, '') : String(error);
    const unsupported = /\(\?[=!<]|\\[1-9]/.test(source)
      ? ' Look-around and back-references do not exist here, because they cannot run in linear time.'
      : '';
    scope.report(path, `'${source}' is not a regular expression: ${reason}.`, `Expected RE2 syntax.${unsupported}`);
    return false;
  }
}
