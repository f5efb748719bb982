// LocationRewrite: places that servers name, as clients can use them.

import { z } from 'zod';
import type { DocumentPath } from '../../base/document-path.js';
import { list, map, option, text } from '../../config/schema/build.js';
import type { Scope } from '../../config/scope.js';
import type { FilterKind } from '../kind.js';
import { checkSubstitution, substitution } from '../parts/substitution.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

/** A path, or a URL with its scheme and host, of printable ASCII. */
const place = () =>
  text('a path or a URL', 'Expected a path such as /app, or a URL such as http://10.0.0.1:8080/app.', (value) =>
    /^(https?:\/\/[A-Za-z0-9.:[\]-]+(\/[!-~]*)?|\/[!-~]*)$/.test(value),
  );

const placeRewrite = map('a rewrite of a place', {
  from: option(
    place().optional(),
    'What the value begins with: a path, or a URL. It is compared by whole elements, as `PathPrefix` is.',
  ),
  to: option(
    place().optional(),
    'What replaces it. With a path, the new value is a path too: it leads clients to the host they asked.',
  ),
  pattern: option(
    text('an expression', 'Expected a regular expression in RE2 syntax.').optional(),
    'In place of `from`: a regular expression in RE2 syntax. It is searched for: `^` and `$` tie it to the ends.',
  ),
  substitution: option(
    substitution().optional(),
    'In place of `to`: what replaces each match. `\\1` to `\\9` are what its groups matched, `\\0` the whole match, `\\\\` a backslash.',
  ),
});

const options = map('a rewrite of locations', {
  rewrites: option(
    list('a list of rewrites', placeRewrite, 1),
    'The first that fits is applied to `Location`, `Content-Location` and the URL in `Refresh`.',
  ),
});

const schema = map('a filter', {
  type: option(
    z.literal('LocationRewrite'),
    'Rewrites URLs and paths of servers in `Location`, `Content-Location` and `Refresh`, so that clients can use them.',
  ),
  locationRewrite: option(options, 'What to change.'),
});

export type Config = z.output<typeof schema>;

export const locationRewrite = {
  type: 'LocationRewrite',
  schema,
  check({ locationRewrite: { rewrites } }, at, _around, scope) {
    for (const [index, rewrite] of rewrites.entries())
      checkPlaceRewrite(rewrite, [...at, 'locationRewrite', 'rewrites', index], scope);
  },
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;

type PlaceRewrite = Config['locationRewrite']['rewrites'][number];

/** A prefix and another, or an expression and a substitution, and not some of each. */
function checkPlaceRewrite({ from, to, pattern, substitution }: PlaceRewrite, at: DocumentPath, scope: Scope): void {
  const isPrefix = from !== undefined && to !== undefined && pattern === undefined && substitution === undefined;
  if (isPrefix) return;
  if (pattern !== undefined && substitution !== undefined && from === undefined && to === undefined) {
    checkSubstitution({ pattern, substitution }, at, scope);
    return;
  }
  scope.report(at, 'The rewrite is not complete, or two in one.', 'Expected from and to, or pattern and substitution.');
}
