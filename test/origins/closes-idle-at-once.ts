// Answers as if the connection stayed open, then closes it at once: every reuse of it is a race.

import { ok, type RawOrigin, serveRequests } from './raw.js';

export function start(): Promise<RawOrigin> {
  return serveRequests((request, visit) => {
    visit.socket.end(ok(request.startLine));
  });
}
