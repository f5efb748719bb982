// FaultInjection: failures on purpose, to see what they do to clients.

import { z } from 'zod';
import { decimal, duration, integer, map, option } from '../../config/schema/build.js';
import { fieldName } from '../../config/schema/field-name.js';
import type { FilterKind } from '../kind.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

const percent = () =>
  option(decimal('a percentage', 0, 100).prefault(100), 'Share of the requests that it happens to.', {
    zero: 'to none',
  });

const delay = map('a delay', {
  percent: percent(),
  time: option(duration(1, 60_000), 'How long they are held up before a server sees them.'),
});

const abort = map('an abort', {
  percent: percent(),
  status: option(integer('a status', 400, 599), 'What they are answered in the place of a server.'),
});

const options = map('a fault', {
  delay: option(delay.optional(), 'Holds requests up.', { byDefault: 'none is held up' }),
  abort: option(
    abort.optional(),
    'Answers requests with an error; those that are held up too, once their time is over.',
    {
      byDefault: 'none is answered',
    },
  ),
  onlyWithHeader: option(
    fieldName().optional(),
    'Faults are for requests alone that come from `trustedProxies` and carry this header: for one tester, not for all.',
    { byDefault: 'for all requests' },
  ),
  delaysMax: option(
    integer('a number of requests', 1, 100_000).prefault(1000),
    'Requests that one worker holds up at once. Further ones are not held up, and counted as `FaultInjection.overMax`.',
  ),
});

const schema = map('a filter', {
  type: option(z.literal('FaultInjection'), 'Delays and aborts a share of the requests on purpose.'),
  faultInjection: option(options, 'What goes wrong, and how often.'),
});

export type Config = z.output<typeof schema>;

export const faultInjection = {
  type: 'FaultInjection',
  schema,
  check({ faultInjection: { delay, abort } }, at, _around, scope) {
    if (delay !== undefined || abort !== undefined) return;
    scope.report([...at, 'faultInjection'], 'The filter does nothing.', 'Expected delay, abort or both.');
  },
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
