// The one schema of a configuration: types, JSON Schema, reference page and validation all come from here.
// Owns the top level; each part stands in schema/. Leaves what no schema can say (names that must exist) to semantics.ts.

import { z } from 'zod';
import { accessLog } from './schema/access-log.js';
import { admin, metrics } from './schema/admin.js';
import { list, map, option, peers, scalar, text } from './schema/build.js';
import { errorPages } from './schema/error-pages.js';
import { filter } from './schema/filters.js';
import { limits, timeouts } from './schema/limits.js';
import { listeners } from './schema/listeners.js';
import { pools } from './schema/pools.js';
import { routes } from './schema/routes.js';
import { tests } from './schema/tests.js';
import { readNameServer } from './units.js';

const nameServer = scalar<string, string>('address', { type: 'string' }, readNameServer);

export const schema = map('a configuration', {
  listeners: option(listeners, 'Where clients come in.'),
  routes: option(routes.optional(), 'Which request goes to which pool. Needed as soon as one listener speaks http.'),
  pools: option(pools.prefault({}), 'The servers, in named groups. A name starts with a letter.', {
    byDefault: 'none: every rule answers by itself',
  }),
  filters: option(
    list('a list of filters', filter).optional(),
    'Changes to all requests and responses, around the filters of listeners, routes and rules.',
  ),
  errorPages: option(
    errorPages.optional(),
    'Pages for local replies, which are errors that Sevenfold answers itself, with a rule or without one. The pages of a rule go first.',
    { byDefault: 'one line of text, or JSON for clients that prefer it' },
  ),
  accessLog: option(
    accessLog.optional(),
    'Logs of requests, several at once. A listener with logs of its own has those alone. [Access log](access-log.md).',
    { byDefault: 'none' },
  ),
  limits: option(limits.prefault({}), 'How much of everything.', { byDefault: 'each limit has its own' }),
  timeouts: option(timeouts.prefault({}), 'How long everything may take.', { byDefault: 'each timeout has its own' }),
  trustedProxies: option(
    list('a list of CIDR ranges', peers()).prefault([]),
    'Addresses whose `X-Forwarded-*` and `X-Request-Id` are trusted: those of proxies in front of this one.',
    { byDefault: 'none' },
  ),
  nameservers: option(
    list('a list of name servers', nameServer).prefault([]),
    'DNS servers to ask for the names of servers: an address, with a port unless it is 53. The hosts file is then not read.',
    { byDefault: 'those of this machine, and its hosts file' },
  ),
  admin: option(
    admin.optional(),
    'The admin API, on a unix socket or the loopback interface: state, metrics, and changes while it runs ([admin](admin.md)).',
    { byDefault: 'none' },
  ),
  metrics: option(metrics.prefault({}), 'What is counted for Prometheus ([metrics](metrics.md)).', {
    byDefault: 'each option has its own',
  }),
  tests: option(tests.optional(), 'Requests and where they must go, for `sevenfold test`.'),
  $schema: option(
    text('an address', 'Expected the address of a JSON Schema.').optional(),
    'For editors: where the JSON Schema of this file is. Ignored.',
  ),
});

/** A configuration as it is written, in YAML, JSON or TypeScript. */
export type ConfigInput = z.input<typeof schema>;

/** A configuration as the schema reads it: defaults filled in, durations in milliseconds, sizes in bytes. */
export type ParsedConfig = z.output<typeof schema>;

/** Its routes, and their parts. What src/routing compiles of them is declared there, and they fit it. */
type ParsedRoute = NonNullable<ParsedConfig['routes']>[number];
export type ParsedRule = ParsedRoute['rules'][number];
export type ParsedMatch = NonNullable<ParsedRule['matches']>[number];

/** The JSON Schema (2020-12) of what may be written, for editors. */
export function jsonSchema(): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'ref' });
  return { $schema, title: 'Sevenfold configuration', ...rest };
}
