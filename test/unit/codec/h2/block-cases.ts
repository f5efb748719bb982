// Blocks that are malformed, each with its result: the corpus of the tests, and what the fuzzer starts from.

import { literals } from './blocks.js';
import type { Field } from './reference-hpack.js';

export const GET: readonly Field[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'shop.example'],
  [':path', '/a?b=c'],
];
export const get = (...fields: Field[]): Buffer => literals([...GET, ...fields]);
/** The same without some of it, or with another value. */
export const but = (changes: Readonly<Record<string, string | null>>, ...fields: Field[]): Buffer =>
  literals([
    ...GET.flatMap(([name, value]): Field[] => {
      const changed = changes[name];
      return changed === null ? [] : [[name, changed ?? value]];
    }),
    ...fields,
  ]);

export const malformed: readonly (readonly [result: string, what: string, block: Buffer])[] = [
  ['nameInvalid', 'an empty name', get(['', 'x'])],
  ['nameInvalid', 'upper case in a name', get(['X-a', 'x'])],
  ['nameInvalid', 'a space in a name', get(['x a', 'x'])],
  ['nameInvalid', 'a colon in a name', get(['x:a', 'x'])],
  ['nameInvalid', 'NUL in a name', get(['x\0', 'x'])],
  ['nameInvalid', 'CR LF in a name', get(['x: y\r\nz', 'x'])],
  ['nameInvalid', 'DEL in a name', get(['x\x7f', 'x'])],
  ['nameInvalid', 'a byte above ASCII in a name', get(['x\xe9', 'x'])],
  ['valueInvalid', 'NUL in a value', get(['x', 'a\0b'])],
  ['valueInvalid', 'CR in a value', get(['x', 'a\rb'])],
  ['valueInvalid', 'LF in a value', get(['x', 'a\nb: c'])],
  ['valueInvalid', 'a space before a value', get(['x', ' a'])],
  ['valueInvalid', 'a tab behind a value', get(['x', 'a\t'])],
  ...['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade'].map(
    (name) => ['connectionField', name, get([name, 'x'])] as const,
  ),
  ['teInvalid', 'te: gzip', get(['te', 'gzip'])],
  ['teInvalid', 'te: trailers, gzip', get(['te', 'trailers, gzip'])],
  ['pseudoUnknown', 'a pseudo-field that is none', literals([...GET, [':user', 'x']])],
  ['pseudoUnknown', ':status in a request', literals([...GET, [':status', '200']])],
  ['pseudoRepeated', 'two paths', literals([...GET, [':path', '/b']])],
  ['pseudoRepeated', 'two authorities', literals([...GET, [':authority', 'shop.example']])],
  ['pseudoLate', 'a pseudo-field behind another field', literals([...GET, ['x', 'y'], [':path', '/b']])],
  ['pseudoMissing', 'no method', but({ ':method': null })],
  ['pseudoMissing', 'no scheme', but({ ':scheme': null })],
  ['pseudoMissing', 'no path', but({ ':path': null })],
  ['pseudoMissing', 'no pseudo-field at all', literals([['x', 'y']])],
  ['pseudoMissing', 'no field at all', Buffer.alloc(0)],
  ['methodInvalid', 'an empty method', but({ ':method': '' })],
  ['methodInvalid', 'a space in the method', but({ ':method': 'GET /x HTTP/1.1\r\nx:' })],
  ['schemeInvalid', 'ftp', but({ ':scheme': 'ftp' })],
  ['schemeInvalid', 'a scheme with a path in it', but({ ':scheme': 'http://x/?' })],
  ['schemeInvalid', 'an empty scheme', but({ ':scheme': '' })],
  ['pathInvalid', 'an empty path', but({ ':path': '' })],
  ['pathInvalid', 'a path without a slash', but({ ':path': 'a' })],
  ['pathInvalid', '* with GET', but({ ':path': '*' })],
  ['pathInvalid', 'an absolute target', but({ ':path': 'http://other.example/' })],
  ['pathInvalid', 'a space in the path', but({ ':path': '/a HTTP/1.1' })],
  ['pathInvalid', 'a tab in the path', but({ ':path': '/a\tb' })],
  ['pathInvalid', 'a byte above ASCII in the path', but({ ':path': '/caf\xe9' })],
  ['pathInvalid', 'a fragment', but({ ':path': '/a#b' })],
  ['pathInvalid', 'LF in the path', but({ ':path': '/a\nb' })],
  ['authorityInvalid', 'user information', but({ ':authority': 'user@shop.example' })],
  ['authorityInvalid', 'a space in the authority', but({ ':authority': 'shop example' })],
  ['authorityInvalid', 'a slash in the authority', but({ ':authority': 'shop.example/x' })],
  ['authorityInvalid', 'an empty authority', but({ ':authority': '' })],
  ['authorityInvalid', 'CR LF in the authority', but({ ':authority': 'a\r\nx: y' })],
  ['hostDiffers', 'another host', get(['host', 'other.example'])],
  ['hostDiffers', 'the host with its port', get(['host', 'shop.example:443'])],
  ['hostDiffers', 'two hosts that differ', but({ ':authority': null }, ['host', 'a'], ['host', 'b'])],
  ...['+5', '-1', ' 5', '5 ', '0x5', '5, 5', '', '5.0', '9'.repeat(16)].map((length) => {
    const result = length !== length.trim() ? 'valueInvalid' : 'lengthInvalid';
    return [result, `a length of ${JSON.stringify(length)}`, get(['content-length', length])] as const;
  }),
  ['lengthInvalid', 'two lengths that differ', get(['content-length', '5'], ['content-length', '6'])],
  ['lengthWithoutBody', 'a length and no body', get(['content-length', '5'])],
  ['connectInvalid', 'CONNECT with a path', but({ ':method': 'CONNECT', ':scheme': null })],
  [
    'connectInvalid',
    'CONNECT without authority',
    but({ ':method': 'CONNECT', ':scheme': null, ':path': null, ':authority': null }),
  ],
  ['connectInvalid', ':protocol with GET', literals([[':protocol', 'websocket'], ...GET])],
];
