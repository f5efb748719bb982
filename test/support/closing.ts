// Stops a server of a test with all its connections, so that no test waits for one that nobody ends.
// Owns the raw connections: also those whose TLS handshake or first request is not done.

import type { Server, Socket } from 'node:net';

/** Call before the server listens. What it returns drops every connection, stops listening, and resolves when all is gone. */
export function closing(server: Server): () => Promise<void> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
}
