// CookieRewrite: what the workers get.

import type { Config } from './config.js';

export interface Plan {
  readonly type: 'CookieRewrite';
  readonly paths: readonly { readonly from: string; readonly to: string }[];
  /** `from` in lower case and without a dot in front, or `*`; an empty `to` takes the attribute away. */
  readonly domains: readonly { readonly from: string; readonly to: string }[];
}

export function plan({ type, cookieRewrite: { paths = [], domains = [] } }: Config): Plan {
  return {
    type,
    paths: paths.map(({ from, to }) => ({ from, to })),
    domains: domains.map(({ from, to }) => ({ from: from.toLowerCase().replace(/^\./, ''), to })),
  };
}
