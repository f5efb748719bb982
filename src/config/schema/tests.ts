// The schema of route expectations: `tests`, run by `sevenfold test`.

import { isIP } from 'node:net';
import { TLS_VERSIONS } from '../../base/tls-versions.js';
import { choice, integer, list, map, named, option, text } from './build.js';
import { cipherName, fingerprint } from './matches.js';

const expectation = map('an expectation', {
  pool: option(
    text('a pool name', 'Expected the name of a pool.').optional(),
    'A pool the request, or connection, can go to.',
  ),
  rule: option(text('a rule name', 'Expected the name of a rule.').optional(), 'The name of the rule that wins.'),
  status: option(
    integer('a status', 200, 599).optional(),
    'The status of an answer of our own: that of a redirect or a direct response, 308 where a listener redirects to https, ' +
      'or 404 when no rule matches.',
  ),
});

const certificate = map('a client certificate', {
  subject: option(
    text('a subject', 'Expected a subject such as CN=shop,O=Example.').optional(),
    'Its subject, as RFC 4514 writes it.',
  ),
  subjectAltNames: option(
    list(
      'a list of alternative names',
      text('an alternative name', 'Expected a name with its kind, such as DNS:shop.example.', (value) =>
        /^(DNS|URI|email|IP):./.test(value),
      ),
    ).optional(),
    'Its alternative names, each with its kind: `DNS:shop.example`.',
  ),
  fingerprint: option(fingerprint().optional(), 'Its SHA-256 in hexadecimal.'),
});

/** A raw TLS connection in words: the name it asks for, empty for none, and the port of the one listener that is meant. */
interface ConnectionAsked {
  readonly serverName: string;
  readonly port: number | undefined;
}

/** Reads `tls://NAME` or `tls://NAME:PORT`; undefined for any other text. */
export function connectionAsked(request: string): ConnectionAsked | undefined {
  const match = /^tls:\/\/([^/:\s]*)(?::(\d+))?\/?$/i.exec(request);
  return match === null
    ? undefined
    : { serverName: match[1]!, port: match[2] === undefined ? undefined : Number(match[2]) };
}

const test = map('a test', {
  request: option(
    text(
      'a request',
      'Expected a method and a URL, such as GET http://shop.example.com/images/cat.png.',
      (value) => /^[A-Z-]+ \S+$/.test(value) || connectionAsked(value) !== undefined,
    ),
    'Method and URL: `GET http://shop.example.com/images/cat.png`. Or a connection to listeners that lead by name: ' +
      '`tls://shop.example.com`, with the port of one of them if wanted; such a test expects a `pool` alone, at all of them.',
  ),
  headers: option(
    named(
      'a map from header names to values',
      text('a header value', 'Expected a text.', () => true),
    ).optional(),
    'Headers of the request.',
  ),
  listener: option(
    text('a listener name', 'Expected the name of a listener.').optional(),
    'The name of the listener it comes to.',
    {
      byDefault:
        'every listener of the scheme, at the port of the URL if there is one; the test holds if it does at all of them',
    },
  ),
  client: option(
    text('an IP address', 'Expected an IP address.', (value) => isIP(value) !== 0).optional(),
    'The address of the client; or of a trusted proxy it comes through, and `headers` says who it is.',
    { byDefault: '127.0.0.1' },
  ),
  serverName: option(
    text('a host name', 'Expected a host name such as shop.example.com.').optional(),
    'The name asked for in TLS.',
    { byDefault: 'the host of an https URL' },
  ),
  tlsVersion: option(choice('a TLS version', TLS_VERSIONS).optional(), 'The version of TLS.', {
    byDefault: '`TLSv1.3` with an https URL',
  }),
  tlsCipher: option(cipherName().optional(), 'The cipher suite by its standard name.', {
    byDefault: '`TLS_AES_128_GCM_SHA256` with an https URL',
  }),
  clientCertificate: option(certificate.optional(), 'A verified certificate that the client shows.'),
  expect: option(expectation, 'What must come out. All that is given must hold.'),
});

export const tests = list('a list of tests', test);
