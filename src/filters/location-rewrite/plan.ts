// LocationRewrite: what the workers get.

import type { Config } from './config.js';

/** Another prefix, or what an expression makes, for a place that a server names. */
export type PlaceRewritePlan =
  | { readonly from: string; readonly to: string }
  | { readonly pattern: string; readonly substitution: string };

export interface Plan {
  readonly type: 'LocationRewrite';
  /** The first that fits. */
  readonly rewrites: readonly PlaceRewritePlan[];
}

export function plan({ type, locationRewrite: { rewrites } }: Config): Plan {
  return {
    type,
    rewrites: rewrites.map(({ from = '', to = '', pattern, substitution = '' }) =>
      pattern === undefined ? { from, to } : { pattern, substitution },
    ),
  };
}
