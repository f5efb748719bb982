// BasicAuth, in words.

import type { Plan } from './plan.js';

export function describe({ users, realm, userHeader, forwardAuthorization }: Plan): string {
  const count = users.length === 1 ? 'one user' : `${users.length} users`;
  const named = userHeader === '' ? '' : `, whose name goes on in ${userHeader}`;
  return `BasicAuth: ${count} of "${realm}"${named}${forwardAuthorization ? ', with the password' : ''}`;
}
