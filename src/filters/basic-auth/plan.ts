// BasicAuth: what the workers get.

import { type PlanScope, planFile } from '../../routing/plan-scope.js';
import { readUsers, type User } from '../parts/htpasswd.js';
import type { Config } from './config.js';

export interface Plan {
  readonly type: 'BasicAuth';
  readonly users: readonly User[];
  readonly realm: string;
  /** The header that names the user to the server; empty for none. */
  readonly userHeader: string;
  readonly forwardAuthorization: boolean;
}

export function plan({ type, basicAuth }: Config, scope: PlanScope): Plan {
  const { file, realm, userHeader = '', forwardAuthorization } = basicAuth;
  return { type, users: readUsers(planFile(file, scope)).users, realm, userHeader, forwardAuthorization };
}
