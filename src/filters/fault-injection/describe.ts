// FaultInjection, in words.

import type { Plan } from './plan.js';

export function describe({ delay, abort, header }: Plan): string {
  const parts = [
    ...(delay === null ? [] : [`${delay.percent} % held up for ${delay.ms} ms`]),
    ...(abort === null ? [] : [`${abort.percent} % answered with ${abort.status}`]),
  ];
  const whose = header === '' ? '' : ` of requests from trusted proxies with ${header}`;
  return `FaultInjection, ON PURPOSE: ${parts.join(', ')}${whose}`;
}
