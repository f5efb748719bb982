// Sends a whole head and ten bytes of a longer body, and then nothing more.

import { type RawOrigin, serveRequests } from './raw.js';

export function start(): Promise<RawOrigin> {
  return serveRequests((_request, visit) => {
    visit.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789');
  });
}
