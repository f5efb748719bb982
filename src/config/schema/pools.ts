// The schema of pools: groups of servers that serve the same content.

import type { z } from 'zod';
import { readServerAddress, type ServerAddress } from '../units.js';
import { choice, integer, list, map, named, option, scalar, text } from './build.js';

export const BALANCE_ALGORITHMS = ['round-robin', 'least-requests', 'random', 'ip-hash', 'consistent-hash'] as const;

const server = map('a server', {
  address: option(
    scalar<string, ServerAddress>('address', { type: 'string' }, readServerAddress),
    'Host and port, `10.0.0.11:3000`, `[fd00::1]:3000` or `app.internal:3000`; or `unix:/run/app.sock`.',
  ),
  weight: option(
    integer('a weight', 0, 1000).prefault(1),
    "Share of the pool's requests, against the sum of its weights.",
    {
      zero: 'the server is drained: it gets no new requests',
      limit: '0 to 1000',
    },
  ),
  name: option(text('a name', 'Expected a name.').optional(), 'A name for messages, logs and metrics.', {
    byDefault: 'the address',
  }),
});

const pool = map('a pool', {
  balance: option(
    choice('a balancing algorithm', BALANCE_ALGORITHMS).prefault('round-robin'),
    'How a server is chosen: in turn, the one with the fewest requests in flight, the better of two at random, ' +
      "by the client's address, or by a hash that moves few clients when servers come and go.",
  ),
  servers: option(list('a list of servers', server), 'The servers. An empty list is allowed; requests then get 503.'),
});

export const pools = named('a map from pool names to pools', pool);

export type PoolInput = z.input<typeof pool>;
