// JWT: what the workers get.

import { type PlanScope, planFile } from '../../routing/plan-scope.js';
import type { Config } from './config.js';

/** Where a token stands. A header's name is in lower case. */
export interface TokenSource {
  readonly by: 'bearer' | 'header' | 'cookie' | 'query';
  readonly name: string;
}

export interface Plan {
  readonly type: 'JWT';
  readonly issuer: string;
  readonly audience: readonly string[];
  /** The URL of a key set; empty where `keys` holds one. */
  readonly jwksUrl: string;
  /** A key set as JSON; empty for one that is fetched. */
  readonly keys: string;
  readonly algorithms: readonly string[];
  readonly from: readonly TokenSource[];
  readonly clockSkewSeconds: number;
  readonly required: readonly { readonly claim: string; readonly values: readonly string[] | undefined }[];
  readonly claimHeaders: readonly { readonly claim: string; readonly header: string }[];
  readonly forwardToken: boolean;
  readonly realm: string;
}

export function plan({ type, jwt }: Config, scope: PlanScope): Plan {
  const { jwks, clockSkew, required, ...rest } = jwt;
  const isUrl = /^https?:\/\//i.test(jwks);
  return {
    type,
    ...rest,
    jwksUrl: isUrl ? jwks : '',
    keys: isUrl ? '' : Buffer.from(planFile(jwks, scope)).toString('utf8'),
    clockSkewSeconds: clockSkew / 1000,
    required: required.map(({ claim, values }) => ({ claim, values })),
  };
}
