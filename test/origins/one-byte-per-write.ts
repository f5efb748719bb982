// Sends its answer one byte per write, each after the kernel took the one before.

import { ok, type RawOrigin, serveRequests } from './raw.js';

export function start(options: { readonly answer?: string } = {}): Promise<RawOrigin> {
  const answer = options.answer ?? ok('a body in small pieces', 'X-Pace: slow');
  return serveRequests((_request, visit) => {
    const step = (at: number): void => {
      if (at < answer.length && !visit.socket.destroyed) {
        visit.socket.write(answer[at]!, 'latin1', () => setImmediate(step, at + 1));
      }
    };
    step(0);
  });
}
