// Promises 100 bytes of body, sends ten of them, and closes.

import { type RawOrigin, serveRequests } from './raw.js';

/** `chunked: true` cuts inside a chunk instead of a counted body. */
export function start(options: { readonly chunked?: boolean } = {}): Promise<RawOrigin> {
  const framing = options.chunked ? 'Transfer-Encoding: chunked\r\n\r\n64\r\n' : 'Content-Length: 100\r\n\r\n';
  return serveRequests((_request, visit) => {
    visit.socket.end(`HTTP/1.1 200 OK\r\n${framing}0123456789`);
  });
}
