// A server of our own beside the listeners of the engine: opened, and its socket file removed as it ends.
// Owns the socket. Leaves requests to its handler.

import { lstatSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { endpointKey } from '../base/endpoint.js';
import type { OwnListenerConfig } from '../config/config.js';
import { listenFailure } from '../primary/listeners.js';
import { setAccess, withMode } from '../primary/socket-file.js';

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Clients of one server at once; the next ones are closed. */
const CONNECTIONS_MAX = 256;
const HEAD_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 15_000;
const IDLE_TIMEOUT_MS = 60_000;
/** What runs as it closes, such as the reload that moves it, has so long to end. */
const LAST_ANSWERS_MS = 2000;

export class OwnListener {
  /** What it was opened for. */
  readonly config: OwnListenerConfig;
  readonly #server: Server;

  private constructor(config: OwnListenerConfig, server: Server) {
    this.config = config;
    this.#server = server;
  }

  /** Listens. Rejects with a ListenError that names the address. */
  static async open(config: OwnListenerConfig, handler: RequestHandler): Promise<OwnListener> {
    const server = createServer(
      { headersTimeout: HEAD_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: IDLE_TIMEOUT_MS },
      handler,
    );
    server.maxConnections = CONNECTIONS_MAX;
    try {
      await listen(server, config).catch(async (error: NodeJS.ErrnoException) => {
        // A process that was killed leaves its file: no process accepts there.
        if (error.code !== 'EADDRINUSE' || !(await isLeft(config))) throw error;
        await listen(server, config);
      });
      setFile(config);
    } catch (error) {
      server.close();
      throw listenFailure(config, error as Error);
    }
    server.on('error', () => {});
    server.unref();
    return new OwnListener(config, server);
  }

  /** Where it listens: the port that the system gave for 0. */
  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  /** The same place: who may connect may be another now. Throws a ListenError. */
  setAccess(config: OwnListenerConfig): void {
    try {
      setFile(config);
    } catch (error) {
      throw listenFailure(config, error as Error);
    }
  }

  isAt(config: OwnListenerConfig): boolean {
    return endpointKey(config.endpoint) === endpointKey(this.config.endpoint);
  }

  /** Takes nothing more; what runs has a moment to end. The file of a unix socket is gone when this returns. */
  close(): void {
    this.#server.close();
    this.#server.closeIdleConnections();
    setTimeout(() => this.#server.closeAllConnections(), LAST_ANSWERS_MS).unref();
    const { endpoint } = this.config;
    // Node does so, too, but only once its loop goes on: the process may end before.
    if (endpoint.kind === 'unix') removeFile(endpoint.path);
  }
}

function listen(server: Server, { endpoint, socket = {} }: OwnListenerConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const done = (): void => {
      server.off('error', reject);
      resolve();
    };
    withMode(socket, () => {
      if (endpoint.kind === 'unix') server.listen(endpoint.path, done);
      else server.listen(endpoint.port, endpoint.host, done);
    });
  });
}

function setFile({ endpoint, socket }: OwnListenerConfig): void {
  if (endpoint.kind === 'unix' && socket !== undefined) setAccess(endpoint.path, socket);
}

/** True, and the file removed, when it is a socket at which no process listens. */
function isLeft({ endpoint }: OwnListenerConfig): Promise<boolean> {
  if (endpoint.kind !== 'unix' || !lstatSync(endpoint.path).isSocket()) return Promise.resolve(false);
  return new Promise((resolve) => {
    const probe = connect(endpoint.path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', ({ code }: NodeJS.ErrnoException) => {
      const isStale = code === 'ECONNREFUSED';
      if (isStale) removeFile(endpoint.path);
      resolve(isStale);
    });
  });
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is gone already.
  }
}
