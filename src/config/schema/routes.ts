// The schema of routes and their rules: which request goes where.

import { REPEATED_SLASHES } from '../../routing/plan.js';
import { choice, duration, integer, list, map, option, size, text } from './build.js';
import { errorPages } from './error-pages.js';
import { filter } from './filters.js';
import { match } from './matches.js';
import { hashKey, splitPersistence } from './pool-options.js';

const name = (what: string) =>
  option(
    text('a name', 'Expected a name.').optional(),
    `A name for the ${what}, shown in messages and by \`routes\`, \`explain\` and \`diff\`.`,
  );

export const backendRef = map('a backend reference', {
  pool: option(text('a pool name', 'Expected the name of a pool.'), 'The name of the pool.'),
  weight: option(
    integer('a weight', 0, 1_000_000).prefault(1),
    'Share of the requests or connections, against the sum of the weights.',
    {
      zero: 'the pool gets nothing',
    },
  ),
});

const ruleTimeouts = map('timeouts of a rule', {
  request: option(
    duration().optional(),
    'For the whole request, from the end of its head to the last byte of the response.',
    {
      zero: 'no limit',
      byDefault: '`timeouts.request`',
    },
  ),
  backendRequest: option(
    duration().optional(),
    'For one attempt at one server, from the whole request sent until the whole response is received. It takes the place of ' +
      '`timeouts.responseHead`, unless the rule has a `responseHead` of its own, and of `perTryTimeout` of the pool.',
    { zero: 'no limit', byDefault: '`perTryTimeout` of the pool, which ends with the head' },
  ),
  responseHead: option(
    duration().optional(),
    'From the whole request sent until the response head is complete. Then 504, or a retry.',
    { zero: 'no limit', byDefault: '`timeouts.responseHead`, or none where `backendRequest` is given' },
  ),
  responseIdle: option(duration().optional(), 'As `timeouts.responseIdle`.', {
    zero: 'no limit',
    byDefault: '`timeouts.responseIdle`',
  }),
  requestBody: option(duration().optional(), 'As `timeouts.requestBody`.', {
    zero: 'no limit',
    byDefault: '`timeouts.requestBody`',
  }),
  tunnelIdle: option(duration().optional(), 'As `timeouts.tunnelIdle`, for upgraded connections such as WebSockets.', {
    zero: 'no limit',
    byDefault: '`timeouts.tunnelIdle`',
  }),
});

const ruleLimits = map('limits of a rule', {
  bodyBytesMax: option(size(0).optional(), 'Largest request body. A larger one gets 413.', {
    zero: 'no limit',
    byDefault: '`limits.bodyBytesMax`',
  }),
  retryBodyBytesMax: option(size(0, 1_048_576).optional(), 'As `limits.retryBodyBytesMax`.', {
    zero: 'only requests without a body are sent again',
    byDefault: '`limits.retryBodyBytesMax`',
  }),
});

const PRIORITY_MAX = 1_000_000;

export const repeatedSlashes = (byDefault: string) =>
  option(
    choice('a way', REPEATED_SLASHES).optional(),
    'What the server gets for a run of `/` in a path: `merge` sends one `/`, `keep` sends the run as it came (for signed URLs ' +
      'and URLs inside paths), `refuse` answers 400. Rules see one `/` in every case.',
    { byDefault },
  );

const rule = map('a rule', {
  name: name('rule'),
  priority: option(
    integer('a priority', -PRIORITY_MAX, PRIORITY_MAX).prefault(0),
    'A rule of a higher priority wins over all of a lower one, whatever their host names and paths. For rules that must not ' +
      'lose to more specific ones, such as denials. A negative one makes a rule the last resort.',
  ),
  matches: option(list('a list of matches', match, 1).optional(), 'The rule applies when one of these holds.', {
    byDefault: 'every request',
  }),
  filters: option(
    list('a list of filters', filter).optional(),
    'What is changed in requests and responses, in this order.',
  ),
  pool: option(
    text('a pool name', 'Expected the name of a pool.').optional(),
    'The pool that gets the requests: the short form of `backendRefs` with one entry.',
  ),
  backendRefs: option(
    list('a list of backend references', backendRef, 1).optional(),
    'The pools that share the requests by weight.',
  ),
  hashKey: option(
    hashKey.optional(),
    'Chooses one of `backendRefs` by a hash of this value: equal values go to the same pool, and the weights say how many ' +
      'values go to each. When weights change, only as many values move as must. A request without the value goes to any pool, by weight.',
    { byDefault: 'the pools take turns' },
  ),
  sessionPersistence: option(
    splitPersistence.optional(),
    'Chooses one of `backendRefs` by weight for a new client, and keeps the client there whatever the weights become. At ' +
      'weight 0 the clients of a pool move.',
    { byDefault: 'the pools take turns' },
  ),
  fallback: option(
    text('a pool name', 'Expected the name of a pool.').optional(),
    'The pool that takes over when the pools of the rule cannot answer: no server can be used or has room, all tries ' +
      'failed, or all weights are 0. It gets requests that no server has seen, and those of idempotent methods, which may be sent again.',
    { byDefault: 'none: the client gets 502, 503 or 504' },
  ),
  errorPages: option(
    errorPages.optional(),
    'Pages for local replies to requests of this rule: errors that Sevenfold answers itself, not those of servers.',
    { byDefault: 'those of all' },
  ),
  timeouts: option(
    ruleTimeouts.optional(),
    'Deadlines for requests of this rule. Each takes the place of the deadline of all requests, longer or shorter.',
  ),
  limits: option(ruleLimits.optional(), 'Limits for requests of this rule, in place of the limits of all requests.'),
  repeatedSlashes: repeatedSlashes('that of the listener'),
});

const route = map('a route', {
  name: name('route'),
  listeners: option(
    list('a list of listener names', text('a listener name', 'Expected the name of a listener.'), 1).optional(),
    'Names of the listeners whose requests the rules are for, as `sectionName` of a `parentRef` in the Gateway API. Requests of other ' +
      'listeners never see them.',
    { byDefault: 'every listener' },
  ),
  hostnames: option(
    list(
      'a list of host names',
      text('a host name', 'Expected a host name such as shop.example.com or *.example.com.'),
      1,
    ).optional(),
    'Hosts the rules are for: exact, or `*.` and a domain for every host below it. Case and port do not matter.',
    { byDefault: 'every host' },
  ),
  filters: option(
    list('a list of filters', filter).optional(),
    'Changes to requests of all its rules and their responses, around the filters of the rules.',
  ),
  rules: option(
    list('a list of rules', rule, 1),
    'The rules. The highest `priority` wins, then the most specific match, then the order of the file.',
  ),
});

export const routes = list('a list of routes', route);
