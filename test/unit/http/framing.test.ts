// How long a body is, as a table (RFC 9112, 6.3). llhttp refuses some rows before framing.ts sees them: either way a
// message whose end cannot be told must not be taken for one whose end can.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BODY } from '../../../src/http/framing.js';
import { Reader } from './reader.js';

type Kind = keyof typeof BODY;

const reader = new Reader();
const names = new Map<number, Kind>(Object.entries(BODY).map(([name, number]) => [number, name as Kind]));
const cl = (value: string): string => `Content-Length: ${value}\r\n`;
const te = (value: string): string => `Transfer-Encoding: ${value}\r\n`;

/** What the head says of its body, or 'refused' when the parser, or the framing, does not take it. */
function framingOf(type: 'request' | 'response', start: string, fields: string, toHead = false): string {
  const { messages, ended } = reader.read(type, [Buffer.from(`${start}\r\n${fields}\r\n`, 'latin1')], toHead);
  const [message] = messages;
  if (message === undefined) return ended.startsWith('invalid') ? 'refused' : ended;
  const kind = names.get(message.framing)!;
  if (kind === 'ambiguous') return 'refused';
  return kind === 'counted' ? `counted ${message.length}` : kind;
}

describe('a request', () => {
  const ROWS: [fields: string, http11: string, http10: string][] = [
    ['', 'none', 'none'],
    [cl('0'), 'none', 'none'],
    [cl('5'), 'counted 5', 'counted 5'],
    [cl('007'), 'counted 7', 'counted 7'],
    [cl('999999999999999'), 'counted 999999999999999', 'counted 999999999999999'],
    [cl('9007199254740993'), 'refused', 'refused'],
    [cl('18446744073709551616'), 'refused', 'refused'],
    [cl(''), 'refused', 'refused'],
    [cl('+5'), 'refused', 'refused'],
    [cl('-5'), 'refused', 'refused'],
    [cl('5,5'), 'refused', 'refused'],
    [cl('5 5'), 'refused', 'refused'],
    [cl('0x5'), 'refused', 'refused'],
    [cl('5.0'), 'refused', 'refused'],
    [cl('5') + cl('5'), 'refused', 'refused'],
    [cl('5') + cl('6'), 'refused', 'refused'],
    [te('chunked'), 'chunked', 'refused'],
    [te('Chunked'), 'chunked', 'refused'],
    [te('gzip, chunked'), 'unknownCoding', 'refused'],
    [te('gzip,chunked'), 'unknownCoding', 'refused'],
    [te('gzip'), 'refused', 'refused'],
    [te('identity'), 'refused', 'refused'],
    [te('chunked, gzip'), 'refused', 'refused'],
    [te('xchunked'), 'refused', 'refused'],
    [te('chunked\x0b'), 'refused', 'refused'],
    [te('"chunked"'), 'refused', 'refused'],
    [te(''), 'refused', 'refused'],
    [te('chunked') + te('chunked'), 'refused', 'refused'],
    [te('gzip') + te('chunked'), 'refused', 'refused'],
    [te('chunked') + te('identity'), 'refused', 'refused'],
    [te('chunked') + cl('5'), 'refused', 'refused'],
    [cl('5') + te('chunked'), 'refused', 'refused'],
    [cl('0') + te('chunked'), 'refused', 'refused'],
    [cl('5') + te('identity'), 'refused', 'refused'],
  ];
  for (const [fields, http11, http10] of ROWS) {
    test(`with ${JSON.stringify(fields)} is ${http11}, in HTTP/1.0 ${http10}`, () => {
      assert.equal(framingOf('request', 'POST / HTTP/1.1', fields), http11);
      assert.equal(framingOf('request', 'POST / HTTP/1.0', fields), http10);
      assert.equal(framingOf('request', 'GET / HTTP/1.1', fields), http11);
    });
  }
});

describe('a response', () => {
  const ROWS: [fields: string, http11: string, http10: string, bodiless: string][] = [
    ['', 'untilEof', 'untilEof', 'none'],
    [cl('0'), 'none', 'none', 'none'],
    [cl('5'), 'counted 5', 'counted 5', 'none'],
    [te('chunked'), 'chunked', 'refused', 'none'],
    [cl('5') + cl('6'), 'refused', 'refused', 'refused'],
    [cl('x'), 'refused', 'refused', 'refused'],
    [te('chunked') + cl('5'), 'refused', 'refused', 'refused'],
    [cl('5') + te('chunked'), 'refused', 'refused', 'refused'],
    [te('gzip, chunked'), 'unknownCoding', 'unknownCoding', 'none'],
  ];
  for (const [fields, http11, http10, bodiless] of ROWS) {
    test(`with ${JSON.stringify(fields)} is ${http11}, in HTTP/1.0 ${http10}, to HEAD or as 204 and 304 ${bodiless}`, () => {
      assert.equal(framingOf('response', 'HTTP/1.1 200 OK', fields), http11);
      assert.equal(framingOf('response', 'HTTP/1.0 200 OK', fields), http10);
      assert.equal(framingOf('response', 'HTTP/1.1 200 OK', fields, true), bodiless);
      assert.equal(framingOf('response', 'HTTP/1.1 204 No Content', fields), bodiless);
      assert.equal(framingOf('response', 'HTTP/1.1 304 Not Modified', fields), bodiless);
    });
  }
});
