// Lines that end where only some readers see an end: bare LF, bare CR, folds, NUL.

import { describe, test } from 'node:test';
import { Siege } from '../support/siege.js';

describe('line endings', { concurrency: 1 }, () => {
  const siege = new Siege();
  const heads: Record<string, string> = {
    'a bare LF after the request line': 'GET / HTTP/1.1\nHost: a\r\n\r\n',
    'a bare LF after a field': 'GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n',
    'a bare LF for the empty line': 'GET / HTTP/1.1\r\nHost: a\r\n\n',
    'only bare LFs': 'GET / HTTP/1.1\nHost: a\n\n',
    'a bare CR after the request line': 'GET / HTTP/1.1\rHost: a\r\n\r\n',
    'a bare CR inside a value': 'GET / HTTP/1.1\r\nHost: a\r\nX: y\rz: a\r\n\r\n',
    'a bare CR inside a name': 'GET / HTTP/1.1\r\nHost: a\r\nX\rY: z\r\n\r\n',
    'a CR before CRLF': 'GET / HTTP/1.1\r\nHost: a\r\r\n\r\n',
    'a folded field': 'GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n',
    'a folded Host': 'GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n',
    'a fold before the first field': 'GET / HTTP/1.1\r\n Host: a\r\n\r\n',
    'a NUL in a value': 'GET / HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n',
    'a NUL in a name': 'GET / HTTP/1.1\r\nHost: a\r\nX\0Y: z\r\n\r\n',
    'a NUL in the target': 'GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n',
    'a control character in a value': 'GET / HTTP/1.1\r\nHost: a\r\nX: \x07\r\n\r\n',
    'a DEL in a value': 'GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n',
    'a space before the colon': 'GET / HTTP/1.1\r\nHost : a\r\n\r\n',
    'two spaces before the version': 'GET /  HTTP/1.1\r\nHost: a\r\n\r\n',
    'two spaces before the target': 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n',
    'a tab for a space': 'GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n',
    'a space before the method': ' GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'a space after the version': 'GET / HTTP/1.1 \r\nHost: a\r\n\r\n',
    'a version in small letters': 'GET / http/1.1\r\nHost: a\r\n\r\n',
    'a version with more digits': 'GET / HTTP/1.10\r\nHost: a\r\n\r\n',
    'no version, which was HTTP/0.9': 'GET /\r\n\r\n',
  };
  for (const [name, head] of Object.entries(heads)) {
    test(`answers 400 to ${name}`, () => siege.refuses(`${head}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`, 400));
  }

  test('answers 501 to a method in small letters, which is no method it knows', () =>
    siege.refuses('get / HTTP/1.1\r\nHost: a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n', 501));
});
