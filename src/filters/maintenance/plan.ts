// Maintenance: what the workers get.

import type { Config } from './config.js';

export interface Plan {
  readonly type: 'Maintenance';
  readonly enabled: boolean;
  readonly retryAfterSeconds: number;
  /** CIDR ranges. */
  readonly except: readonly string[];
  readonly status: number;
}

export function plan({ type, maintenance: { enabled, retryAfter, except = [], status } }: Config): Plan {
  return { type, enabled, retryAfterSeconds: retryAfter / 1000, except, status };
}
