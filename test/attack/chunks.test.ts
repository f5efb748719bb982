// Chunked bodies that lie about their sizes or endings. The connection closes; no second request comes out of them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Siege } from '../support/siege.js';

const post = 'POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';

describe('chunks', { concurrency: 1 }, () => {
  const siege = new Siege();
  const bodies: Record<string, string> = {
    'a size beyond 64 bits': `10000000000000005\r\nhello\r\n0\r\n\r\n`,
    'a size of all ones, the largest there is': `ffffffffffffffff\r\nhello\r\n0\r\n\r\n`,
    'a size that no body can have': `40000000000000\r\nhello`,
    'a negative size': '-5\r\nhello\r\n0\r\n\r\n',
    'a signed size': '+5\r\nhello\r\n0\r\n\r\n',
    'a size with 0x': '0x5\r\nhello\r\n0\r\n\r\n',
    'a size that is no number': 'zz\r\nhello\r\n0\r\n\r\n',
    'an empty size': '\r\nhello\r\n0\r\n\r\n',
    'a space before the size': ' 5\r\nhello\r\n0\r\n\r\n',
    'a space behind the size': '5 \r\nhello\r\n0\r\n\r\n',
    'a space behind an extension': '5;a=b \r\nhello\r\n0\r\n\r\n',
    'an extension without a name': '5;\r\nhello\r\n0\r\n\r\n',
    'a space inside the size': '5 5;a\r\nhello\r\n0\r\n\r\n',
    'an extension whose quotes do not end': '5;a="b\r\nhello\r\n0\r\n\r\n',
    'a space before the colon of a trailer': '5\r\nhello\r\n0\r\nX : y\r\n\r\n',
    'a bare LF behind the size': '5\nhello\r\n0\r\n\r\n',
    'a bare CR behind the size': '5\rhello\r\n0\r\n\r\n',
    'no CRLF behind the data': '5\r\nhelloX0\r\n\r\n',
    'a bare LF behind the data': '5\r\nhello\n0\r\n\r\n',
    'more data than the size says': '5\r\nhello, world\r\n0\r\n\r\n',
    'a bare LF in an extension': '5;a\nb\r\nhello\r\n0\r\n\r\n',
    'a bare CR in an extension': '5;a\rb\r\nhello\r\n0\r\n\r\n',
    'a NUL in an extension': '5;a\0b\r\nhello\r\n0\r\n\r\n',
    'a bare LF at the end': '5\r\nhello\r\n0\r\n\n',
    'a bare LF in a trailer': '5\r\nhello\r\n0\r\nX: y\nZ: a\r\n\r\n',
  };
  for (const [name, body] of Object.entries(bodies)) {
    test(`answers 400 to ${name}`, async () => {
      const { statuses, reached } = await siege.attack(post + body + smuggled);
      assert.deepEqual(statuses, [400]);
      assert.deepEqual(reached, []);
    });
  }

  test('framing fields among the trailers frame nothing', async () => {
    const trailers = 'Content-Length: 50\r\nTransfer-Encoding: chunked\r\nHost: evil\r\n';
    const { statuses, reached } = await siege.attack(
      `${post}5\r\nhello\r\n0\r\n${trailers}\r\nGET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    assert.ok(statuses[0] === 400 || statuses.join() === '200,200', `statuses ${statuses}`);
    for (const line of reached) assert.match(line, /^(POST \/up|GET \/next) HTTP\/1\.1$/);
  });

  test('endless chunk extensions end with 400, 413 or 431, not with memory', async () => {
    const { statuses, reached } = await siege.attack(`${post}5;${'x'.repeat(300_000)}\r\nhello\r\n0\r\n\r\n`);
    assert.ok([400, 413, 431].includes(statuses[0] ?? 0), `statuses ${statuses}`);
    assert.deepEqual(reached, []);
  });

  test('many chunks with small extensions end with a refusal or are served, and cost the server nothing', async () => {
    const body = `${'1;a=b\r\nx\r\n'.repeat(20_000)}0\r\n\r\n`;
    const close = post.replace('Host: a', 'Host: a\r\nConnection: close');
    const { statuses } = await siege.attack(close + body);
    assert.ok([200, 400, 413, 431].includes(statuses[0] ?? 0), `statuses ${statuses}`);
  });

  test('endless trailers end with a refusal', async () => {
    const { statuses, reached } = await siege.attack(`${post}0\r\n${'X-Trailer: y\r\n'.repeat(30_000)}`);
    assert.ok([400, 413, 431].includes(statuses[0] ?? 0), `statuses ${statuses}`);
    assert.deepEqual(reached, []);
  });
});
