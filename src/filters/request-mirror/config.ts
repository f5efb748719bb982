// RequestMirror: copies of requests for another pool.

import { z } from 'zod';
import { decimal, map, option, text } from '../../config/schema/build.js';
import { checkPoolName } from '../../config/scope.js';
import type { FilterKind } from '../kind.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

const options = map('a mirror', {
  pool: option(
    text('a pool name', 'Expected the name of a pool.'),
    'The pool that gets the copies; its answers are dropped.',
  ),
  percent: option(decimal('a percentage', 0, 100).prefault(100), 'Share of the requests that is copied.', {
    zero: 'nothing is copied',
  }),
});

const schema = map('a filter', {
  type: option(z.literal('RequestMirror'), 'Sends a copy of the request to another pool.'),
  requestMirror: option(options, 'Where to, and how many.'),
});

export type Config = z.output<typeof schema>;

export const requestMirror = {
  type: 'RequestMirror',
  schema,
  check({ requestMirror: { pool } }, at, _around, scope) {
    checkPoolName(pool, [...at, 'requestMirror', 'pool'], scope);
  },
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
