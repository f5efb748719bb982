// A well-behaved node:http origin that answers with what it saw of the request, as JSON.
// Owns the echo. Counts connections and requests, so that reuse can be asserted.

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { freePlace, freePlaceV6, loopback } from '../support/addresses.js';

/** The answer's body, parsed. */
export interface Echo {
  readonly server: string;
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  /** node:http's view: lower-case names, joined values. */
  readonly headers: Record<string, string>;
  /** Name, value, name, value … as they stood on the wire. */
  readonly rawHeaders: string[];
  readonly bodyBytes: number;
  readonly bodySha256: string;
  readonly trailers: Record<string, string>;
}

/** What the server of the response saw of the request. */
export const echoOf = (response: { readonly body: string }): Echo => JSON.parse(response.body) as Echo;

export interface JsonEcho {
  /** HOST:PORT, or unix:PATH. */
  readonly address: string;
  readonly port: number;
  /** Connections accepted so far. */
  accepted(): number;
  /** Connections open now. */
  open(): number;
  requestCount(): number;
  /** Closes every connection that waits for a request, now. */
  closeIdle(): void;
  close(): Promise<void>;
}

/** Starts it. `name` comes back as `server`. */
export async function start(
  options: { readonly name?: string; readonly at?: 'v6' | { readonly path: string } } = {},
): Promise<JsonEcho> {
  const name = options.name ?? 'echo';
  let accepted = 0;
  let requestCount = 0;
  const sockets = new Set<Socket>();
  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 }, (request, response) => {
    requestCount++;
    const hash = createHash('sha256');
    let bodyBytes = 0;
    request.on('data', (piece: Buffer) => {
      bodyBytes += piece.length;
      hash.update(piece);
    });
    request.on('end', () => {
      const echo: Echo = {
        server: name,
        method: request.method ?? '',
        url: request.url ?? '',
        httpVersion: request.httpVersion,
        headers: request.headers as Record<string, string>,
        rawHeaders: request.rawHeaders,
        bodyBytes,
        bodySha256: hash.digest('hex'),
        trailers: request.trailers as Record<string, string>,
      };
      response.setHeader('Content-Type', 'application/json');
      response.setHeader('X-Served-By', name);
      response.end(JSON.stringify(echo));
    });
    request.on('error', () => response.destroy());
  });
  server.on('connection', (socket) => {
    accepted++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const listening = (): void => resolve();
    if (options.at === 'v6') freePlaceV6().then((place) => server.listen(place.port, '::1', listening), reject);
    else if (options.at !== undefined) server.listen(options.at.path, listening);
    else server.listen(freePlace().port, loopback, listening);
  });
  const bound = server.address();
  const port = typeof bound === 'string' ? 0 : (bound as AddressInfo).port;
  const host = options.at === 'v6' ? '[::1]' : loopback;
  return {
    address: typeof bound === 'string' ? `unix:${bound}` : `${host}:${port}`,
    port,
    accepted: () => accepted,
    open: () => sockets.size,
    requestCount: () => requestCount,
    closeIdle: () => server.closeIdleConnections(),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of sockets) socket.destroy();
      }),
  };
}
