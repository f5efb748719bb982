// A TLS client on node:tls.

import { type ConnectionOptions, connect, type PeerCertificate, type TLSSocket } from 'node:tls';
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

/** The certificate that a client is shown at `place`. */
export async function certificateAt(place: Place, options: ConnectionOptions): Promise<PeerCertificate> {
  const socket = await secure(place, options);
  const certificate = socket.getPeerCertificate();
  socket.destroy();
  return certificate;
}
