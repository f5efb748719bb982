// AllowDeny, in words.

import type { Plan } from './plan.js';

/** Ranges that are named; of more only the number is. */
const NAMED_MAX = 4;

export function describe({ rules, otherwiseAllows, status }: Plan): string {
  const parts = rules.map(({ allows, ranges }) => {
    const which = ranges.length <= NAMED_MAX ? ranges.join(', ') || 'no address' : `${ranges.length} ranges`;
    return `${allows ? 'allows' : 'denies'} ${which}`;
  });
  return `AllowDeny: ${parts.join(', then ')}, ${otherwiseAllows ? 'allows' : 'denies'} the others; refuses with ${status}`;
}
