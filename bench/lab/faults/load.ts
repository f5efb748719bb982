// A steady load of keep-alive GETs and POSTs, and a record of each request: when, how long, by whom, and how it ended.
// Owns the clients. Leaves what the record means to figures.ts.

import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'undici';

/** One request as its client saw it. Times in milliseconds since the load began. */
export interface Seen {
  method: 'GET' | 'POST';
  startMs: number;
  tookMs: number;
  /** Name of the origin that answered, or null. */
  origin: string | null;
  /** Null for an answer below 500, complete; else what went wrong. */
  failure: string | null;
}

const GETTERS = 12;
const POSTERS = 4;
/** So many requests are under way at most. */
export const CLIENTS = GETTERS + POSTERS;
/** Pause of each client after an answer, in milliseconds. */
const PAUSE_MS = 8;
/** A client gives up after this long, in milliseconds. */
const PATIENCE_MS = 15_000;
const BODY = 'order'.repeat(40);

/** Sixteen clients, each with a connection of its own and one request at a time. They never retry. */
export class Load {
  readonly seen: Seen[] = [];
  readonly #clients: Client[];
  readonly #ended: Promise<unknown>;
  readonly #startedAt = performance.now();
  #running = true;

  constructor(url: string) {
    const options = { pipelining: 1, headersTimeout: PATIENCE_MS, bodyTimeout: PATIENCE_MS };
    this.#clients = Array.from({ length: CLIENTS }, () => new Client(url, options));
    this.#ended = Promise.all(this.#clients.map((client, i) => this.#run(client, i < GETTERS ? 'GET' : 'POST')));
  }

  /** Milliseconds since the load began. */
  get nowMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** Ends the load when every request has its answer. */
  async stop(): Promise<void> {
    this.#running = false;
    await this.#ended;
    await Promise.all(this.#clients.map((client) => client.destroy()));
  }

  async #run(client: Client, method: 'GET' | 'POST'): Promise<void> {
    while (this.#running) {
      const startMs = this.nowMs;
      const { origin, failure } = await ask(client, method);
      this.seen.push({ method, startMs, tookMs: this.nowMs - startMs, origin, failure });
      await wait(PAUSE_MS);
    }
  }
}

async function ask(client: Client, method: 'GET' | 'POST'): Promise<Pick<Seen, 'origin' | 'failure'>> {
  let origin: string | null = null;
  try {
    const response = await client.request({ method, path: '/', body: method === 'POST' ? BODY : null });
    const by = response.headers['x-origin'];
    origin = typeof by === 'string' ? by : null;
    await response.body.text();
    return { origin, failure: response.statusCode < 500 ? null : `status ${response.statusCode}` };
  } catch (error) {
    return { origin, failure: (error as NodeJS.ErrnoException).code ?? String(error) };
  }
}
