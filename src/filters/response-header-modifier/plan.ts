// ResponseHeaderModifier: what the workers get.

import { type HeaderModifierPlan, planHeaderModifier } from '../parts/header-modifier.js';
import type { Config } from './config.js';

export interface Plan {
  readonly type: 'ResponseHeaderModifier';
  readonly modifier: HeaderModifierPlan;
}

export function plan({ type, responseHeaderModifier }: Config): Plan {
  return { type, modifier: planHeaderModifier(responseHeaderModifier) };
}
