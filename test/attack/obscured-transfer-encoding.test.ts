// TE.TE smuggling: a Transfer-Encoding that one reader takes for chunked and another does not.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Siege } from '../support/siege.js';

const body = '0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';

describe('obscured Transfer-Encoding', { concurrency: 1 }, () => {
  const siege = new Siege();
  const lines: Record<string, string> = {
    'an unknown coding': 'Transfer-Encoding: xchunked',
    'a space before the colon': 'Transfer-Encoding : chunked',
    'a tab before the colon': 'Transfer-Encoding\t: chunked',
    'two fields, chunked first': 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
    'two fields, chunked last': 'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
    'chunked twice in one field': 'Transfer-Encoding: chunked, chunked',
    'chunked twice in two fields': 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
    'chunked before another coding': 'Transfer-Encoding: chunked, gzip',
    'a vertical tab': 'Transfer-Encoding: \x0bchunked',
    'a form feed': 'Transfer-Encoding: chunked\x0c',
    'a NUL': 'Transfer-Encoding: chunked\0',
    'quotes around it': 'Transfer-Encoding: "chunked"',
    'a parameter': 'Transfer-Encoding: chunked;q=1',
    'a line folded before it': 'Transfer-Encoding:\r\n chunked',
    'a line folded behind it': 'X: y\r\n Transfer-Encoding: chunked',
    'a bare line feed before it': 'X: y\nTransfer-Encoding: chunked',
    'a bare carriage return before it': 'X: y\rTransfer-Encoding: chunked',
    'an empty value': 'Transfer-Encoding:',
    'only a comma': 'Transfer-Encoding: ,',
    'a high byte': 'Transfer-Encoding: chunked\xff',
    'another dash': 'Transfer\x96Encoding: chunked',
  };
  for (const [name, line] of Object.entries(lines)) {
    test(`answers 400 to ${name}`, () => siege.refuses(`POST / HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n${body}`, 400));
    test(`answers 400 to ${name} beside a length`, () =>
      siege.refuses(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n${line}\r\n\r\n${body}`, 400));
  }

  test('an underscore names another field, which means nothing', async () => {
    const { statuses, reached } = await siege.attack(
      'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n',
    );
    assert.deepEqual(statuses, [200]);
    assert.deepEqual(reached, ['POST / HTTP/1.1']);
  });
});
