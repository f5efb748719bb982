// URLRewrite: another host or path for the server.

import { z } from 'zod';
import { map, option } from '../../config/schema/build.js';
import type { FilterConfig } from '../../routing/plan.js';
import type { FilterKind } from '../kind.js';
import { hostname } from '../parts/hostname.js';
import { checkPathModifier, pathModifier } from '../parts/path-modifier.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

const options = map('a URL rewrite', {
  hostname: option(hostname().optional(), 'The new value of `Host`.'),
  path: option(pathModifier.optional(), 'The new path. The query stays.'),
});

const schema = map('a filter', {
  type: option(z.literal('URLRewrite'), 'Changes the host or the path that the server sees.'),
  urlRewrite: option(options, 'What to change.'),
});

export type Config = z.output<typeof schema>;

/** A filter in a rule that takes the place of one around it, as far as the path goes. */
const rewritesPath = (filter: FilterConfig): boolean =>
  filter.type === 'URLRewrite' && (filter as Config).urlRewrite.path !== undefined;

export const urlRewrite = {
  type: 'URLRewrite',
  schema,
  once({ urlRewrite: { hostname, path } }) {
    return [
      ...(hostname === undefined ? [] : [['hostname', 'rewrites the host name'] as const]),
      ...(path === undefined ? [] : [['path', 'rewrites the path'] as const]),
    ];
  },
  check({ urlRewrite: { hostname, path } }, at, around, scope) {
    if (hostname === undefined && path === undefined)
      scope.report([...at, 'urlRewrite'], 'The rewrite changes nothing.', 'Expected hostname, path or both.');
    checkPathModifier(path, [...at, 'urlRewrite', 'path'], around, rewritesPath, scope);
  },
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
