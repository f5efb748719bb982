// RequestMirror, in words.

import type { Plan } from './plan.js';

export function describe({ pool, percent }: Plan, pools: readonly string[]): string {
  return `RequestMirror: ${percent} % to pool ${pools[pool] ?? pool}`;
}
