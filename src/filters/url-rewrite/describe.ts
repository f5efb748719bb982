// URLRewrite, in words.

import { describePathModifier } from '../parts/path-modifier.js';
import type { Plan } from './plan.js';

export function describe({ hostname, path }: Plan): string {
  const host = hostname === undefined ? [] : [`host ${hostname}`];
  return `URLRewrite: ${[...host, ...describePathModifier(path)].join(', ')}`;
}
