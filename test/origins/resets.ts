// Resets the connection (RST): when the request arrived, or after `bytes` of the answer.

import { reset } from '../support/endings.js';
import { ok, type RawOrigin, serveRequests } from './raw.js';

export function start(options: { readonly bytes?: number } = {}): Promise<RawOrigin> {
  const bytes = options.bytes ?? 0;
  return serveRequests((_request, visit) => {
    if (bytes === 0) reset(visit.socket);
    else visit.socket.write(ok('x'.repeat(1000)).slice(0, bytes), () => reset(visit.socket));
  });
}
