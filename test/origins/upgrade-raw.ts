// Switches to a protocol of its own after 101: echoes every byte, and ends when its client ends.

import { type RawOrigin, serveRequests } from './raw.js';

/** `early`: bytes sent in the same write as the 101. */
export function start(options: { readonly early?: string; readonly protocol?: string } = {}): Promise<RawOrigin> {
  const protocol = options.protocol ?? 'echo';
  return serveRequests((request, visit, origin) => {
    const { socket } = visit;
    socket.removeAllListeners('data');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: ${protocol}\r\n\r\n${options.early ?? ''}${request.body}`,
      'latin1',
    );
    socket.on('data', (text: string) => {
      visit.bytes += text;
      socket.write(text, 'latin1');
      origin.note();
    });
  });
}
