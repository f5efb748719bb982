// DirectResponse, in words.

import type { Plan } from './plan.js';

export function describe({ status, body, file }: Plan): string {
  const source = file === undefined ? '' : ` from ${file}`;
  return `DirectResponse: ${status}, ${body.length} bytes of body${source}`;
}
