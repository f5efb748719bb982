// The schema of the global limits and timeouts.

import { duration, integer, map, option, size, sizeOrAuto } from './build.js';
import { http2Limits } from './http2-limits.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The longest head that fits into one chunk of the slab: what `headBytesMax` is by default. */
export const USUAL_HEAD_BYTES = 16 * KIB;

export const limits = map('limits', {
  headBytesMax: option(
    size(KIB, 256 * KIB).prefault('16KiB'),
    'Largest head of a request or a response. A larger request gets 431, a larger response becomes 502. Heads over 16 KiB are copied; in one worker they may take a quarter of `slabBytes` together, beside the slab.',
    { limit: '1KiB to 256KiB, at most an eighth of `slabBytes`' },
  ),
  uriBytesMax: option(size(64, 16 * KIB).optional(), 'Longest request target. A longer one gets 414.', {
    byDefault: '8KiB, or `headBytesMax` if that is less',
    limit: '64B to `headBytesMax`, at most 16KiB',
  }),
  fieldsMax: option(
    integer('a number of fields', 1, 1000).prefault(100),
    'Most header fields in one head. A request with more gets 431, a response with more becomes 502.',
  ),
  bodyBytesMax: option(size(0).prefault(0), 'Largest request body. A larger one gets 413.', { zero: 'no limit' }),
  retryBodyBytesMax: option(
    size(0, MIB).prefault('16KiB'),
    'Longest request body that is kept, so that the request can be sent again to another server. Only requests of ' +
      'idempotent methods keep one, and none does while the slab is more than half full.',
    { zero: 'only requests without a body are sent again' },
  ),
  connectionsMax: option(
    integer('a number of connections', 1, 500_000).prefault(16_384),
    'Most client connections per worker. Beyond it, new ones wait in the backlog of the listener.',
  ),
  clientBytesPerSecondMin: option(
    integer('a number of bytes per second', 0, 1_000_000).prefault(64),
    'Slowest client that is served, in bytes per second on average over `timeouts.clientRate`: how fast it takes a response ' +
      'that waits for it, or sends a body that is due. A slower one is cut, or gets 408.',
    { zero: 'no minimum: every client that moves at all is served' },
  ),
  handshakesMax: option(
    integer('a number of connections', 1, 1_000_000).prefault(4096),
    'Most TLS handshakes under way per worker. Beyond it, new https connections are closed at once.',
  ),
  retriesMax: option(
    integer('a number of retries', 0, 10).prefault(2),
    'Most retries of one request or raw connection.',
    {
      zero: 'no retries',
    },
  ),
  idleConnectionsMax: option(
    integer('a number of connections', 0, 65_536).prefault(256),
    'Most idle backend connections kept per server and worker.',
    { zero: 'none is kept: each request opens a connection' },
  ),
  mirrorsMax: option(
    integer('a number of copies', 0, 4096).prefault(128),
    'Most copies of requests under way to mirrors, per worker. Further ones are dropped and counted; the limits of the ' +
      "mirror's pool hold besides.",
    { zero: 'nothing is copied' },
  ),
  http2: option(http2Limits.prefault({}), 'What one connection of HTTP/2 may ask for.', {
    byDefault: 'each limit has its own',
  }),
  slabBytes: option(
    sizeOrAuto(MIB, 2000 * MIB).prefault('auto'),
    'Memory for bytes in flight, per worker. `auto` is 256MiB, or less where the machine or a limit of its control group has ' +
      'little memory: half of that for all workers together, at least 16MiB each.',
  ),
  rateKeysMax: option(
    integer('a number of keys', 1024, 16_777_216).prefault(1_048_576),
    'Keys that all rate limits count at once, over all workers, 17 bytes each, rounded up to a power of two. Of more keys those are ' +
      'forgotten that are free again first.',
  ),
});

export const timeouts = map('timeouts', {
  requestHead: option(
    duration().prefault('10s'),
    'To send a whole request head, from its first byte; the first of a connection from its beginning. Then 408.',
    {
      zero: 'no limit',
    },
  ),
  tlsHandshake: option(duration().prefault('10s'), 'For a TLS handshake. Then the connection is closed.', {
    zero: 'no limit',
  }),
  idle: option(duration().prefault('75s'), 'Between two requests of a client connection. Then it is closed.', {
    zero: 'no limit',
  }),
  requestBody: option(
    duration().prefault('60s'),
    'Longest pause in a request body, in which none of it moves. Then 408, or 504 when it is the server that takes nothing.',
    {
      zero: 'no limit',
    },
  ),
  connect: option(duration().prefault('5s'), 'To connect to a server. Then the next server is attempted, or 504.', {
    zero: 'no limit',
  }),
  responseHead: option(
    duration().prefault('60s'),
    'From the whole request sent until the response head is complete. Then 504.',
    {
      zero: 'no limit',
    },
  ),
  responseIdle: option(
    duration().prefault('60s'),
    'Longest pause in a response body, in which none of it moves, from the server or to the client. Then the connection is cut.',
    {
      zero: 'no limit',
    },
  ),
  backendIdle: option(
    duration().prefault('60s'),
    "An unused backend connection is closed after it. Keep it under the server's own timeout, or requests race its close.",
    { zero: 'no limit' },
  ),
  request: option(
    duration().prefault(0),
    'For a whole request, from the end of its head to the last byte of the response. Then 504.',
    {
      zero: 'no limit',
    },
  ),
  drainLead: option(
    duration(0, 3_600_000).prefault(0),
    'Before `drain`: how long the process still takes new connections and serves as ever, while `/readyz` says already that it ' +
      'ends. Time for load balancers in front to notice.',
    { zero: 'a drain closes the listeners at once' },
  ),
  drain: option(duration().prefault('30s'), 'For requests in flight when the process stops. Then they are cut.', {
    zero: 'they are cut at once',
  }),
  tunnelIdle: option(
    duration().prefault('1h'),
    'Without a byte in either direction of a WebSocket or tcp connection. Then it is closed.',
    {
      zero: 'no limit',
    },
  ),
  halfClosed: option(
    duration().prefault('30s'),
    'For a client that has ended its side of the connection (half-closed): longest pause until the next piece of its ' +
      'response. Then the client counts as gone, and its connections are closed.',
    { zero: 'no limit of its own: such a client is served like any other' },
  ),
  clientRate: option(duration(1000).prefault('30s'), 'Time over which `limits.clientBytesPerSecondMin` is measured.'),
  mirror: option(
    duration().prefault('5s'),
    'For the copy of a request at a mirror, from the end of the copied request to the end of its answer. Then it is given up.',
    { zero: 'no limit: `limits.mirrorsMax` alone bounds them' },
  ),
});
