// The schema of matches: the conditions of a rule on a request.

import { didYouMean, Refusal, refuse } from '../../base/problems.js';
import { TLS_VERSIONS } from '../../base/tls-versions.js';
import { standardName } from '../ciphers.js';
import { readCidr } from '../units.js';
import { choice, flag, list, map, option, scalar, text } from './build.js';
import { fieldName } from './field-name.js';

const PATH_TYPES = ['Exact', 'PathPrefix', 'RegularExpression'] as const;
export const STRING_TYPES = ['Exact', 'Prefix', 'Suffix', 'Contains', 'Present', 'RegularExpression'] as const;

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

const comparison = {
  type: option(choice('a match type', STRING_TYPES).prefault('Exact'), 'How the value is compared.'),
  value: option(
    text('a value', 'Expected a text.', () => true).optional(),
    'What the value is compared with. Left out with `Present`, needed with the others.',
  ),
  invert: option(flag().prefault(false), 'True turns the condition round: it holds when it would not.'),
};

const stringMatch = (what: string, nameSchema: ReturnType<typeof text>) =>
  map(`a ${what} match`, { name: option(nameSchema, `The name of the ${what}.`), ...comparison });

/** SHA-256 as OpenSSL and browsers show it, with colons and in capitals, or as everyone else does. */
export const fingerprint = () =>
  scalar<string, string>('fingerprint', { type: 'string' }, (value) => {
    const plain = typeof value === 'string' ? value.replaceAll(':', '').toLowerCase() : '';
    if (/^[0-9a-f]{64}$/.test(plain)) return plain;
    return refuse(value, 'a fingerprint', 'Expected the SHA-256 of a certificate: 64 hexadecimal digits.');
  });

/** A cipher suite by its standard name. */
export const cipherName = () =>
  text(
    'a cipher suite',
    'Expected its standard name, such as TLS_AES_128_GCM_SHA256.',
    (value) => /^TLS_[A-Z0-9_]+$/.test(value),
    (value) => {
      const meant = standardName(String(value));
      return meant === undefined ? '' : ` OpenSSL's name stands for ${meant}.`;
    },
  );

const clientCertificate = map('a client certificate match', {
  subject: option(
    map('a subject match', comparison).optional(),
    'A condition on its subject as RFC 4514 writes it, the last part first: `CN=shop,OU=Web,O=Example`.',
  ),
  subjectAltName: option(
    map('an alternative name match', comparison).optional(),
    'A condition that one of its alternative names must fulfil (with `invert`, none). Names have their kind in front: ' +
      '`DNS:shop.example`, `URI:spiffe://example/shop`, `email:a@shop.example`, `IP:10.0.0.1`.',
  ),
  fingerprint: option(
    fingerprint().optional(),
    'Its SHA-256 in hexadecimal, with or without colons: `openssl x509 -noout -fingerprint -sha256`.',
  ),
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
  serverName: option(
    text('a host name', 'Expected a host name such as shop.example.com or *.example.com.').optional(),
    'The name the client asked for in TLS (SNI): exact, or `*.` and a domain for every name below it. Never holds without TLS.',
    { byDefault: 'any name, or none' },
  ),
  scheme: option(
    choice('a scheme', ['http', 'https']).optional(),
    'How the request came to this proxy: `https` over TLS, `http` without. What a proxy in front says does not count.',
    { byDefault: 'any scheme' },
  ),
  tlsVersion: option(choice('a TLS version', TLS_VERSIONS).optional(), 'The version of TLS. Never holds without TLS.', {
    byDefault: 'any version',
  }),
  tlsCipher: option(
    cipherName().optional(),
    'The cipher suite by its standard name, such as `TLS_AES_128_GCM_SHA256`. Never holds without TLS.',
    { byDefault: 'any cipher suite' },
  ),
  clientCertificate: option(
    clientCertificate.optional(),
    "Conditions on the client's verified certificate; all must hold. With none of them (`{}`), that there is one. Needs " +
      '`tls.clientCertificates` on a listener.',
    { byDefault: 'any certificate, or none' },
  ),
});
