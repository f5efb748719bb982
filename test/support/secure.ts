// A TLS client on node:tls.

import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { Place } from './addresses.js';

/** Connects, and resolves once the handshake is done. Rejects with the alert, or whatever else went wrong. */
export function secure(
  place: Place,
  options: ConnectionOptions & { readonly allowHalfOpen?: boolean },
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...options, host: place.host, port: place.port });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}
