// A plain TCP server: greets with its name if it has one, echoes, and ends its own direction only after the client's end.

import { listenRaw, type RawOptions, type RawOrigin } from './raw.js';

export interface TcpEchoOptions extends RawOptions {
  /** Sent on every new connection. */
  readonly greeting?: string;
  /** Sent after the client's end arrived, before our own: it proves that half-close went across. */
  readonly farewell?: string;
  /** Ends our direction at once, and goes on reading: half-close the other way. */
  readonly endsFirst?: boolean;
}

export function start(options: TcpEchoOptions = {}): Promise<RawOrigin> {
  return listenRaw((visit, origin) => {
    const { socket } = visit;
    if (options.greeting !== undefined) socket.write(options.greeting);
    if (options.endsFirst) socket.end();
    socket.on('data', (text: string) => {
      visit.byteCount += text.length;
      visit.bytes = (visit.bytes + text).slice(-65_536);
      if (!options.endsFirst) socket.write(text, 'latin1');
      origin.note();
    });
    socket.on('end', () => {
      if (!options.endsFirst) socket.end(options.farewell ?? '');
    });
  }, options);
}
