// A WebSocket server (the `ws` library) that echoes every message.

import { type WebSocket, WebSocketServer } from 'ws';
import { freePlace, loopback } from '../support/addresses.js';

export interface WebSocketOrigin {
  readonly address: string;
  readonly port: number;
  /** Close codes the server saw, in order. */
  readonly closeCodes: number[];
  /** Resolves when `count` connections were closed. */
  closedCount(count: number): Promise<void>;
  close(): Promise<void>;
}

export async function start(): Promise<WebSocketOrigin> {
  const { port } = freePlace();
  const closeCodes: number[] = [];
  const waiting = new Set<() => void>();
  const server = new WebSocketServer({ host: loopback, port });
  server.on('connection', (socket: WebSocket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on('error', () => socket.terminate());
    socket.on('close', (code) => {
      closeCodes.push(code);
      for (const check of [...waiting]) check();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
  });
  return {
    address: `${loopback}:${port}`,
    port,
    closeCodes,
    closedCount: (count) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (closeCodes.length < count) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve();
        };
        const timer = setTimeout(() => {
          waiting.delete(check);
          reject(new Error(`${closeCodes.length} of ${count} WebSocket connections closed`));
        }, 15_000);
        waiting.add(check);
        check();
      }),
    close: () =>
      new Promise((resolve) => {
        for (const socket of server.clients) socket.terminate();
        server.close(() => resolve());
      }),
  };
}
