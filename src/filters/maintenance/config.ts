// Maintenance: a switch that answers 503.

import { z } from 'zod';
import { flag, integer, map, option, wholeSeconds } from '../../config/schema/build.js';
import type { FilterKind } from '../kind.js';
import { ranges } from '../parts/address-lists.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

/** A day. */
const RETRY_AFTER_SECONDS_MAX = 86_400;

const options = map('a maintenance switch', {
  enabled: option(flag().prefault(true), 'Whether it is on.'),
  retryAfter: option(
    wholeSeconds(RETRY_AFTER_SECONDS_MAX, false).prefault('1m'),
    '`Retry-After`: when clients and crawlers may come again.',
  ),
  except: option(
    ranges().optional(),
    'Addresses and CIDR ranges of clients that are let through, to look whether all is well.',
    { byDefault: 'none' },
  ),
  status: option(integer('a status', 500, 599).prefault(503), 'The status of the answer.'),
});

const schema = map('a filter', {
  type: option(z.literal('Maintenance'), 'Answers 503 with `Retry-After`, by the error page of the rule.'),
  maintenance: option(options.prefault({}), 'How, and to whom.'),
});

export type Config = z.output<typeof schema>;

export const maintenance = {
  type: 'Maintenance',
  schema,
  besideLocalReply: true,
  once: () => [['Maintenance', 'is a Maintenance switch']],
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
