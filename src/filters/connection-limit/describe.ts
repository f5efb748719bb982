// ConnectionLimit, in words.

import type { Plan } from './plan.js';

export function describe({ connections, dryRun }: Plan): string {
  return `ConnectionLimit: ${connections} at once from one address${dryRun ? '; dry run: counts what it would refuse' : ''}`;
}
