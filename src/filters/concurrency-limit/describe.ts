// ConcurrencyLimit, in words.

import { describeKey } from '../parts/request-key.js';
import type { Plan } from './plan.js';

export function describe({ key, requests, status, dryRun }: Plan): string {
  const what = `ConcurrencyLimit: ${requests} under way at once, ${describeKey(key)}`;
  return `${what}; ${dryRun ? 'dry run: counts what it would refuse' : `refuses with ${status}`}`;
}
