// Sends a second, unasked response right behind each answer: the connection must not be used again.

import { ok, type RawOrigin, serveRequests } from './raw.js';

export function start(): Promise<RawOrigin> {
  return serveRequests((_request, visit) => {
    visit.socket.write(`${ok('asked')}HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nunasked`);
  });
}
