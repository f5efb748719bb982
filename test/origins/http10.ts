// An HTTP/1.0 server: `keepAlive` decides whether it says so and keeps the connection, or closes after the answer.

import { type RawOrigin, serveRequests } from './raw.js';

export function start(options: { readonly keepAlive?: boolean } = {}): Promise<RawOrigin> {
  return serveRequests((_request, visit) => {
    const body = 'from 1.0';
    if (options.keepAlive) {
      visit.socket.write(`HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    } else visit.socket.end(`HTTP/1.0 200 OK\r\n\r\n${body}`);
  });
}
