// SecurityHeaders: what the workers get.

import type { Config } from './config.js';

export interface Plan {
  readonly type: 'SecurityHeaders';
  /** Names and values, in the order in which they are sent. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** For clients by https; empty for none. */
  readonly strictTransportSecurity: string;
}

export function plan({ type, securityHeaders }: Config): Plan {
  const { contentTypeOptions, frameOptions, referrerPolicy, contentSecurityPolicy, permissionsPolicy } =
    securityHeaders;
  const all: [name: string, value: string | undefined][] = [
    ['X-Content-Type-Options', contentTypeOptions ? 'nosniff' : undefined],
    ['X-Frame-Options', frameOptions],
    ['Referrer-Policy', referrerPolicy],
    ['Content-Security-Policy', contentSecurityPolicy],
    ['Permissions-Policy', permissionsPolicy],
  ];
  return {
    type,
    headers: all.flatMap(([name, value]) => (value === undefined || value === 'off' ? [] : [[name, value] as const])),
    strictTransportSecurity: securityHeaders.strictTransportSecurity ?? '',
  };
}
