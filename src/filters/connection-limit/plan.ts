// ConnectionLimit: what the workers get.

import type { PlanScope } from '../../routing/plan-scope.js';
import type { Config } from './config.js';

export interface Plan {
  readonly type: 'ConnectionLimit';
  /** What tells its counts from those of other limits: where it stands. A reload that changes how many leaves the counts. */
  readonly id: string;
  readonly connections: number;
  readonly dryRun: boolean;
}

export function plan({ type, connectionLimit }: Config, { place }: PlanScope): Plan {
  return { type, id: JSON.stringify([type, place]), ...connectionLimit };
}
