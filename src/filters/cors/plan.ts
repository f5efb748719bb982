// CORS: what the workers get.

import type { Config } from './config.js';

export interface Plan {
  readonly type: 'CORS';
  readonly allowOrigins: readonly string[];
  readonly allowCredentials: boolean;
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds: number;
}

export function plan({ type, cors: { maxAge, ...rest } }: Config): Plan {
  return { type, ...rest, maxAgeSeconds: maxAge / 1000 };
}
