// JWT: tokens that an issuer has signed.

import { z } from 'zod';
import { type Refusal, refuse } from '../../base/problems.js';
import { choice, duration, flag, list, map, option, scalar, text } from '../../config/schema/build.js';
import { fieldName } from '../../config/schema/field-name.js';
import { checkPageFile } from '../../config/scope.js';
import type { FilterKind } from '../kind.js';
import { checkFieldName } from '../parts/header-values.js';
import { describe } from './describe.js';
import { type Plan, plan, type TokenSource } from './plan.js';

/** Those of public keys alone: who verifies tokens by a shared secret can make them, too. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;

const SOURCE_EXPECTED = 'Expected bearer, header:NAME, cookie:NAME or query:NAME.';
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function readSource(value: unknown): TokenSource | Refusal {
  if (value === 'bearer') return { by: 'bearer', name: 'authorization' };
  const [by, name = ''] = typeof value === 'string' ? value.split(/:(.*)/s) : [];
  if (by === 'header' && TOKEN.test(name)) return { by, name: name.toLowerCase() };
  if (by === 'cookie' && TOKEN.test(name)) return { by, name };
  if (by === 'query' && name !== '') return { by, name };
  return refuse(value, 'a place of a token', SOURCE_EXPECTED);
}

const claimName = () => text('a claim', 'Expected the name of a claim, such as sub.');

const claimHeader = map('a claim for the server', {
  claim: option(claimName(), 'The claim.'),
  header: option(
    fieldName(),
    'The header in which the server gets it: text, a number, true or false, or a list of them with commas. What clients send in it, in any ' +
      'spelling, is taken away.',
  ),
});

const requiredClaim = map('a claim that is needed', {
  claim: option(claimName(), 'The claim.'),
  values: option(
    list('a list of values', text('a value', 'Expected a text.'), 1).optional(),
    'One of them must be its value, or among its values.',
    { byDefault: 'that it is there is enough' },
  ),
});

const isUrl = (value: string): boolean => /^https?:\/\//i.test(value);

const readJwks = (value: unknown): string | Refusal => {
  const expected =
    'Expected the URL of a key set, such as https://login.example/jwks.json, or the name of a file with one.';
  if (typeof value !== 'string' || value === '') return refuse(value, 'a key set', expected);
  if (isUrl(value) && !URL.canParse(value)) return refuse(value, 'a URL', expected);
  return value;
};

const options = map('token verification', {
  issuer: option(
    text('an issuer', 'Expected the issuer as tokens name it, such as https://login.example.'),
    '`iss` of the tokens, exactly.',
  ),
  audience: option(
    list('a list of audiences', text('an audience', 'Expected the audience as tokens name it.'), 1),
    'One of them must be `aud` of the token, or among its values, exactly.',
  ),
  jwks: option(
    scalar<string, string>('URL or file name', { type: 'string' }, readJwks),
    'The key set (RFC 7517) that tokens are verified with: a URL, fetched again every 10 minutes, and for an unknown key at most every 30 ' +
      'seconds; or a file, read with each (re)load, relative to the configuration.',
  ),
  algorithms: option(
    list('a list of algorithms', choice('an algorithm', ALGORITHMS), 1).prefault(['RS256', 'ES256']),
    'How tokens may be signed. What a token says of itself never widens it.',
  ),
  from: option(
    list(
      'a list of places',
      scalar<string, TokenSource>('place of a token', { type: 'string' }, readSource),
      1,
    ).prefault(['bearer']),
    'Where the token is looked for, the first that is there counts: `bearer` (in `Authorization`), `header:NAME`, `cookie:NAME`, `query:NAME`.',
  ),
  clockSkew: option(
    duration(0, 600_000).prefault('60s'),
    'How far the clocks of the issuer and this machine may be apart.',
  ),
  required: option(
    list('a list of claims', requiredClaim).prefault([]),
    'Claims without which a good token is answered with 403.',
  ),
  claimHeaders: option(
    list('a list of claims', claimHeader).prefault([]),
    'Claims that go on to the server, each in a header.',
  ),
  forwardToken: option(flag().prefault(false), 'Passes the header with the token on to the server.'),
  realm: option(
    text('a realm', 'Expected printable ASCII without quotes and backslashes.', (value) =>
      /^[ !#-[\]-~]+$/.test(value),
    ).prefault('Restricted'),
    'What `WWW-Authenticate` names.',
  ),
});

const schema = map('a filter', {
  type: option(z.literal('JWT'), 'Lets requests in that carry a token of an issuer (RFC 7519).'),
  jwt: option(options, 'Whose tokens, and for whom.'),
});

export type Config = z.output<typeof schema>;

const LOCAL = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

export const jwt = {
  type: 'JWT',
  schema,
  besideLocalReply: true,
  check({ jwt: { jwks, claimHeaders } }, place, _around, scope) {
    const at = [...place, 'jwt'];
    for (const [index, { header }] of claimHeaders.entries())
      checkFieldName(header, [...at, 'claimHeaders', index, 'header'], true, scope);
    if (isUrl(jwks)) {
      const { protocol, hostname } = new URL(jwks);
      if (protocol === 'http:' && !LOCAL.test(hostname))
        scope.warn([...at, 'jwks'], 'Keys that come by http can be swapped on the way.', 'Expected an https URL.');
      return;
    }
    const content = checkPageFile(jwks, [...at, 'jwks'], scope);
    if (content !== null && !isKeySet(content))
      scope.report(
        [...at, 'jwks'],
        `The file '${jwks}' is no key set.`,
        'Expected JSON with a list of keys: { "keys": [ … ] }.',
      );
  },
  withFiles: (filter, absolute) => ({
    ...filter,
    jwt: { ...filter.jwt, jwks: isUrl(filter.jwt.jwks) ? filter.jwt.jwks : absolute(filter.jwt.jwks) },
  }),
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;

function isKeySet(content: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(Buffer.from(content).toString('utf8'));
    return typeof value === 'object' && value !== null && 'keys' in value && Array.isArray(value.keys);
  } catch {
    return false;
  }
}
