// SecurityHeaders, in words.

import type { Plan } from './plan.js';

export function describe({ headers, strictTransportSecurity }: Plan): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  if (strictTransportSecurity !== '') lines.push(`Strict-Transport-Security: ${strictTransportSecurity} by https`);
  return `SecurityHeaders: ${lines.join(', ') || 'none'}`;
}
