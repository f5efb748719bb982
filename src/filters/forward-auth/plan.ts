// ForwardAuth: what the workers get.

import { type PlanScope, planPool } from '../../routing/plan-scope.js';
import type { Config } from './config.js';

export interface Plan {
  readonly type: 'ForwardAuth';
  /** The index of the pool. */
  readonly pool: number;
  readonly path: string;
  readonly timeoutMs: number;
  readonly passStatuses: readonly number[];
  /** Names as they are written. */
  readonly requestHeaders: readonly string[];
  readonly responseHeaders: readonly string[];
  readonly cookies: readonly string[];
  readonly answerBytesMax: number;
}

export function plan({ type, forwardAuth: { pool, timeout, ...rest } }: Config, scope: PlanScope): Plan {
  return { type, ...rest, pool: planPool(pool, scope), timeoutMs: timeout };
}
