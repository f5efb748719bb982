// RequestMirror: what the workers get.

import { type PlanScope, planPool } from '../../routing/plan-scope.js';
import type { Config } from './config.js';

export interface Plan {
  readonly type: 'RequestMirror';
  /** The pool's index in the order of the configuration. */
  readonly pool: number;
  /** 0 to 100, fractions allowed. */
  readonly percent: number;
}

export function plan({ type, requestMirror: { pool, percent } }: Config, scope: PlanScope): Plan {
  return { type, pool: planPool(pool, scope), percent };
}
