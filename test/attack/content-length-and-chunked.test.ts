// CL.TE and TE.CL smuggling: both framings at once, in either order and any disguise. RFC 9112, 6.1 and 6.3.

import { describe, test } from 'node:test';
import { Siege } from '../support/siege.js';

const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
const post = (...lines: string[]): string => ['POST / HTTP/1.1', 'Host: a', ...lines, '', ''].join('\r\n');

describe('both framings', { concurrency: 1 }, () => {
  const siege = new Siege();
  const bodies = { 'CL.TE': `0\r\n\r\n${smuggled}`, 'TE.CL': `5c\r\n${smuggled}\r\n0\r\n\r\n` };

  for (const [kind, body] of Object.entries(bodies)) {
    test(`answers 400 to ${kind} with the length first`, () =>
      siege.refuses(post(`Content-Length: ${body.length}`, 'Transfer-Encoding: chunked') + body, 400));
    test(`answers 400 to ${kind} with the coding first`, () =>
      siege.refuses(post('Transfer-Encoding: chunked', 'Content-Length: 4') + body, 400));
  }

  test('answers 400 to a zero length beside chunked', () =>
    siege.refuses(`${post('Content-Length: 0', 'Transfer-Encoding: chunked')}0\r\n\r\n${smuggled}`, 400));

  test('answers 400 when Connection names one of the two, as if that took it away', async () => {
    for (const name of ['Content-Length', 'Transfer-Encoding']) {
      await siege.refuses(
        `${post(`Connection: ${name}`, 'Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n${smuggled}`,
        400,
      );
    }
  });

  test('answers 400 to both framings on a GET', () =>
    siege.refuses(
      `GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      400,
    ));

  test('answers 400 to both framings in HTTP/1.0', () =>
    siege.refuses(
      `POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      400,
    ));
});
