// Answers when it is told to: a request stays open for as long as the test needs.

import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface OnDemand {
  readonly address: string;
  /** Resolves when the next request has arrived. */
  asked(): Promise<void>;
  /** Answers every request that waits. */
  answer(): void;
  close(): Promise<void>;
}

export async function start(): Promise<OnDemand> {
  const waiting: ServerResponse[] = [];
  const server = createServer((_request, response) => {
    waiting.push(response);
    server.emit('asked');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: async () => {
      if (waiting.length === 0) await once(server, 'asked');
    },
    answer: () => {
      for (const response of waiting.splice(0)) response.end('now\n');
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
