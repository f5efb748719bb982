// Gate, in words.

import type { Plan } from './plan.js';

export function describe({ ask, timeoutMs }: Plan): string {
  return `Gate: asks ${ask}, for ${timeoutMs} ms`;
}
