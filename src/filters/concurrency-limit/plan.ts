// ConcurrencyLimit: what the workers get.

import type { PlanScope } from '../../routing/plan-scope.js';
import type { KeyPartPlan } from '../parts/request-key.js';
import type { Config } from './config.js';

export interface Plan {
  readonly type: 'ConcurrencyLimit';
  /** What tells its counts from those of other limits: where it stands. A reload that changes how many leaves the counts. */
  readonly id: string;
  readonly key: readonly KeyPartPlan[];
  readonly requests: number;
  readonly status: number;
  readonly dryRun: boolean;
}

export function plan({ type, concurrencyLimit }: Config, { place }: PlanScope): Plan {
  const { key } = concurrencyLimit;
  return { type, id: JSON.stringify([type, place, key]), ...concurrencyLimit };
}
