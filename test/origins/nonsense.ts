// Answers every request with bytes that are not HTTP: the ones given, or a banner of another protocol.

import { type RawOrigin, serveRequests } from './raw.js';

/** `stays`: the connection stays open after them, so only the bytes themselves tell. */
export function start(options: { readonly bytes?: string; readonly stays?: boolean } = {}): Promise<RawOrigin> {
  const bytes = options.bytes ?? '220 mail.example ESMTP ready\r\n';
  return serveRequests((_request, visit) => {
    if (options.stays) visit.socket.write(bytes, 'latin1');
    else visit.socket.end(bytes, 'latin1');
  });
}
