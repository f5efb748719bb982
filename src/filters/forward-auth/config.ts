// ForwardAuth: another server decides about each request.

import { z } from 'zod';
import { duration, integer, list, map, option, text } from '../../config/schema/build.js';
import { fieldName } from '../../config/schema/field-name.js';
import { checkPoolName } from '../../config/scope.js';
import type { FilterKind } from '../kind.js';
import { checkFieldName } from '../parts/header-values.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

const headers = () => list('a list of headers', fieldName());

/** Fields of a request that say how to read it, or whom it is for: they never go along. */
const NOT_SENT =
  /^(host|content-.*|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|proxy-.*|x-forwarded-.*|forwarded)$/i;

const options = map('a forwarded authentication', {
  pool: option(
    text('a pool name', 'Expected the name of a pool.'),
    'The pool whose servers decide. They are asked by plain HTTP/1.1.',
  ),
  path: option(
    text('a path', 'Expected a path that starts with /.', (value) => /^\/[!-~]*$/.test(value)).prefault('/'),
    'What they are asked for, by `GET`, with a query if need be.',
  ),
  timeout: option(duration(1, 60_000).prefault('5s'), 'How long they may take.'),
  passStatuses: option(
    list('a list of statuses', integer('a status', 200, 299), 1).prefault([200]),
    'Statuses by which they let a request pass.',
  ),
  requestHeaders: option(
    headers().prefault(['Authorization', 'Cookie', 'Accept', 'User-Agent', 'X-Requested-With']),
    'Headers of the client that go along, beside `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri` and `-For`.',
  ),
  responseHeaders: option(
    headers().prefault([]),
    'Headers of a passing response that go on to the server. What clients send in them, in any spelling, is taken away, also where the response has ' +
      'none.',
  ),
  cookies: option(
    list('a list of cookies', fieldName('a cookie name')).prefault([]),
    'Cookies that a passing response may set at the client. Those of a refusal go to it with all else.',
  ),
  answerBytesMax: option(
    integer('a number of bytes', 0, 1_048_576).prefault(65_536),
    'Longest body of a refusal that goes to the client.',
  ),
});

const schema = map('a filter', {
  type: option(
    z.literal('ForwardAuth'),
    'Asks a server about each request: it lets it pass, or its response goes to the client.',
  ),
  forwardAuth: option(options, 'Whom, and with what.'),
});

export type Config = z.output<typeof schema>;

export const forwardAuth = {
  type: 'ForwardAuth',
  schema,
  besideLocalReply: true,
  check({ forwardAuth: { pool, requestHeaders, responseHeaders } }, place, _around, scope) {
    const at = [...place, 'forwardAuth'];
    checkPoolName(pool, [...at, 'pool'], scope);
    if (scope.poolsBeyondHttp.has(pool)) {
      scope.report(
        [...at, 'pool'],
        `The servers of '${pool}' expect TLS or a PROXY header.`,
        "Expected a pool without 'tls' and 'proxyProtocol': they are asked by plain HTTP.",
      );
    }
    for (const [index, name] of requestHeaders.entries()) {
      if (NOT_SENT.test(name))
        scope.report(
          [...at, 'requestHeaders', index],
          `'${name}' never goes along.`,
          'It belongs to the request that it came with.',
        );
    }
    for (const [index, name] of responseHeaders.entries())
      checkFieldName(name, [...at, 'responseHeaders', index], true, scope);
  },
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
