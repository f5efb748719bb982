// RequestRedirect: an answer that sends the client to another place.

import { z } from 'zod';
import { choice, integer, map, numberChoice, option } from '../../config/schema/build.js';
import type { FilterKind } from '../kind.js';
import { hostname } from '../parts/hostname.js';
import { checkPathModifier, pathModifier } from '../parts/path-modifier.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

const STATUSES = [301, 302, 303, 307, 308] as const;

const options = map('a redirect', {
  scheme: option(choice('a scheme', ['http', 'https']).optional(), 'The scheme of the new location.', {
    byDefault: 'that of the request, as a trusted proxy in front says it',
  }),
  hostname: option(hostname().optional(), 'The host of the new location.', { byDefault: 'that of the request' }),
  port: option(integer('a port', 1, 65535).optional(), 'The port of the new location.', {
    byDefault: 'that of `scheme` if given, else that of the request',
  }),
  path: option(pathModifier.optional(), 'The path of the new location.', { byDefault: 'that of the request' }),
  statusCode: option(numberChoice('a redirect status', STATUSES).prefault(302), 'The status of the answer.'),
});

const schema = map('a filter', {
  type: option(z.literal('RequestRedirect'), 'Answers with a redirect; no server sees the request.'),
  requestRedirect: option(options, 'Where to.'),
});

export type Config = z.output<typeof schema>;

export const requestRedirect = {
  type: 'RequestRedirect',
  schema,
  localReply: ({ statusCode }) => ({ status: statusCode, says: `redirect ${statusCode}` }),
  once: () => [['RequestRedirect', 'is a RequestRedirect']],
  check({ requestRedirect: { scheme, hostname, port, path } }, at, around, scope) {
    if (scheme === undefined && hostname === undefined && port === undefined && path === undefined) {
      scope.report(
        [...at, 'requestRedirect'],
        'The redirect leads back to the same URL.',
        'Expected scheme, hostname, port or path.',
      );
    }
    checkPathModifier(path, [...at, 'requestRedirect', 'path'], around, () => false, scope);
  },
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
