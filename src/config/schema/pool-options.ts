// The schema of what a pool may say beyond its servers: health, ejection, stickiness, retries, limits.
// Owns names, defaults and bounds. Leaves their meaning to src/balance and src/health, and resolving them to ../pool-options.ts.

import { Refusal, refuse } from '../../base/problems.js';
import { SPLIT_COOKIE } from '../../routing/sticky.js';
import { choice, decimal, duration, flag, integer, list, map, option, scalar, text } from './build.js';
import { fieldName } from './field-name.js';

/** Inclusive range of statuses. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

const STATUS_EXPECTED = 'Expected a status such as 204, or a range such as 200-299, from 100 to 599.';

export const statusRange = scalar<number | string, StatusRange>(
  'status or range',
  {
    anyOf: [
      { type: 'integer', minimum: 100, maximum: 599 },
      { type: 'string', pattern: '^[1-5][0-9]{2}-[1-5][0-9]{2}$' },
    ],
  },
  (value) => {
    const match = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(String(value));
    if (match === null || (typeof value !== 'string' && typeof value !== 'number')) {
      const [, hundreds] = /^([1-5])xx$/i.exec(String(value)) ?? [];
      const meant = hundreds === undefined ? '' : ` Did you mean ${hundreds}00-${hundreds}99?`;
      return refuse(value, 'a status', STATUS_EXPECTED + meant);
    }
    const from = Number(match[1]);
    const to = Number(match[2] ?? match[1]);
    return from <= to ? { from, to } : new Refusal(`The range ${value} is empty.`, STATUS_EXPECTED);
  },
);

const oneLine = (noun: string) =>
  text(noun, 'Expected a text in one line.', (value) => value !== '' && !/[\0\r\n]/.test(value));

const sentHeader = map('a header', {
  name: option(fieldName(), 'The name of the header.'),
  value: option(oneLine('a header value'), 'Its value.'),
});

const expectedHeader = map('an expected header', {
  name: option(fieldName(), 'The name of the header.'),
  value: option(oneLine('a header value').optional(), 'Its value.', { byDefault: 'any value' }),
});

export const healthCheck = map('a health check', {
  type: option(
    choice('a kind of check', ['http', 'tcp']).prefault('http'),
    'An HTTP request whose response is checked, or only a TCP connect.',
  ),
  method: option(
    choice('a method for checks', ['GET', 'HEAD', 'OPTIONS']).prefault('GET'),
    'The method of the request.',
  ),
  path: option(
    text('a path', 'Expected a path that starts with /, with its query.', (value) => /^\/[!-~]*$/.test(value)).prefault(
      '/',
    ),
    'The path of the request.',
  ),
  host: option(oneLine('a host').optional(), 'The `Host` of the request.', {
    byDefault: 'the name or address the server is listed by, and its port',
  }),
  headers: option(list('a list of headers', sentHeader).prefault([]), 'Headers to send.'),
  expectedStatuses: option(
    list('a list of statuses', statusRange, 1).prefault(['200-399']),
    'Statuses that pass: single ones and ranges.',
  ),
  expectedBody: option(
    text('a text', 'Expected a text that the body must contain.').optional(),
    'A text that the first 64KiB of the body must contain.',
    { byDefault: 'any body' },
  ),
  expectedHeaders: option(list('a list of headers', expectedHeader).prefault([]), 'Headers that the answer must have.'),
  port: option(integer('a port', 1, 65535).optional(), 'The port to check.', {
    byDefault: "the server's own",
  }),
  interval: option(duration(100, 3_600_000).prefault('5s'), 'Between two checks of a server.'),
  doubtInterval: option(
    duration(100, 3_600_000).prefault('1s'),
    'Between two checks while the last ones disagree with the state, but were too few to change it.',
    { limit: '100ms to `interval`' },
  ),
  jitter: option(
    decimal('a share', 0, 0.5).prefault(0.1),
    'Share by which intervals are stretched or shrunk at random, so that checks do not march in step.',
  ),
  timeout: option(
    duration(10, 60_000).prefault('2s'),
    'For a whole check. The start waits for the first ones that long at most.',
  ),
  unhealthyThreshold: option(
    integer('a number of checks', 1, 100).prefault(3),
    'Failed checks in a row that take a server out. The very first check decides alone.',
  ),
  healthyThreshold: option(
    integer('a number of checks', 1, 100).prefault(2),
    'Passed checks in a row that bring a server back.',
  ),
});

export const outlierDetection = map('outlier detection', {
  failures: option(
    integer('a number of failures', 0, 1_000_000).prefault(5),
    'Failed connects, resets and timeouts in a row that eject a server.',
    { zero: 'they eject no server' },
  ),
  errors: option(
    integer('a number of errors', 0, 1_000_000).prefault(0),
    'Responses of 500 and above in a row that eject a server.',
    { zero: 'they eject no server' },
  ),
  baseEjection: option(
    duration(100).prefault('10s'),
    'Length of a first ejection. The nth in a row lasts n times as long; each time spent well takes one back.',
  ),
  maxEjection: option(duration().prefault('5m'), 'Length of the longest ejection.', {
    limit: 'at least `baseEjection`',
  }),
  maxEjectedPercent: option(
    integer('a percentage', 0, 100).prefault(50),
    'Share of the pool that may be ejected at once; of two servers or more always one, the only one just at 100.',
    { zero: 'no server is ejected' },
  ),
});

/** A text that no message repeats. */
const secret = () =>
  scalar<string, string>('text', { type: 'string', minLength: 1 }, (value) => {
    if (typeof value === 'string' && value !== '') return value;
    return new Refusal('The secret is not a text.', 'Expected a text, in quotes where it looks like a number.');
  });

const session = (cookie: string) =>
  map('session persistence', {
    type: option(
      choice('a kind of session', ['Cookie', 'Header']).prefault('Cookie'),
      'Where a client names its server, or its pool.',
    ),
    cookieName: option(fieldName('a cookie name').optional(), 'The cookie, with `Cookie`.', {
      byDefault: `\`${cookie}\``,
    }),
    headerName: option(fieldName().optional(), 'The header, with `Header`: answers carry it, requests repeat it.'),
    lifetime: option(duration().prefault(0), 'Lifetime of the cookie, in whole seconds.', {
      zero: 'it ends with the browser session',
    }),
    path: option(
      text('a path', 'Expected a path that starts with /.', (value) => /^\/[^;\0-\x20]*$/.test(value)).prefault('/'),
      'The `Path` of the cookie.',
    ),
    secure: option(flag().prefault(true), 'The cookie is `Secure`: browsers send it over TLS alone.'),
    httpOnly: option(flag().prefault(true), 'The cookie is `HttpOnly`: scripts do not see it.'),
    sameSite: option(
      choice('a SameSite value', ['Strict', 'Lax', 'None']).prefault('Lax'),
      '`SameSite` of the cookie.',
    ),
    secret: option(
      secret().optional(),
      'Key of the hash that stands for the server, or the pool, in the cookie or header. Use the same on every balancer of a site.',
      { byDefault: 'none: the hash can be computed by clients that know an address, or the name of a pool' },
    ),
  });

/** Of a pool: which server a client had. */
export const sessionPersistence = session('sevenfold');

/** Of a rule: which pool a client had. */
export const splitPersistence = session(SPLIT_COOKIE);

const RETRY_CAUSES = ['connect-failure', 'reset', 'timeout', 'status'] as const;

export const retry = map('a retry policy', {
  retriesMax: option(integer('a number of retries', 0, 10).optional(), 'Most retries of one request.', {
    zero: 'no retries',
    byDefault: '`limits.retriesMax`',
  }),
  on: option(
    list('a list of causes', choice('a cause', RETRY_CAUSES)).prefault(['connect-failure', 'reset', 'timeout']),
    'What is retried: a failed connect; a connection that ended before the answer began; no answer in time; one of ' +
      '`statuses`. Only a failed connect is retried for methods that are not idempotent.',
  ),
  statuses: option(
    list('a list of statuses', integer('a status', 400, 599)).prefault([502, 503, 504]),
    'Statuses that are retried when `on` has `status`.',
  ),
  perTryTimeout: option(duration().prefault(0), 'From the request sent until the response head, for each try.', {
    zero: '`timeouts.responseHead` alone',
  }),
  backoff: option(
    duration().prefault('25ms'),
    'Before the second retry; doubles with each further one, at random between half and all of it. The first goes at once.',
    { zero: 'no wait' },
  ),
  maxBackoff: option(duration().prefault('250ms'), 'The longest wait between two attempts.'),
  budgetPercent: option(
    integer('a percentage', 0, 100).prefault(20),
    'Retries the pool may spend, as a share of its requests of the last ten seconds, beside `budgetPerSecond`.',
    { zero: '`budgetPerSecond` alone' },
  ),
  budgetPerSecond: option(
    integer('a number of retries', 0, 10_000).prefault(10),
    'Retries per second the pool may spend however few requests it gets.',
    { zero: '`budgetPercent` alone' },
  ),
});

const COUNT_MAX = 1_000_000;

export const poolLimits = map('pool limits', {
  serverConnectionsMax: option(
    integer('a number of connections', 0, COUNT_MAX).prefault(0),
    'Connections in use to one server, all workers together; idle ones that are kept come on top. Further requests wait.',
    { zero: 'no limit' },
  ),
  serverRequestsMax: option(
    integer('a number of requests', 0, COUNT_MAX).prefault(0),
    'Requests in flight at one server, all workers together. Further ones wait.',
    { zero: 'no limit' },
  ),
  connectionRequestsMax: option(
    integer('a number of requests', 0, COUNT_MAX).prefault(0),
    'Requests on one backend connection before it is closed.',
    { zero: 'no limit' },
  ),
  queueMax: option(
    integer('a number of requests', 0, COUNT_MAX).prefault(1024),
    'Requests that may wait for a server with room, all workers together. Further ones get 503 with `Retry-After`.',
    { zero: 'no request waits' },
  ),
  queueTimeout: option(duration(100).prefault('5s'), 'To wait for a server with room. Then 503.'),
  poolRequestsMax: option(
    integer('a number of requests', 0, COUNT_MAX).prefault(0),
    'Circuit breaker: requests in flight in the whole pool, waiting ones and copies to a mirror included. Further ones get 503 at once.',
    { zero: 'no limit' },
  ),
});

const HASH_KEYS = ['ClientAddress', 'Path', 'Header', 'Cookie', 'QueryParam'] as const;

export const hashKey = map('a hash key', {
  type: option(choice('a kind of key', HASH_KEYS), 'What is hashed.'),
  name: option(text('a name', 'Expected a name.').optional(), 'The name of the header, cookie or query parameter.'),
});
