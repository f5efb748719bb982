// FaultInjection: what the workers get.

import type { Config } from './config.js';

export interface Plan {
  readonly type: 'FaultInjection';
  /** Null for none. */
  readonly delay: { readonly percent: number; readonly ms: number } | null;
  readonly abort: { readonly percent: number; readonly status: number } | null;
  /** In lower case; empty for all requests. */
  readonly header: string;
  readonly delaysMax: number;
}

export function plan({ type, faultInjection }: Config): Plan {
  const { delay, abort = null, onlyWithHeader = '', delaysMax } = faultInjection;
  return {
    type,
    delay: delay === undefined ? null : { percent: delay.percent, ms: delay.time },
    abort,
    header: onlyWithHeader.toLowerCase(),
    delaysMax,
  };
}
