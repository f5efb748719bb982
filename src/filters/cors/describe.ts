// CORS, in words.

import type { Plan } from './plan.js';

export function describe({ allowOrigins, allowCredentials, allowMethods, allowHeaders }: Plan): string {
  const parts = [
    `pages of ${allowOrigins.join(', ')}`,
    ...(allowCredentials ? ['with credentials'] : []),
    ...(allowMethods.length === 0 ? [] : [`methods ${allowMethods.join(', ')}`]),
    ...(allowHeaders.length === 0 ? [] : [`headers ${allowHeaders.join(', ')}`]),
  ];
  return `CORS: ${parts.join('; ')}`;
}
