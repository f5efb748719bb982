// RequestHeaderModifier, in words.

import { describeHeaderModifier } from '../parts/header-modifier.js';
import type { Plan } from './plan.js';

export function describe({ type, modifier }: Plan): string {
  return `${type}: ${describeHeaderModifier(modifier)}`;
}
