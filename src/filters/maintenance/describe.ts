// Maintenance, in words.

import type { Plan } from './plan.js';

export function describe({ enabled, retryAfterSeconds, except, status }: Plan): string {
  if (!enabled) return 'Maintenance: off';
  const but = except.length === 0 ? '' : `, but not to ${except.join(', ')}`;
  return `Maintenance: answers ${status}, again in ${retryAfterSeconds} s${but}`;
}
