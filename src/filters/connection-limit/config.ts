// ConnectionLimit: how many connections one client may have.

import { z } from 'zod';
import { flag, integer, map, option } from '../../config/schema/build.js';
import type { FilterKind } from '../kind.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

const options = map('a connection limit', {
  connections: option(
    integer('a number of connections', 1, 1_000_000),
    'Connections that one address may have at once, of IPv6 the first 64 bits of it. Those over unix sockets count as one address; those of ' +
      '`trustedProxies` are not limited.',
  ),
  dryRun: option(flag().prefault(false), 'Counts in the report what would be refused, and lets it pass.'),
});

const schema = map('a filter', {
  type: option(
    z.literal('ConnectionLimit'),
    'Closes connections of a client that has too many, over all workers together. For listeners of every protocol, and for all.',
  ),
  connectionLimit: option(options, 'How many.'),
});

export type Config = z.output<typeof schema>;

export const connectionLimit = {
  type: 'ConnectionLimit',
  schema,
  besideLocalReply: true,
  onConnections: true,
  once: () => [['ConnectionLimit', 'is a ConnectionLimit']],
  check(_filter, at, around, scope) {
    if (around.kind === 'listener' || around.kind === 'all') return;
    scope.report(
      [...at, 'type'],
      `A ConnectionLimit stands in a ${around.kind}.`,
      'A connection is for requests of many rules. Expected it on a listener or at the top level, or a ConcurrencyLimit.',
    );
  },
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
