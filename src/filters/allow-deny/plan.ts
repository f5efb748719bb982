// AllowDeny: what the workers get.

import { type PlanScope, planFile } from '../../routing/plan-scope.js';
import { rangesIn } from '../parts/address-lists.js';
import type { Config, Sources } from './config.js';

/** Addresses that are let in, or not. */
interface RulePlan {
  readonly allows: boolean;
  /** CIDR ranges. */
  readonly ranges: readonly string[];
}

export interface Plan {
  readonly type: 'AllowDeny';
  /** The first one with the address decides. */
  readonly rules: readonly RulePlan[];
  /** What becomes of an address that is in none. */
  readonly otherwiseAllows: boolean;
  readonly status: number;
}

export function plan({ type, allowDeny }: Config, scope: PlanScope): Plan {
  const { rules = [allowDeny], otherwise, status } = allowDeny;
  const plans = rules.flatMap((rule) => planRule(rule, scope));
  return {
    type,
    rules: plans,
    otherwiseAllows: otherwise === undefined ? plans.at(-1)?.allows === false : otherwise === 'allow',
    status,
  };
}

/** What is denied goes before what is allowed: who lists both means the exceptions by the first. */
function planRule({ allow, deny, allowFiles, denyFiles }: Sources, scope: PlanScope): RulePlan[] {
  const all = (ranges: readonly string[] = [], files: readonly string[] = []): string[] => [
    ...ranges,
    ...files.flatMap((file) => rangesIn(planFile(file, scope))),
  ];
  const denied = deny === undefined && denyFiles === undefined ? [] : [{ allows: false, ranges: all(deny, denyFiles) }];
  const allowed =
    allow === undefined && allowFiles === undefined ? [] : [{ allows: true, ranges: all(allow, allowFiles) }];
  return [...denied, ...allowed];
}
