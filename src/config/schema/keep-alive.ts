// The schema of TCP keep-alive, of listeners and of pools.

import { integer, map, option, wholeSeconds } from './build.js';

/** Linux takes at most 32767 seconds for either. */
const SECONDS_MAX = 9 * 3600;

export const tcpKeepAlive = map('TCP keep-alive options', {
  idle: option(
    wholeSeconds(SECONDS_MAX, true).prefault('60s'),
    'Silence after which the kernel probes whether the peer is still there.',
    { zero: 'it never does' },
  ),
  interval: option(wholeSeconds(SECONDS_MAX, false).prefault('10s'), 'Time between two probes.'),
  probes: option(
    integer('a number of probes', 1, 127).prefault(3),
    'Probes that stay unanswered before the peer counts as gone.',
  ),
});
