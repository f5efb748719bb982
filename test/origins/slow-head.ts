// Sends the first half of a response head and then nothing more.

import { type RawOrigin, serveRequests } from './raw.js';

export function start(): Promise<RawOrigin> {
  return serveRequests((_request, visit) => {
    visit.socket.write('HTTP/1.1 200 OK\r\nContent-Le');
  });
}
