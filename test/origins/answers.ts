// Answers every request with the bytes given, and keeps the connection. The plainest origin.

import { type Answer, ok, type RawOptions, type RawOrigin, serveRequests } from './raw.js';

/** A string is the whole answer; a function is called for each request. Default: 200 with the request line as body. */
export function start(answer?: string | Answer, options: RawOptions = {}): Promise<RawOrigin> {
  if (typeof answer === 'function') return serveRequests(answer, options);
  return serveRequests((request, visit) => visit.socket.write(answer ?? ok(request.startLine), 'latin1'), options);
}
