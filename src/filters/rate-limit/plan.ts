// RateLimit: what the workers get.

import type { PlanScope } from '../../routing/plan-scope.js';
import type { KeyPartPlan } from '../parts/request-key.js';
import type { Config } from './config.js';

export interface Plan {
  readonly type: 'RateLimit';
  /** What tells its counts from those of other limits: where it stands, and its numbers. The same after a reload that changes neither. */
  readonly id: string;
  readonly key: readonly KeyPartPlan[];
  readonly count: number;
  readonly periodMs: number;
  /** The rate as it was written. */
  readonly rate: string;
  readonly burst: number;
  readonly status: number;
  readonly fields: boolean;
  readonly dryRun: boolean;
}

export function plan({ type, rateLimit }: Config, { place }: PlanScope): Plan {
  const { key, rate, burst, status, fields, dryRun } = rateLimit;
  const { count, periodMs, text } = rate;
  const id = JSON.stringify([type, place, key, count, periodMs, burst]);
  return { type, id, key, count, periodMs, rate: text, burst, status, fields, dryRun };
}
