// Accepts, reads requests, and never sends a byte.

import { type RawOrigin, serveRequests } from './raw.js';

export function start(): Promise<RawOrigin> {
  return serveRequests(() => undefined);
}
