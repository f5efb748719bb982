// Gate, a filter of the tests: asks a server for leave, request by request, and watches the bodies.

import { z } from 'zod';
import { integer, map, option, text } from '../../../src/config/schema/build.js';
import type { FilterKind } from '../../../src/filters/kind.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

const options = map('a gate', {
  ask: option(
    text('a URL', 'Expected one such as http://10.0.0.9/may.'),
    'The server that is asked. It lets requests pass with 200.',
  ),
  timeoutMs: option(integer('a number of milliseconds', 1, 60_000).prefault(10_000), 'For its word.'),
  requestBytesMax: option(integer('a number of bytes', 0, 1_000_000).prefault(1_000_000), 'Of a request body.'),
  responseBytesMax: option(integer('a number of bytes', 0, 1_000_000).prefault(1_000_000), 'Of a response body.'),
});

const schema = map('a filter', {
  type: option(z.literal('Gate'), 'Asks another server for leave.'),
  gate: option(options, 'Which one.'),
});

export type Config = z.output<typeof schema>;

export const gate = {
  type: 'Gate',
  schema,
  besideLocalReply: true,
  check({ gate: { ask } }, at, _around, scope) {
    if (!URL.canParse(ask))
      scope.report([...at, 'gate', 'ask'], `'${ask}' is not a URL.`, 'Expected http:// and a host.');
  },
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
