// The schema of filters: what a rule changes on the way, and the answers it gives itself.

import { z } from 'zod';
import { isHostName } from '../../base/host-names.js';
import { alternatives, didYouMean, refuse } from '../../base/problems.js';
import { VARIABLES } from '../../routing/plan.js';
import { choice, decimal, fileName, integer, list, map, numberChoice, option, refusalText, text } from './build.js';
import { fieldName } from './matches.js';

/** Line breaks and NUL would end the field and start another one. */
const fieldValue = () =>
  text('a header value', 'Expected a text in one line.', (value) => !/[\0\r\n]/.test(value), undefined, VARIABLES);

const headerValue = map('a header', {
  name: option(fieldName(), 'The name of the header.'),
  value: option(
    fieldValue(),
    `Its value. These are filled in for each request: ${VARIABLES.map((name) => `\`\${${name}}\``).join(', ')}; other names at load, from the environment. \`$\${\` stands for \`\${\`.`,
  ),
});

const headerModifier = (message: string) =>
  map('a header modifier', {
    set: option(
      list('a list of headers', headerValue).optional(),
      `Replaces these headers of the ${message}, or adds them.`,
    ),
    add: option(
      list('a list of headers', headerValue).optional(),
      `Adds these headers beside those the ${message} has.`,
    ),
    remove: option(
      list('a list of header names', fieldName()).optional(),
      `Removes these headers from the ${message}.`,
    ),
  });

const hostname = () =>
  text('a host name', 'Expected a host name without scheme and port, such as shop.example.com.', isHostName);

/** Empty ones are allowed, as in the Gateway API. */
const newPath = () =>
  text('a path', 'Expected a path that starts with /.', (value) => value === '' || value.startsWith('/'));

/** Printable ASCII: what may stand in a field of a head, and in a target. */
const substitution = () =>
  text('a substitution', 'Expected printable ASCII; other characters as in %C3%A9.', (value) => /^[!-~]*$/.test(value));

const cookiePathText = () =>
  text('a path', 'Expected a path that starts with /.', (value) => /^\/[!-:<-~]*$/.test(value));

const regexRewrite = map('a rewrite by an expression', {
  pattern: option(
    text('an expression', 'Expected a regular expression in RE2 syntax.'),
    'A regular expression in RE2 syntax. It is searched for: `^` and `$` tie it to the ends.',
  ),
  substitution: option(
    substitution(),
    'What stands in the place of each match. `\\1` to `\\9` are what its groups matched, `\\0` the whole match, `\\\\` a backslash.',
  ),
});

const pathModifier = map('a path modifier', {
  type: option(
    choice('a path modifier type', ['ReplaceFullPath', 'ReplacePrefixMatch', 'ReplaceRegexMatch']),
    '`ReplaceFullPath` replaces the path, `ReplacePrefixMatch` the prefix that the rule matched, `ReplaceRegexMatch` every match of ' +
      'an expression.',
  ),
  replaceFullPath: option(newPath().optional(), 'The new path, with `ReplaceFullPath`. An empty one is `/`.'),
  replacePrefixMatch: option(
    newPath().optional(),
    'The new prefix, with `ReplacePrefixMatch`; an empty one takes the old away. Needs a `PathPrefix` match in every match of the rule.',
  ),
  replaceRegexMatch: option(
    regexRewrite.optional(),
    'The expression and what replaces its matches, with `ReplaceRegexMatch`.',
  ),
});

const urlRewrite = map('a URL rewrite', {
  hostname: option(hostname().optional(), 'The new value of `Host`.'),
  path: option(pathModifier.optional(), 'The new path. The query stays.'),
});

export const REDIRECT_STATUSES = [301, 302, 303, 307, 308] as const;

const requestRedirect = map('a redirect', {
  scheme: option(choice('a scheme', ['http', 'https']).optional(), 'The scheme of the new location.', {
    byDefault: 'that of the request, as a trusted proxy in front says it',
  }),
  hostname: option(hostname().optional(), 'The host of the new location.', { byDefault: 'that of the request' }),
  port: option(integer('a port', 1, 65535).optional(), 'The port of the new location.', {
    byDefault: 'that of `scheme` if given, else that of the request',
  }),
  path: option(pathModifier.optional(), 'The path of the new location.', { byDefault: 'that of the request' }),
  statusCode: option(numberChoice('a redirect status', REDIRECT_STATUSES).prefault(302), 'The status of the answer.'),
});

const requestMirror = map('a mirror', {
  pool: option(
    text('a pool name', 'Expected the name of a pool.'),
    'The pool that gets the copies; its answers are dropped.',
  ),
  percent: option(decimal('a percentage', 0, 100).prefault(100), 'Share of the requests that is copied.', {
    zero: 'nothing is copied',
  }),
});

const directResponse = map('a direct response', {
  status: option(integer('a status', 200, 599), 'The status of the answer.'),
  headers: option(list('a list of headers', headerValue).optional(), 'Headers of the answer.'),
  body: option(text('a body', 'Expected a text.', () => true).optional(), 'The body of the answer.', {
    byDefault: 'empty',
  }),
  file: option(
    fileName('file').optional(),
    'A file that holds the body, in place of `body`. Read when the configuration is loaded, and again with each reload; `--watch` follows it. Relative to the configuration file.',
  ),
});

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

const locationRewrite = map('a rewrite of locations', {
  rewrites: option(
    list('a list of rewrites', placeRewrite, 1),
    'The first that fits is applied to `Location`, `Content-Location` and the URL in `Refresh`.',
  ),
});

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

const cookieRewrite = map('a rewrite of cookies', {
  paths: option(list('a list of rewrites', cookiePath).optional(), 'The first that fits is applied to `Path`.'),
  domains: option(list('a list of rewrites', cookieDomain).optional(), 'The first that fits is applied to `Domain`.'),
});

const kind = <const Type extends string>(type: Type, says: string) => option(z.literal(type), says);

const variants = [
  map('a filter', {
    type: kind('RequestHeaderModifier', 'Changes headers of the request.'),
    requestHeaderModifier: option(headerModifier('request'), 'What to change.'),
  }),
  map('a filter', {
    type: kind('ResponseHeaderModifier', 'Changes headers of the response.'),
    responseHeaderModifier: option(headerModifier('response'), 'What to change.'),
  }),
  map('a filter', {
    type: kind('URLRewrite', 'Changes the host or the path that the server sees.'),
    urlRewrite: option(urlRewrite, 'What to change.'),
  }),
  map('a filter', {
    type: kind('RequestRedirect', 'Answers with a redirect; no server sees the request.'),
    requestRedirect: option(requestRedirect, 'Where to.'),
  }),
  map('a filter', {
    type: kind('RequestMirror', 'Sends a copy of the request to another pool.'),
    requestMirror: option(requestMirror, 'Where to, and how many.'),
  }),
  map('a filter', {
    type: kind('DirectResponse', 'Answers by itself; no server sees the request.'),
    directResponse: option(directResponse, 'The answer.'),
  }),
  map('a filter', {
    type: kind(
      'LocationRewrite',
      'Rewrites URLs and paths of servers in `Location`, `Content-Location` and `Refresh`, so that clients can use them.',
    ),
    locationRewrite: option(locationRewrite, 'What to change.'),
  }),
  map('a filter', {
    type: kind('CookieRewrite', 'Changes the path and the domain of cookies that servers set.'),
    cookieRewrite: option(cookieRewrite, 'What to change.'),
  }),
] as const;

export const FILTER_TYPES = variants.map((variant) => variant.shape.type.value);

export const filter = z.discriminatedUnion('type', variants, {
  error: (issue) => {
    const input: unknown = issue.input;
    const type = typeof input === 'object' && input !== null && 'type' in input ? input.type : undefined;
    const expected = `Expected ${alternatives(FILTER_TYPES)}.`;
    if (type === undefined)
      return refusalText(refuse(input, 'a filter', `Expected a map with type: ${alternatives(FILTER_TYPES)}.`));
    const meant = typeof type === 'string' ? didYouMean(type, FILTER_TYPES) : '';
    return refusalText(refuse(type, 'a filter type', expected + meant));
  },
});

export type FilterInput = z.input<typeof filter>;
