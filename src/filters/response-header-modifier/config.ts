// ResponseHeaderModifier: fields of a response that are set, added or removed.

import { z } from 'zod';
import { map, option } from '../../config/schema/build.js';
import type { FilterKind } from '../kind.js';
import { checkHeaderModifier, headerModifier } from '../parts/header-modifier.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

const schema = map('a filter', {
  type: option(z.literal('ResponseHeaderModifier'), 'Changes headers of the response.'),
  responseHeaderModifier: option(headerModifier('response'), 'What to change.'),
});

export type Config = z.output<typeof schema>;

export const responseHeaderModifier = {
  type: 'ResponseHeaderModifier',
  schema,
  // Local replies are responses too.
  besideLocalReply: true,
  check({ responseHeaderModifier: modifier }, at, _around, scope) {
    checkHeaderModifier(modifier, [...at, 'responseHeaderModifier'], false, scope);
  },
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
