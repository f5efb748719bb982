// Answers without any framing: the body ends where the connection ends.

import { type RawOrigin, serveRequests } from './raw.js';

export const BODY = 'a body that ends with the connection';

export function start(options: { readonly version?: '1.0' | '1.1' } = {}): Promise<RawOrigin> {
  return serveRequests((_request, visit) => {
    visit.socket.end(`HTTP/${options.version ?? '1.1'} 200 OK\r\nContent-Type: text/plain\r\n\r\n${BODY}`);
  });
}
