// RequestHeaderModifier: fields of a request that are set, added or removed.

import { z } from 'zod';
import { map, option } from '../../config/schema/build.js';
import type { FilterKind } from '../kind.js';
import { checkHeaderModifier, headerModifier } from '../parts/header-modifier.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

const schema = map('a filter', {
  type: option(z.literal('RequestHeaderModifier'), 'Changes headers of the request.'),
  requestHeaderModifier: option(headerModifier('request'), 'What to change.'),
});

export type Config = z.output<typeof schema>;

export const requestHeaderModifier = {
  type: 'RequestHeaderModifier',
  schema,
  check({ requestHeaderModifier: modifier }, at, _around, scope) {
    checkHeaderModifier(modifier, [...at, 'requestHeaderModifier'], true, scope);
  },
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
