// RequestRedirect, in words.

import { describePathModifier } from '../parts/path-modifier.js';
import type { Plan } from './plan.js';

export function describe({ scheme, hostname, port, path, statusCode }: Plan): string {
  const changes = [
    ...(scheme === undefined ? [] : [`scheme ${scheme}`]),
    ...(hostname === undefined ? [] : [`host ${hostname}`]),
    ...(port === undefined ? [] : [`port ${port}`]),
    ...describePathModifier(path),
  ];
  return `RequestRedirect: ${statusCode}, ${changes.join(', ')}`;
}
