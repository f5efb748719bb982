// CORS: which pages of other origins may read responses. The Gateway API's filter.

import { z } from 'zod';
import { flag, list, map, option, text, wholeSeconds } from '../../config/schema/build.js';
import { fieldName } from '../../config/schema/field-name.js';
import type { FilterKind } from '../kind.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

const ANY = '*';
/** A scheme, then a host of which the left part may be any labels, then perhaps a port. */
const ORIGIN = /^(\*|https?:\/\/(\*|(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:\d{1,5})?)$/i;
const ORIGIN_EXPECTED =
  'Expected *, or an origin such as https://shop.example, https://*.shop.example or http://localhost:3000.';

const originAdvice = (value: string | number | boolean): string => {
  if (typeof value !== 'string') return '';
  const parts = /^(https?:\/\/[^/]+)\/.*$/i.exec(value);
  if (parts !== null) return ` An origin has no path: ${parts[1]}.`;
  return /^[\w.-]+$/.test(value) ? ` Did you mean https://${value}?` : '';
};

const method = () =>
  text(
    'a method',
    'Expected a method in capital letters, such as PUT, or *.',
    (value) => value === ANY || /^[A-Z][A-Z-]*$/.test(value),
  );
const header = () =>
  text(
    'a header name',
    'Expected a header name such as X-Tier, or *.',
    (value) => fieldName().safeParse(value).success,
  );

/** Browsers keep none for longer. */
const MAX_AGE_SECONDS = 86_400;

const options = map('a CORS policy', {
  allowOrigins: option(
    list(
      'a list of origins',
      text('an origin', ORIGIN_EXPECTED, (value) => ORIGIN.test(value), originAdvice),
      1,
    ),
    'Origins whose pages may read responses: `https://shop.example`, with any labels in front `https://*.shop.example`, or `*` for all. ' +
      'Without a port it is that of the scheme.',
  ),
  allowCredentials: option(
    flag().prefault(false),
    'They may send cookies, and read what is answered to them. Then `*` is never sent: what was asked for is named in its place.',
  ),
  allowMethods: option(
    list('a list of methods', method()).prefault([]),
    'Methods they may use beside `GET`, `HEAD` and `POST`; `*` for all.',
  ),
  allowHeaders: option(
    list('a list of headers', header()).prefault([]),
    'Headers they may send beside the usual ones; `*` for all.',
  ),
  exposeHeaders: option(
    list('a list of headers', header()).prefault([]),
    'Headers of responses that they may read beside the usual ones; `*` for all, without credentials.',
  ),
  maxAge: option(
    wholeSeconds(MAX_AGE_SECONDS, true).prefault('5s'),
    'How long a browser may remember what it was allowed.',
    {
      zero: 'it asks each time',
    },
  ),
});

const schema = map('a filter', {
  type: option(
    z.literal('CORS'),
    'Says which pages of other origins may read responses, and answers the requests by which browsers ask.',
  ),
  cors: option(options, 'Who may do what.'),
});

export type Config = z.output<typeof schema>;

export const cors = {
  type: 'CORS',
  schema,
  besideLocalReply: true,
  once: () => [['CORS', 'is a CORS filter']],
  check({ cors }, place, _around, scope) {
    const at = [...place, 'cors'];
    for (const name of ['allowOrigins', 'allowMethods', 'allowHeaders', 'exposeHeaders'] as const) {
      const index = cors[name].indexOf(ANY);
      if (index >= 0 && cors[name].length > 1)
        scope.report([...at, name, index], "'*' stands beside others, and is for them too.", 'Expected it alone.');
    }
    if (!cors.allowCredentials) return;
    if (cors.exposeHeaders.includes(ANY)) {
      scope.report(
        [...at, 'exposeHeaders'],
        "With credentials '*' means nothing to a browser.",
        'Expected the names of the headers that pages may read.',
      );
    }
    if (cors.allowOrigins.some((origin) => /^(\*|https?:\/\/\*)/.test(origin) && !origin.includes('*.'))) {
      scope.warn(
        [...at, 'allowOrigins'],
        'Every page on the web may act with the cookies of its visitors.',
        "List the origins you trust, or leave 'allowCredentials' out.",
      );
    }
  },
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
