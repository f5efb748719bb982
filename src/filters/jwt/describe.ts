// JWT, in words.

import type { Plan } from './plan.js';

export function describe({ issuer, audience, algorithms, required, claimHeaders }: Plan): string {
  const parts = [
    `tokens of ${issuer} for ${audience.join(', ')}, by ${algorithms.join(', ')}`,
    ...required.map(({ claim, values }) =>
      values === undefined ? `with ${claim}` : `${claim} ${values.join(' or ')}`,
    ),
    ...claimHeaders.map(({ claim, header }) => `${claim} goes on in ${header}`),
  ];
  return `JWT: ${parts.join('; ')}`;
}
