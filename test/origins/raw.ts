// What every raw origin shares: a listening socket, a record of what arrived, waiting for it, closing without a trace.
// Owns connections and records. Leaves what is answered to the origins, each named for what it does on the wire.

import { createServer, type Server, type Socket } from 'node:net';
import { freePlace, freePlaceV6, type Place, written } from '../support/addresses.js';
import { type Message, readRequest } from '../support/messages.js';

/** One connection from the proxy, as the origin saw it. */
export interface Visit {
  readonly socket: Socket;
  /** All bytes that arrived, one latin1 character each. Dropped as requests are read when `keepBytes` is false. */
  bytes: string;
  byteCount: number;
  /** The proxy ended its direction (FIN). */
  ended: boolean;
  /** The connection is gone, and whether with a reset. */
  closed: boolean;
  reset: boolean;
  /** Requests read so far on this connection. */
  requestCount: number;
}

export interface RawOptions {
  /** Listen there instead of on a free IPv4 place. */
  readonly at?: 'v6' | Place | { readonly path: string };
}

/** A TCP (or unix socket) server that notes everything. */
export class RawOrigin {
  readonly visits: Visit[] = [];
  /** Requests read by `serveRequests`, over all connections, in order of arrival. */
  readonly requests: Message[] = [];
  /** Bytes that were no strict HTTP/1 request: a proxy must never send such. */
  readonly malformed: Error[] = [];
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly server: Server,
    /** As the configuration writes it: HOST:PORT or unix:PATH. */
    readonly address: string,
    readonly port: number,
  ) {}

  /** Connections accepted so far. */
  get accepted(): number {
    return this.visits.length;
  }

  /** Connections open now. */
  get open(): number {
    return this.visits.filter((visit) => !visit.closed).length;
  }

  /** Calls those who wait: something was noted. */
  note(): void {
    for (const check of [...this.waiting]) check();
  }

  /** Waits until `look` answers something; it is asked whenever something is noted. */
  until<T>(what: string, look: (origin: this) => T | undefined | false, deadlineMs = 15_000): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const found = look(this);
        if (found === undefined || found === false) return;
        clearTimeout(timer);
        this.waiting.delete(check);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.waiting.delete(check);
        const state = `${this.accepted} connections (${this.open} open), ${this.requests.length} requests`;
        reject(new Error(`the origin saw no ${what} within ${deadlineMs} ms; ${state}`));
      }, deadlineMs);
      this.waiting.add(check);
      check();
    });
  }

  /** Stops listening and drops every connection. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const visit of this.visits) visit.socket.destroy();
    await closed;
  }
}

/** Listens, and calls `onVisit` for each connection, before anything arrived on it. */
export async function listenRaw(
  onVisit: (visit: Visit, origin: RawOrigin) => void,
  options: RawOptions = {},
): Promise<RawOrigin> {
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  const origin = await bind(server, options);
  server.on('connection', (socket) => {
    const visit: Visit = {
      socket,
      bytes: '',
      byteCount: 0,
      ended: false,
      closed: false,
      reset: false,
      requestCount: 0,
    };
    origin.visits.push(visit);
    socket.setEncoding('latin1');
    socket.on('end', () => {
      visit.ended = true;
      origin.note();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') visit.reset = true;
    });
    socket.on('close', () => {
      visit.closed = true;
      origin.note();
    });
    onVisit(visit, origin);
    origin.note();
  });
  return origin;
}

async function bind(server: Server, options: RawOptions): Promise<RawOrigin> {
  const listen = (start: () => void): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.once('listening', () => {
        server.off('error', reject);
        resolve();
      });
      start();
    });
  if (typeof options.at === 'object' && 'path' in options.at) {
    const { path } = options.at;
    await listen(() => server.listen(path));
    return new RawOrigin(server, `unix:${path}`, 0);
  }
  const place: Place = options.at === 'v6' ? await freePlaceV6() : (options.at ?? freePlace());
  await listen(() => server.listen({ host: place.host, port: place.port, backlog: 4096 }));
  return new RawOrigin(server, written(place), place.port);
}

/** What an origin does with one request. `origin` and `visit` tell how many came before. */
export type Answer = (request: Message, visit: Visit, origin: RawOrigin) => void;

/** Reads requests strictly and hands each to `answer`. Ends our direction when the proxy ended its own. */
export function serveRequests(answer: Answer, options: RawOptions = {}): Promise<RawOrigin> {
  return listenRaw((visit, origin) => {
    const { socket } = visit;
    socket.on('data', (text: string) => {
      visit.bytes += text;
      visit.byteCount += text.length;
      try {
        for (let request = readRequest(visit.bytes); request !== undefined; request = readRequest(visit.bytes)) {
          visit.bytes = visit.bytes.slice(request.end);
          visit.requestCount++;
          origin.requests.push(request);
          answer(request, visit, origin);
          if (request.framing === 'tunnel' || visit.bytes === '') break;
        }
      } catch (error) {
        origin.malformed.push(error instanceof Error ? error : new Error(String(error)));
        socket.destroy();
      }
      origin.note();
    });
    socket.on('end', () => socket.end());
  }, options);
}

/** A 200 with a Content-Length body. */
export function ok(body: string, ...lines: string[]): string {
  return ['HTTP/1.1 200 OK', `Content-Length: ${Buffer.byteLength(body, 'latin1')}`, ...lines, '', body].join('\r\n');
}
