// Asks a server of a pool about a request: one small GET, over connections that are kept.
// Owns the connections, and trying another server. Leaves what is asked, and what the answer means, to run.ts.

import { type Dispatcher, Pool } from 'undici';
import { endpointKey, type SocketEndpoint } from '../../base/endpoint.js';

/** Connections to one server, in one worker. */
const CONNECTIONS_MAX = 64;
/** Questions under way in one worker; with more, requests are refused. */
const QUESTIONS_MAX = 1024;
/** Servers that are remembered with their connections; those that are gone are forgotten some time. */
const SERVERS_MAX = 256;
const HEAD_BYTES_MAX = 65_536;

const pools = new Map<string, Pool>();
let questions = 0;

/** What a server said. */
export interface Answer {
  readonly status: number;
  /** Names as they were written. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

/** As many questions are under way as may be. */
export const isFull = (): boolean => questions >= QUESTIONS_MAX;

function poolOf(server: SocketEndpoint): Pool {
  const key = endpointKey(server);
  let pool = pools.get(key);
  if (pool === undefined) {
    if (pools.size >= SERVERS_MAX) forgetOldest();
    pool = new Pool(server.kind === 'unix' ? 'http://localhost' : `http://${key}`, {
      connections: CONNECTIONS_MAX,
      maxHeaderSize: HEAD_BYTES_MAX,
      ...(server.kind === 'unix' ? { socketPath: server.path } : {}),
    });
    pools.set(key, pool);
  }
  return pool;
}

/** Closes the connections to the server that was met first, once its questions are answered. */
function forgetOldest(): void {
  const [key, pool] = pools.entries().next().value!;
  pools.delete(key);
  pool.close().catch(() => {});
}

/**
 * Asks the servers one after the other until one answers. `bytesMax` is the longest body. Rejects when none answers, when the body is longer, and when
 * `signal` is aborted.
 */
export async function ask(
  servers: readonly SocketEndpoint[],
  path: string,
  headers: readonly string[],
  bytesMax: number,
  signal: AbortSignal,
): Promise<Answer> {
  questions++;
  try {
    let failure: unknown = new Error('no server of the pool is available');
    for (const server of servers) {
      signal.throwIfAborted();
      try {
        return await askOne(poolOf(server), path, headers, bytesMax, signal);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  } finally {
    questions--;
  }
}

async function askOne(
  pool: Pool,
  path: string,
  headers: readonly string[],
  bytesMax: number,
  signal: AbortSignal,
): Promise<Answer> {
  const response = await pool.request({ method: 'GET', path, headers: [...headers], signal, responseHeaders: 'raw' });
  const body = await bodyOf(response, bytesMax);
  const raw = response.headers as unknown as readonly (string | Buffer)[];
  const fields: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) fields.push([textOf(raw[i]!), textOf(raw[i + 1]!)]);
  return { status: response.statusCode, fields, body };
}

/** One character per byte. */
const textOf = (value: string | Buffer): string => (typeof value === 'string' ? value : value.toString('latin1'));

async function bodyOf({ body }: Dispatcher.ResponseData, bytesMax: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body as AsyncIterable<Uint8Array>) {
    bytes += piece.length;
    if (bytes > bytesMax) throw new Error('the answer is longer than allowed');
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
