// Header values as lines: those that are the same for every request, made once.
// Leaves filling in what a request has to the worker (FilterTools.headerLines).

import { oneBytePerCharacter } from '../../base/latin1.js';
import type { HeaderValuePlan } from '../../routing/plan.js';

/** The lines, each ending in CRLF, when no value names a variable of the request; else null. Every character is one byte. */
export function fixedLines(values: readonly HeaderValuePlan[]): string | null {
  if (values.some(({ parts }) => parts.some((part) => typeof part !== 'string'))) return null;
  return values.map(({ name, parts }) => `${name}: ${oneBytePerCharacter(parts.join(''))}\r\n`).join('');
}
