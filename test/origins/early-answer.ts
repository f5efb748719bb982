// Answers as soon as the head of a request is there, whatever of its body is still to come.

import { listenRaw, ok, type RawOrigin } from './raw.js';

/** `closes`: with `Connection: close`, and the connection ends. Otherwise the rest of the body is read and dropped. */
export function start(options: { readonly closes?: boolean; readonly answer?: string } = {}): Promise<RawOrigin> {
  const answer = options.answer ?? ok('enough', ...(options.closes ? ['Connection: close'] : []));
  return listenRaw((visit, origin) => {
    visit.socket.on('data', (text: string) => {
      const hadHead = visit.bytes.includes('\r\n\r\n');
      visit.bytes = (visit.bytes + text).slice(0, 65_536);
      visit.byteCount += text.length;
      if (!hadHead && visit.bytes.includes('\r\n\r\n')) {
        visit.requestCount++;
        if (options.closes) visit.socket.end(answer);
        else visit.socket.write(answer);
      }
      origin.note();
    });
    visit.socket.on('end', () => visit.socket.end());
  });
}
