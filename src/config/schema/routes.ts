// The schema of routes and their rules: which request goes where.

import type { z } from 'zod';
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
    'For one try at one server, from the whole request sent until the whole response is received. It takes the place of ' +
      '`timeouts.responseHead`, unless the rule has a `responseHead` of its own, and of `perTryTimeout` of the pool.',
    { zero: 'no limit', byDefault: '`perTryTimeout` of the pool, which ends with the head' },
  ),
  responseHead: option(
    duration().optional(),
    'From the whole request sent until the response head is complete. Then 504, or another server is tried.',
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
    'What becomes of runs of `/` in a path. Rules see one `/` in any case. `merge` gives the server that too, `keep` leaves ' +
      'them for the server, as signed URLs and URLs inside paths need it, and `refuse` answers 400.',
    { byDefault },
  );

const rule = map('a rule', {
  name: name('rule'),
  priority: option(
    integer('a priority', -PRIORITY_MAX, PRIORITY_MAX).prefault(0),
    'Of all rules that match, those of the highest priority come first, before host names and paths are compared. For rules that must ' +
      'not lose to more specific ones, such as denials, and with a negative one, for a last resort.',
  ),
  matches: option(list('a list of matches', match, 1).optional(), 'The rule applies when one of these holds.', {
    byDefault: 'every request',
  }),
  filters: option(list('a list of filters', filter).optional(), 'What is changed on the way, in this order.'),
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
    'Leads a client to one of `backendRefs` by a hash of this, as often as the weights say, and to the same one again. When ' +
      'weights change no more clients move than must. A request without it goes to any of them.',
    { byDefault: 'the pools take turns' },
  ),
  sessionPersistence: option(
    splitPersistence.optional(),
    'Leads a client to one of `backendRefs` by weight once, and to the same one from then on, whatever the weights become; ' +
      'at weight 0 its clients move.',
    { byDefault: 'the pools take turns' },
  ),
  fallback: option(
    text('a pool name', 'Expected the name of a pool.').optional(),
    'The pool that takes over where the pools of the rule cannot answer: no server of theirs can be used or has room, or the ' +
      'tries came to nothing. It gets what may be sent again: requests that no server has seen, and those of idempotent methods.',
    { byDefault: 'none: the client gets 502, 503 or 504' },
  ),
  errorPages: option(
    errorPages.optional(),
    'Pages for local replies to requests of this rule: errors that Sevenfold answers itself, not those of servers.',
    { byDefault: 'those of all' },
  ),
  timeouts: option(
    ruleTimeouts.optional(),
    'Deadlines for requests of this rule: each takes the place of the one of all, longer or shorter.',
  ),
  limits: option(ruleLimits.optional(), 'Limits for requests of this rule, in place of those of all.'),
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
    'What is changed on the way for all its rules, around their own filters.',
  ),
  rules: option(
    list('a list of rules', rule, 1),
    'The rules. The most specific match wins, then the order of the file.',
  ),
});

export const routes = list('a list of routes', route);

export type RouteInput = z.input<typeof route>;
export type RuleInput = z.input<typeof rule>;
