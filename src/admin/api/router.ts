// From a request to its endpoint and back: the path, the method, the body.
// Owns the table of endpoints. Leaves what they do to the files beside.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import { alternatives } from '../../base/problems.js';
import { Refused } from '../problem.js';
import type { AdminTarget } from '../target.js';
import type { Call, Endpoint, Reply } from './endpoint.js';
import { EXPLAIN } from './explain.js';
import { POOLS } from './pools.js';
import { SERVICE } from './service.js';
import { STATE } from './state.js';

export const ENDPOINTS: readonly Endpoint[] = [...STATE, ...POOLS, ...EXPLAIN, ...SERVICE];

const BODY_BYTES_MAX = 128 * 1024;

/** Answers a request by its endpoint. Throws a Refused when there is none, or when it does not take the request. */
export async function dispatch(
  target: AdminTarget,
  request: IncomingMessage,
  response: ServerResponse,
  by: string,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
  const { endpoint, params } = find(method, pathname);
  for (const name of searchParams.keys()) {
    if (Object.hasOwn(endpoint.query ?? {}, name)) continue;
    const known = Object.keys(endpoint.query ?? {});
    throw new Refused(400, `'${name}' is not asked here.`, {
      place: 'query',
      found: name,
      expected: known.length === 0 ? 'no query' : alternatives(known),
    });
  }
  const body = await bodyOf(endpoint, request);
  const call: Call = { target, params, query: searchParams, body, headers: request.headers, by };
  send(await endpoint.run(call), request, response);
}

function find(method: string, path: string): { endpoint: Endpoint; params: Record<string, string> } {
  const parts = path.split('/').slice(1);
  const there = ENDPOINTS.flatMap((endpoint) => {
    const params = paramsOf(endpoint.path.split('/').slice(1), parts);
    return params === undefined ? [] : [{ endpoint, params }];
  });
  const found = there.find(({ endpoint }) => endpoint.method === method);
  if (found !== undefined) return found;
  if (there.length > 0) {
    const allowed = there.map(({ endpoint }) => endpoint.method);
    throw new Refused(
      405,
      `${method} is not for ${path}.`,
      { place: 'method', found: method, expected: alternatives(allowed) },
      { Allow: allowed.join(', ') },
    );
  }
  throw new Refused(404, 'There is nothing here.', { place: 'path', found: path, expected: 'a path of /openapi.json' });
}

/** The parts in braces; undefined when the path is another one. */
function paramsOf(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  // The name of a server over a unix socket has slashes: the last part may take them all.
  const isLast = (index: number): boolean => index === pattern.length - 1 && pattern[index] === '{server}';
  if (parts.length < pattern.length || (parts.length > pattern.length && !isLast(pattern.length - 1))) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const found = isLast(index) ? parts.slice(index).join('/') : parts[index]!;
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined) {
      if (part !== found) return undefined;
      continue;
    }
    if (found === '') return undefined;
    try {
      params[name] = decodeURIComponent(found);
    } catch {
      throw new Refused(400, 'The path has an escape that is none.', {
        place: 'path',
        found,
        expected: '% and two digits',
      });
    }
  }
  return params;
}

async function bodyOf({ body }: Endpoint, request: IncomingMessage): Promise<unknown> {
  if (body === undefined) return undefined;
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
  const wanted =
    body === 'text' ? ['message/http', 'text/plain'] : ['application/json', 'application/merge-patch+json'];
  if (!wanted.includes(type)) {
    throw new Refused(415, 'The body is of another type.', {
      place: 'Content-Type',
      found: type === '' ? 'none' : type,
      expected: alternatives(wanted),
    });
  }
  const text = await textOf(request);
  if (body === 'text') return text;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Refused(400, 'The body is not JSON.', {
      place: 'body',
      found: (error as Error).message,
      expected: 'JSON',
    });
  }
  const read = body.safeParse(value);
  if (read.success) return read.data;
  throw wrongBody(read.error, value);
}

function wrongBody({ issues }: z.ZodError, value: unknown): Refused {
  const { path, message } = issues[0]!;
  const found = path.reduce<unknown>((part, key) => (part as Record<PropertyKey, unknown> | undefined)?.[key], value);
  return new Refused(400, 'The body is not what is expected.', {
    place: ['body', ...path.map(String)].join('.'),
    found: (JSON.stringify(found) ?? 'nothing').slice(0, 200),
    expected: message,
  });
}

async function textOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > BODY_BYTES_MAX) {
      throw new Refused(413, 'The body is too large.', {
        place: 'body',
        found: `more than ${BODY_BYTES_MAX} bytes`,
        expected: `at most ${BODY_BYTES_MAX} bytes`,
      });
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function send({ status = 200, body, headers = {} }: Reply, request: IncomingMessage, response: ServerResponse): void {
  if (body === undefined) {
    response.writeHead(status, { 'Cache-Control': 'no-store', ...headers });
    response.end();
    return;
  }
  const text = `${JSON.stringify(body, null, 2)}\n`;
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}
