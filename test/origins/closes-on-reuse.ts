// Answers the first request of a connection; reads the second one whole, then closes without a byte of answer.

import { ok, type RawOrigin, serveRequests } from './raw.js';

export function start(): Promise<RawOrigin> {
  return serveRequests((request, visit) => {
    if (visit.requestCount === 1) visit.socket.write(ok(request.startLine));
    else visit.socket.destroy();
  });
}
