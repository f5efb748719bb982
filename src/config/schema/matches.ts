// The schema of matches: the conditions of a rule on a request.

import type { z } from 'zod';
import { didYouMean, Refusal, refuse } from '../problems.js';
import { readCidr } from '../units.js';
import { choice, flag, list, map, option, scalar, text } from './build.js';

export const PATH_TYPES = ['Exact', 'PathPrefix', 'RegularExpression'] as const;
export const STRING_TYPES = ['Exact', 'Prefix', 'Suffix', 'Contains', 'Present', 'RegularExpression'] as const;

/** A token of RFC 9110, 5.6.2: what names of header fields and cookies are made of. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

export const fieldName = (noun = 'a header name') =>
  text(noun, 'Expected letters, digits and hyphens, such as X-Tier.', (value) => TOKEN.test(value));

const path = map('a path match', {
  type: option(
    choice('a path type', PATH_TYPES).prefault('PathPrefix'),
    'How the path is compared. `PathPrefix` compares whole path elements: `/api` matches `/api/x`, not `/apis`. ' +
      '`RegularExpression` must match the whole path and runs in linear time.',
  ),
  value: option(
    text('a path', 'Expected a path that starts with /.').prefault('/'),
    'The path, normalised as requests are before they are compared. It starts with `/` and has no query.',
  ),
});

const stringMatch = (what: string, nameSchema: ReturnType<typeof text>) =>
  map(`a ${what} match`, {
    name: option(nameSchema, `The name of the ${what}.`),
    type: option(choice('a match type', STRING_TYPES).prefault('Exact'), 'How the value is compared.'),
    value: option(
      text('a value', 'Expected a text.', () => true).optional(),
      'What the value is compared with. Left out with `Present`, needed with the others.',
    ),
    invert: option(flag().prefault(false), 'True turns the condition round: it holds when it would not.'),
  });

/** The HTTP methods that the parser knows. */
export const METHODS: readonly string[] = (
  'GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH UNLOCK BIND ' +
  'REBIND UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE PURGE MKCALENDAR LINK ' +
  'UNLINK SOURCE QUERY'
).split(' ');

const method = scalar<string, string>('method', { type: 'string', enum: METHODS }, (value) => {
  if (typeof value === 'string' && METHODS.includes(value)) return value;
  const expected = 'Expected a method in capitals, such as GET or POST.';
  return refuse(value, 'a method', expected + (typeof value === 'string' ? didYouMean(value, METHODS) : ''));
});

const clientAddress = scalar<string | readonly string[], string[]>(
  'CIDR range, or a list of them',
  { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, minItems: 1 }] },
  (value) => {
    const ranges: string[] = [];
    for (const item of Array.isArray(value) ? value : [value]) {
      const range = readCidr(item);
      if (range instanceof Refusal) return range;
      ranges.push(range);
    }
    return ranges.length > 0 ? ranges : new Refusal('The list is empty.', 'Expected at least one CIDR range.');
  },
);

export const match = map('a match', {
  path: option(path.optional(), 'A condition on the path.', { byDefault: 'any path' }),
  method: option(method.optional(), 'The method, in capitals.', { byDefault: 'any method' }),
  headers: option(
    list('a list of header matches', stringMatch('header', fieldName())).optional(),
    'Conditions on header fields; all must hold. A repeated field is compared as its values joined by commas.',
  ),
  queryParams: option(
    list(
      'a list of query parameter matches',
      stringMatch('query parameter', text('a name', 'Expected a name.')),
    ).optional(),
    'Conditions on query parameters; all must hold.',
  ),
  cookies: option(
    list('a list of cookie matches', stringMatch('cookie', fieldName('a cookie name'))).optional(),
    'Conditions on cookies; all must hold.',
  ),
  clientAddress: option(
    clientAddress.optional(),
    'An address or CIDR range, or a list of them; the address of the client must be in one of them.',
    { byDefault: 'any address' },
  ),
});

export type MatchInput = z.input<typeof match>;
