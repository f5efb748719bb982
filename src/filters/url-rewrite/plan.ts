// URLRewrite: what the workers get.

import { type PathModifierPlan, planPathModifier } from '../parts/path-modifier.js';
import type { Config } from './config.js';

export interface Plan {
  readonly type: 'URLRewrite';
  readonly hostname: string | undefined;
  readonly path: PathModifierPlan | undefined;
}

export function plan({ type, urlRewrite: { hostname, path } }: Config): Plan {
  return { type, hostname, path: planPathModifier(path) };
}
