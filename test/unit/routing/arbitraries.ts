// Random rule sets and requests over tiny alphabets, so that names, prefixes and values collide all the time.

import fc from 'fast-check';
import type {
  ClientCertificateMatchConfig,
  MatchConfig,
  RouteConfig,
  StringMatchConfig,
  ValueMatchConfig,
} from '../../../src/routing/input.js';
import type { ReferenceRequest } from './reference.js';

/** Makes an arbitrary of a record whose keys may each be missing. */
const partly = <T extends object>(arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(arbitraries, { requiredKeys: [] });

const label = fc.constantFrom('a', 'b', 'ab');
const name = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
const hostname = fc.oneof(
  { weight: 3, arbitrary: name },
  { weight: 2, arbitrary: name.map((rest) => `*.${rest}`) },
  { weight: 1, arbitrary: fc.constant('*') },
);

const element = fc.constantFrom('a', 'b', 'ab', 'a.b', '%2F');
const elements = fc.array(element, { maxLength: 3 }).map((list) => `/${list.join('/')}`);
const path = fc.oneof(
  elements,
  elements.map((value) => (value === '/' ? value : `${value}/`)),
);
const pathExpression = fc.constantFrom('/a.*', '/.*b', '/(a|b)/?', '/a/[ab]+', '.*', '/a');

const word = fc.constantFrom('', 'a', 'b', 'ab', 'ba', 'aa', 'a, b', 'ab, a', 'a=b');
const wordExpression = fc.constantFrom('a*', '(a|b)+', 'a.*', '.*b', '[^a]*');
const headerName = fc.constantFrom('X', 'x', 'Y', 'cookie');
const keyName = fc.constantFrom('k', 'K', 'l', 'a b');
const cookieName = fc.constantFrom('k', 'K', 'l');

function stringMatch(names: fc.Arbitrary<string>): fc.Arbitrary<StringMatchConfig> {
  const invert = fc.constantFrom(undefined, undefined, false, true);
  const compared = fc.constantFrom(undefined, 'Exact', 'Exact', 'Prefix', 'Suffix', 'Contains' as const);
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ name: names, type: compared, value: word, invert }) },
    { weight: 1, arbitrary: fc.record({ name: names, type: fc.constant('Present' as const), invert }) },
    {
      weight: 1,
      arbitrary: fc.record({
        name: names,
        type: fc.constant('RegularExpression' as const),
        value: wordExpression,
        invert,
      }),
    },
  ) as fc.Arbitrary<StringMatchConfig>;
}

/** A comparison of a text that has no name. */
function valueMatch(values: fc.Arbitrary<string>): fc.Arbitrary<ValueMatchConfig> {
  const invert = fc.constantFrom(undefined, undefined, false, true);
  const compared = fc.constantFrom(undefined, 'Exact', 'Exact', 'Prefix', 'Suffix', 'Contains' as const);
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ type: compared, value: values, invert }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('Present' as const), invert }) },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constant('RegularExpression' as const),
        value: fc.constantFrom('.*b', '(DNS|CN).*', 'DNS:[ab]+'),
        invert,
      }),
    },
  ) as fc.Arbitrary<ValueMatchConfig>;
}

const tlsVersion = fc.constantFrom('TLSv1.2' as const, 'TLSv1.3' as const);
const tlsCipher = fc.constantFrom('TLS_A', 'TLS_B');

const conditions = (names: fc.Arbitrary<string>) => fc.array(stringMatch(names), { maxLength: 2 });
const range = fc.constantFrom('10.0.0.0/8', '10.128.0.0/9', '10.0.0.1', '0.0.0.0/0', '10.0.0.0/31');
const method = fc.constantFrom('GET', 'POST');

/** What TLS tells, and who the client is. */
const connection = {
  scheme: fc.constantFrom('http' as const, 'https' as const, 'https' as const),
  tlsVersion,
  tlsCipher,
  clientCertificate: partly<ClientCertificateMatchConfig>({
    subject: valueMatch(fc.constantFrom('CN=a', 'CN=a,O=b', 'O=b', 'CN', '')),
    subjectAltName: valueMatch(fc.constantFrom('DNS:a', 'DNS:a.b', 'URI:a', '.b', 'DNS:', 'a')),
    fingerprint: fc.constantFrom('aa:bb', 'AABB', 'ccdd'),
  }),
};

const match: fc.Arbitrary<MatchConfig> = partly<MatchConfig>({
  path: fc.oneof(
    fc.record({ type: fc.constantFrom(undefined, 'PathPrefix' as const, 'Exact' as const), value: path }),
    fc.record({ type: fc.constant('RegularExpression' as const), value: pathExpression }),
  ),
  method,
  headers: conditions(headerName),
  cookies: conditions(cookieName),
  queryParams: conditions(keyName),
  clientAddress: fc.oneof(range, fc.array(range, { minLength: 1, maxLength: 2 })),
  serverName: hostname,
  ...connection,
});

const listeners = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.uniqueArray(fc.constantFrom('l', 'm', 'lm'), { minLength: 1, maxLength: 2 }) },
);

const priority = fc.constantFrom(undefined, undefined, undefined, 0, 1, 7, -1);
const rule = fc.record({ priority, matches: fc.array(match, { maxLength: 3 }), pool: fc.constant('p') });

/** Routes with 1 to 4 rules each, up to 4 routes; sometimes many rules under one path, to exercise selectors. */
export const routes: fc.Arbitrary<RouteConfig[]> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(
      fc.record({
        hostnames: fc.array(hostname, { maxLength: 3 }),
        listeners,
        rules: fc.array(rule, { minLength: 1, maxLength: 4 }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .array(partly<MatchConfig>({ headers: conditions(headerName), queryParams: conditions(keyName), method }), {
        minLength: 5,
        maxLength: 16,
      })
      .map((list) => [{ rules: list.map((one) => ({ matches: [one], pool: 'p' })) }]),
  },
  {
    weight: 1,
    arbitrary: fc
      .array(partly<MatchConfig>(connection), { minLength: 5, maxLength: 16 })
      .map((list) => [{ rules: list.map((one) => ({ matches: [one], pool: 'p' })) }]),
  },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.tuple(listeners, priority, partly<MatchConfig>({ method, headers: conditions(headerName) })), {
        minLength: 5,
        maxLength: 16,
      })
      .map((list) =>
        list.map(([names, first, one]) => ({
          listeners: names,
          rules: [{ priority: first, matches: [one], pool: 'p' }],
        })),
      ),
  },
);

const upperAtTimes = (text: fc.Arbitrary<string>) =>
  fc.tuple(text, fc.boolean()).map(([value, upper]) => (upper ? value.toUpperCase() : value));
const sentHost = fc.oneof(
  upperAtTimes(name),
  name.map((value) => `${value}.`),
  name.map((value) => `.${value}`),
  fc.constant(''),
  fc.constant(`${'a.'.repeat(130)}a`),
);

const encodedWord = fc.constantFrom('', 'a', 'b', 'ab', '%61', '%61b', 'a+b', 'a%20b', 'a%', '%zz', 'a=b');
const queryPair = fc.oneof(
  fc
    .tuple(fc.constantFrom('k', 'K', 'l', 'a+b', 'a%20b', '%6B', ''), encodedWord)
    .map(([key, value]) => `${key}=${value}`),
  fc.constantFrom('k', 'a+b', '', '='),
);
const query = fc.array(queryPair, { maxLength: 3 }).map((pairs) => pairs.join('&'));

const cookiePair = fc.oneof(
  fc.tuple(cookieName, word, fc.constantFrom('', ' ')).map(([key, value, blank]) => `${blank}${key}=${value}${blank}`),
  fc.constantFrom('k', '=', ''),
);
const cookies = fc.array(cookiePair, { maxLength: 3 }).map((pairs) => pairs.join(';'));
const header = fc.oneof(
  fc.tuple(fc.constantFrom('X', 'x', 'Y', 'Z'), word),
  fc.tuple(fc.constantFrom('Cookie', 'cookie'), cookies),
) as fc.Arbitrary<[string, string]>;

export const request: fc.Arbitrary<ReferenceRequest> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'HEAD'),
  host: sentHost,
  path,
  query,
  headers: fc.array(header, { maxLength: 4 }),
  clientAddress: fc.constantFrom(undefined, [10, 0, 0, 1], [10, 0, 0, 2], [10, 200, 0, 1], [127, 0, 0, 1]),
  listener: fc.constantFrom('', 'l', 'm', 'lm'),
  tls: fc.oneof(
    { weight: 1, arbitrary: fc.constant(undefined) },
    {
      weight: 3,
      arbitrary: fc.record({
        version: tlsVersion,
        cipher: tlsCipher,
        serverName: fc.oneof(
          fc.constant(''),
          upperAtTimes(name),
          name.map((value) => `${value}.`),
        ),
        certificate: fc.oneof(
          fc.constant(undefined),
          fc.record({
            subject: fc.constantFrom('CN=a', 'CN=a,O=b', ''),
            names: fc.array(fc.constantFrom('DNS:a', 'DNS:a.b', 'URI:a', 'email:b'), { maxLength: 3 }),
            fingerprint: fc.constantFrom('aabb', 'ccdd'),
          }),
        ),
      }),
    },
  ),
});
