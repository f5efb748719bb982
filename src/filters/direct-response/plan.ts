// DirectResponse: what the workers get.

import type { HeaderValuePlan } from '../../routing/plan.js';
import { type PlanScope, planBody } from '../../routing/plan-scope.js';
import { planHeaders } from '../parts/header-values.js';
import type { Config } from './config.js';

export interface Plan {
  readonly type: 'DirectResponse';
  readonly status: number;
  readonly headers: readonly HeaderValuePlan[];
  /** As it is sent: the text in UTF-8, or what the file held when it was loaded. */
  readonly body: Uint8Array;
  /** Where the body was read from, for people; undefined when it stood in the config. */
  readonly file: string | undefined;
}

export function plan({ type, directResponse }: Config, scope: PlanScope): Plan {
  const { status, headers = [], file } = directResponse;
  return { type, status, headers: planHeaders(headers), body: planBody(directResponse, scope), file };
}
