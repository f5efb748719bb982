// LocationRewrite, in words.

import type { PlaceRewritePlan, Plan } from './plan.js';

export function describe({ rewrites }: Plan): string {
  return `LocationRewrite: ${rewrites.map(describePlace).join(', ')}`;
}

function describePlace(plan: PlaceRewritePlan): string {
  if ('from' in plan) return `${plan.from} becomes ${plan.to}`;
  return `"${plan.pattern}" becomes "${plan.substitution}"`;
}
