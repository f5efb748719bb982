// Reads nothing of what arrives until `go` is called: the proxy must stop reading its client meanwhile.

import { listenRaw, ok, type RawOrigin } from './raw.js';

export interface SlowReader {
  readonly origin: RawOrigin;
  readonly address: string;
  /** Reads everything from now on, and answers once `bytes` arrived. */
  go(bytes: number): void;
  close(): Promise<void>;
}

export async function start(): Promise<SlowReader> {
  const goers: ((bytes: number) => void)[] = [];
  const origin = await listenRaw((visit, records) => {
    visit.socket.pause();
    goers.push((bytes) => {
      visit.socket.on('data', (text: string) => {
        visit.byteCount += text.length;
        if (visit.byteCount >= bytes && visit.requestCount === 0) {
          visit.requestCount = 1;
          visit.socket.write(ok('read it all'));
        }
        records.note();
      });
      visit.socket.resume();
    });
  });
  return {
    origin,
    address: origin.address,
    go: (bytes) => {
      for (const goer of goers) goer(bytes);
    },
    close: () => origin.close(),
  };
}
