// CookieRewrite: the path and the domain of cookies that servers set.

import { z } from 'zod';
import { list, map, option, text } from '../../config/schema/build.js';
import type { FilterKind } from '../kind.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

const cookiePathText = () =>
  text('a path', 'Expected a path that starts with /.', (value) => /^\/[!-:<-~]*$/.test(value));

const cookiePath = map('a rewrite of a cookie path', {
  from: option(cookiePathText(), 'What the path begins with, compared by whole elements.'),
  to: option(cookiePathText(), 'What replaces it.'),
});

const cookieDomain = map('a rewrite of a cookie domain', {
  from: option(
    text('a domain', 'Expected a domain such as internal.example, or * for every one.', (value) =>
      /^(\*|\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)$/.test(value),
    ),
    'The whole domain, in any case and with or without a dot in front, or `*` for every one.',
  ),
  to: option(
    text('a domain', 'Expected a domain such as shop.example, or an empty text.', (value) =>
      /^(\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)?$/.test(value),
    ),
    'The domain that replaces it. An empty one removes the attribute: the cookie is then for the host of the request alone.',
  ),
});

const options = map('a rewrite of cookies', {
  paths: option(list('a list of rewrites', cookiePath).optional(), 'The first that fits is applied to `Path`.'),
  domains: option(list('a list of rewrites', cookieDomain).optional(), 'The first that fits is applied to `Domain`.'),
});

const schema = map('a filter', {
  type: option(z.literal('CookieRewrite'), 'Changes the path and the domain of cookies that servers set.'),
  cookieRewrite: option(options, 'What to change.'),
});

export type Config = z.output<typeof schema>;

export const cookieRewrite = {
  type: 'CookieRewrite',
  schema,
  check({ cookieRewrite: { paths = [], domains = [] } }, at, _around, scope) {
    if (paths.length + domains.length === 0)
      scope.report([...at, 'cookieRewrite'], 'The filter changes nothing.', 'Expected paths, domains or both.');
  },
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
