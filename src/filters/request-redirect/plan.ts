// RequestRedirect: what the workers get.

import { type PathModifierPlan, planPathModifier } from '../parts/path-modifier.js';
import type { Config } from './config.js';

export interface Plan {
  readonly type: 'RequestRedirect';
  readonly scheme: string | undefined;
  readonly hostname: string | undefined;
  readonly port: number | undefined;
  readonly path: PathModifierPlan | undefined;
  readonly statusCode: number;
}

export function plan({ type, requestRedirect }: Config): Plan {
  const { scheme, hostname, port, path, statusCode } = requestRedirect;
  return { type, scheme, hostname, port, path: planPathModifier(path), statusCode };
}
