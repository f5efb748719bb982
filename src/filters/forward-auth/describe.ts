// ForwardAuth, in words.

import type { Plan } from './plan.js';

export function describe({ pool, path, timeoutMs, responseHeaders }: Plan, pools: readonly string[]): string {
  const named = responseHeaders.length === 0 ? '' : `; ${responseHeaders.join(', ')} go on to the server`;
  return `ForwardAuth: asks pool ${pools[pool] ?? pool} for ${path}, for ${timeoutMs} ms${named}`;
}
