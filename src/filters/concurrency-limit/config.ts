// ConcurrencyLimit: how many requests may be under way at once.

import { z } from 'zod';
import { flag, integer, map, option } from '../../config/schema/build.js';
import type { FilterKind } from '../kind.js';
import { DEFAULT_KEY, REQUEST_KEY_SAYS, requestKey } from '../parts/request-key.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

const options = map('a concurrency limit', {
  key: option(requestKey().prefault(DEFAULT_KEY), REQUEST_KEY_SAYS),
  requests: option(
    integer('a number of requests', 1, 1_000_000),
    'Requests of one key that may be under way at once, from their heads to the ends of their responses; tunnels count as long as they stand.',
  ),
  status: option(integer('a status', 400, 599).prefault(429), 'The status of the refusal.'),
  dryRun: option(flag().prefault(false), 'Counts in the report what would be refused, and lets it pass.'),
});

const schema = map('a filter', {
  type: option(
    z.literal('ConcurrencyLimit'),
    'Refuses requests while too many are under way, over all workers together.',
  ),
  concurrencyLimit: option(options, 'How many, and by what they are counted.'),
});

export type Config = z.output<typeof schema>;

export const concurrencyLimit = {
  type: 'ConcurrencyLimit',
  schema,
  besideLocalReply: true,
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
