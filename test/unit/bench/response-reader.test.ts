// Where responses end, whatever the framing and wherever the bytes are cut.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResponseReader } from '../../../bench/load/response-reader.js';

const RESPONSES: ReadonlyArray<readonly [string, string, number]> = [
  ['a counted body', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 200],
  ['an empty counted body', 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n', 404],
  ['no body by status', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n', 304],
  ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n', 200],
  [
    'chunks with a trailer',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\nX: y\r\n\r\n',
    200,
  ],
  ['an interim response first', 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n', 204],
];

for (const [name, text, status] of RESPONSES) {
  test(`finds the end of ${name}, cut at every position`, () => {
    const bytes = Buffer.from(text + text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const reader = new ResponseReader();
      const finished = reader.push(bytes.subarray(0, cut)) + reader.push(bytes.subarray(cut));
      assert.equal(finished, 2, `cut at ${cut}`);
      assert.equal(reader.status, status);
    }
    const reader = new ResponseReader();
    let finished = 0;
    for (const byte of bytes) finished += reader.push(Buffer.of(byte));
    assert.equal(finished, 2, 'one byte at a time');
  });
}

test('finishes a response without a length when the connection closes, and not before', () => {
  const reader = new ResponseReader();
  assert.equal(reader.push(Buffer.from('HTTP/1.1 200 OK\r\n\r\nsome bytes')), 0);
  assert.equal(reader.close(), 1);
  assert.equal(reader.closing, true);
});

test('does not call a response finished when the connection closes in its middle', () => {
  const reader = new ResponseReader();
  assert.equal(reader.push(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel')), 0);
  assert.equal(reader.close(), 0);
});

test('refuses what is not HTTP, and says what it found', () => {
  assert.throws(() => new ResponseReader().push(Buffer.from('SSH-2.0-server\r\n\r\n')), /found 'SSH-2.0-server'/);
});

test('says that a connection may not be used again after Connection: close, and in HTTP/1.0', () => {
  const told = new ResponseReader();
  told.push(Buffer.from('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'));
  assert.equal(told.closing, true);
  const old = new ResponseReader();
  old.push(Buffer.from('HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n'));
  assert.equal(old.closing, true);
});
