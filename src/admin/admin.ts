// The admin API and the place where metrics alone are served: opened, moved by a reload, closed.
// Owns the sockets and how a request is answered or refused. Leaves each answer to the file of its name.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config, OwnListenerConfig } from '../config/config.js';
import { openApi } from './api/openapi.js';
import { dispatch, ENDPOINTS } from './api/router.js';
import { streamEvents, wantsStream } from './api/stream.js';
import { checkCaller, checkPlace, checkScraper } from './guard.js';
import { OwnListener } from './listen.js';
import { serveMetrics } from './metrics.js';
import { Refused } from './problem.js';
import type { AdminTarget } from './target.js';
import { serveDashboard } from './ui.js';

type Settings = Pick<Config, 'admin' | 'metrics'>;

/** What a change of the configuration opened; one of the two is called. */
interface Moved {
  /** The change is made: what it leaves is closed. */
  keep(): void;
  /** It is not made: what it opened is closed. */
  undo(): void;
}

export class Admin {
  readonly #target: AdminTarget;
  #api: OwnListener | null = null;
  #metrics: OwnListener | null = null;
  #settings: Settings = { metrics: { seriesMax: 0 } };

  constructor(target: AdminTarget) {
    this.#target = target;
  }

  /** Opens what `settings` ask for and is not open. Rejects with a ListenError, and nothing has changed then. */
  async move(settings: Settings): Promise<Moved> {
    const opened: OwnListener[] = [];
    const find = async (
      now: OwnListener | null,
      config: OwnListenerConfig | undefined,
      handler: (config: OwnListenerConfig, request: IncomingMessage, response: ServerResponse) => void,
      current: () => OwnListenerConfig,
    ): Promise<OwnListener | null> => {
      if (config === undefined) return null;
      if (now?.isAt(config)) return now;
      const listener = await OwnListener.open(config, (request, response) => handler(current(), request, response));
      opened.push(listener);
      return listener;
    };
    try {
      const api = await find(this.#api, settings.admin, this.#serveApi, () => this.#settings.admin ?? settings.admin!);
      const metrics = await find(
        this.#metrics,
        settings.metrics.listener,
        this.#serveMetrics,
        () => this.#settings.metrics.listener ?? settings.metrics.listener!,
      );
      // Once all are open: a reload that is refused for one of them must not have changed who may connect to another.
      if (api !== null && api === this.#api) api.setAccess(settings.admin!);
      if (metrics !== null && metrics === this.#metrics) metrics.setAccess(settings.metrics.listener!);
      return {
        keep: () => this.#keep(settings, api, metrics),
        undo: () => {
          for (const listener of opened) listener.close();
        },
      };
    } catch (error) {
      for (const listener of opened) listener.close();
      throw error;
    }
  }

  #keep(settings: Settings, api: OwnListener | null, metrics: OwnListener | null): void {
    if (this.#api !== api) this.#api?.close();
    if (this.#metrics !== metrics) this.#metrics?.close();
    this.#api = api;
    this.#metrics = metrics;
    this.#settings = settings;
  }

  /** Takes no further request, and leaves no socket file. */
  close(): void {
    this.#api?.close();
    this.#metrics?.close();
    this.#api = null;
    this.#metrics = null;
  }

  readonly #serveApi = (config: OwnListenerConfig, request: IncomingMessage, response: ServerResponse): void => {
    answer(request, response, async () => {
      const path = pathOf(request);
      if (serveProbe(this.#target, path, request, response)) return;
      checkPlace(request, config);
      if (serveDashboard(path, request, response)) return;
      checkCaller(request, config, isChange(request));
      if (path === '/metrics' && this.#settings.admin?.metrics) {
        checkMethod(request);
        return serveMetrics(this.#target, request, response);
      }
      if (path === '/openapi.json' && request.method === 'GET') return sendDocument(this.#target, response);
      if (path === '/events' && request.method === 'GET' && wantsStream(request)) {
        return streamEvents(this.#target.events, request, response);
      }
      await dispatch(this.#target, request, response, callerOf(request));
    });
  };

  readonly #serveMetrics = (config: OwnListenerConfig, request: IncomingMessage, response: ServerResponse): void => {
    answer(request, response, async () => {
      const path = pathOf(request);
      checkScraper(request, config);
      checkMethod(request);
      if (path === '/metrics') return serveMetrics(this.#target, request, response);
      throw new Refused(404, 'Metrics alone are served here.', { place: 'path', found: path, expected: '/metrics' });
    });
  };
}

function sendDocument({ version }: AdminTarget, response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.end(`${JSON.stringify(openApi(ENDPOINTS, version), null, 2)}\n`);
}

/** Who sends a request: what it says of itself, and where it comes from. */
function callerOf({ headers, socket }: IncomingMessage): string {
  const from = socket.remoteAddress === undefined ? 'a unix socket' : `${socket.remoteAddress}:${socket.remotePort}`;
  const name = headers['sevenfold-operator'];
  return typeof name === 'string' && /^[\w.@-]{1,64}$/.test(name) ? `${name} over ${from}` : from;
}

/** What orchestrators ask without a token, and under the name of the machine. */
const PUBLIC: ReadonlySet<string> = new Set(['/livez', '/readyz']);

const pathOf = ({ url = '/' }: IncomingMessage): string => url.split('?', 1)[0]!;

/** Throws a Refused for a method that changes things, where nothing can be changed. */
function checkMethod(request: IncomingMessage): void {
  if (!isChange(request)) return;
  throw new Refused(
    405,
    'Nothing can be changed here.',
    { place: 'method', found: request.method ?? '', expected: 'GET' },
    { Allow: 'GET, HEAD' },
  );
}

const isChange = ({ method = '' }: IncomingMessage): boolean => !['GET', 'HEAD', 'OPTIONS'].includes(method);

function serveProbe(target: AdminTarget, path: string, request: IncomingMessage, response: ServerResponse): boolean {
  if (!PUBLIC.has(path)) return false;
  const { primary, ending } = target;
  const isReady = primary !== null && !ending;
  const good = path === '/livez' || isReady;
  const text = good ? 'ok\n' : ending ? 'draining\n' : 'starting\n';
  response.writeHead(good ? 200 : 503, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
  response.end(request.method === 'HEAD' ? undefined : text);
  return true;
}

/** Answers, and makes problem details of what is thrown. */
function answer(request: IncomingMessage, response: ServerResponse, serve: () => Promise<void>): void {
  serve().catch((error: Error) => {
    const refused =
      error instanceof Refused
        ? error
        : new Refused(500, 'The request could not be answered.', { found: error.message });
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const body = `${JSON.stringify(refused.body)}\n`;
    response.writeHead(refused.status, {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      'Content-Length': Buffer.byteLength(body),
      ...refused.headers,
    });
    response.end(request.method === 'HEAD' ? undefined : body);
    request.resume();
  });
}
