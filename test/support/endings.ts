// Ends and resets connections where Node would leave something of them behind, or lose something.
// Owns when an end or a reset may be asked for. Leaves why to the caller.

import type { Socket } from 'node:net';

/**
 * Resets the TCP connection of `socket` at once, or when the end that was asked for is on its way. `stream` is what was
 * written to, where that is not the socket itself: TLS above it.
 *
 * While a shutdown is pending libuv refuses a reset (EINVAL of uv_tcp_close_reset). Node then forgets the handle without
 * closing it, and spins at its exit, since the shutdown never completes.
 */
export function reset(socket: Socket, stream: Socket = socket): void {
  const shutdownPending = stream.writableEnded && !stream.writableFinished && stream.writableLength === 0;
  if (!shutdownPending || stream.destroyed) socket.resetAndDestroy();
  else stream.once('finish', () => socket.resetAndDestroy());
}

/**
 * Ends our direction of `socket` once what has been received is read. A TLSSocket of Node that is ended while it hands out one
 * of several records that came together drops those behind it.
 */
export function endAfterReading(socket: Socket): void {
  setImmediate(() => socket.end());
}
