// The schema of listeners: where clients come in.

import type { z } from 'zod';
import { type ListenAddress, readListenAddress } from '../units.js';
import { choice, list, map, option, scalar, text } from './build.js';

export const LISTENER_PROTOCOLS = ['http', 'tcp'] as const;

const listener = map('a listener', {
  address: option(
    scalar<string, ListenAddress>(
      'address',
      { type: 'string', pattern: '^(\\[[0-9A-Fa-f:.]+\\]|[0-9.]*):[0-9]+$' },
      readListenAddress,
    ),
    'IP address and port: `0.0.0.0:8080`, `[::1]:8080`, or `:8080` for every IPv4 address.',
  ),
  protocol: option(
    choice('a protocol', LISTENER_PROTOCOLS).prefault('http'),
    '`http` reads every request and routes it. `tcp` passes bytes through to one pool unread.',
  ),
  pool: option(
    text('a pool name', 'Expected the name of a pool.').optional(),
    'The pool that gets the connections. Needed with `tcp`; with `http` the routes decide.',
  ),
});

export const listeners = list('a list of listeners', listener, 1);

export type ListenerInput = z.input<typeof listener>;
