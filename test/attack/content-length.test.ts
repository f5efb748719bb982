// Lengths that two readers may count differently. RFC 9110, 8.6: one or more digits, and nothing else.

import { describe, test } from 'node:test';
import { Siege } from '../support/siege.js';

describe('odd Content-Length', { concurrency: 1 }, () => {
  const siege = new Siege();
  const fields: Record<string, string> = {
    'two different lengths': 'Content-Length: 5\r\nContent-Length: 6',
    'two equal lengths': 'Content-Length: 5\r\nContent-Length: 5',
    'a list of equal lengths': 'Content-Length: 5, 5',
    'a list of different lengths': 'Content-Length: 5, 6',
    'a plus sign': 'Content-Length: +5',
    'a minus sign': 'Content-Length: -5',
    'a space inside': 'Content-Length: 5 5',
    'a space before the colon': 'Content-Length : 5',
    'hexadecimal digits': 'Content-Length: 0x5',
    'a fraction': 'Content-Length: 5.0',
    'an exponent': 'Content-Length: 5e0',
    'no value': 'Content-Length:',
    'a number beyond 64 bits': 'Content-Length: 18446744073709551621',
    'a number beyond any counter': `Content-Length: ${'9'.repeat(100)}`,
    'a word': 'Content-Length: five',
    'a folded value': 'Content-Length:\r\n 5',
    'a NUL behind it': 'Content-Length: 5\0',
    'digits that are not ASCII': 'Content-Length: \xb2',
  };
  for (const [name, lines] of Object.entries(fields)) {
    test(`answers 400 to ${name}`, () =>
      siege.refuses(
        `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\nhelloGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`,
        400,
      ));
  }
});
