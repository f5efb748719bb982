// Answers in three chunks, with an extension on the second, and trailers after the last.

import { type RawOrigin, serveRequests } from './raw.js';

export const BODY = 'one, two, three';

export function start(): Promise<RawOrigin> {
  return serveRequests((_request, visit) => {
    visit.socket.write(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checksum\r\n\r\n' +
        '5\r\none, \r\n5;note="x"\r\ntwo, \r\n5\r\nthree\r\n0\r\nX-Checksum: abc\r\n\r\n',
    );
  });
}
