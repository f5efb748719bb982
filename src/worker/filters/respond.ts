// RequestRedirect and DirectResponse: rules that answer by themselves.

import { STATUS_CODES } from 'node:http';
import { CHUNK_BYTES } from '../../engine/layout.js';
import type { Context } from '../../exchange/context.js';
import type { Exchange } from '../../exchange/exchange.js';
import { fail, reply } from '../../exchange/local-reply.js';
import { forwardedScheme } from '../../http/forwarded-scheme.js';
import type { ReasonCode } from '../../http/reasons.js';
import type { FilterPlan } from '../../routing/plan.js';
import { fillLines } from './header-variables.js';

/** A filter that ends a request with an answer of its own. */
export type Answering = Extract<FilterPlan, { type: 'RequestRedirect' | 'DirectResponse' }>;

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };
const NOTHING = new Uint8Array(0);

/** The host of the request, and its port if it named one. */
function hostOf(w: Context, x: Exchange): { name: string; port: number | undefined } {
  const text = textAt(w, x.hostAt, x.hostBytes);
  const name = text.slice(0, w.view.hostBytes);
  const port = Number(text.slice(w.view.hostBytes + 1));
  return { name, port: port > 0 ? port : undefined };
}

/** The scheme that the client used: what a trusted proxy in front says of it, else that of its connection. */
export function clientScheme(w: Context, x: Exchange): 'http' | 'https' {
  const said = x.client.trusted ? forwardedScheme(w.memory, x.client.parser!.head) : null;
  return said ?? (x.client.tls === null ? 'http' : 'https');
}

const textAt = (w: Context, at: number, bytes: number): string =>
  Buffer.from(w.memory.buffer, at, bytes).toString('latin1');

/**
 * The location of a redirect (Gateway API, HTTPRequestRedirectFilter): what the filter leaves open is the request's. Where
 * neither names a host it is the path alone (RFC 9110, 10.2.2). Else why there is none.
 */
function location(
  w: Context,
  x: Exchange,
  plan: Extract<FilterPlan, { type: 'RequestRedirect' }>,
): { to: string } | ReasonCode {
  const { view } = w;
  const changed = newPath(w, x);
  if (typeof changed === 'string') return changed;
  const query = textAt(w, view.queryAt, view.queryBytes);
  const place = `${changed.path}${query === '' ? '' : `?${query}`}`;
  const host = hostOf(w, x);
  const authority = plan.hostname ?? host.name;
  if (authority === '') {
    if (plan.scheme !== undefined || plan.port !== undefined) return 'REDIRECT_HOST_MISSING';
    // Two slashes in front would make a host of what follows.
    return { to: place.replace(/^\/+/, '/') };
  }
  const scheme = plan.scheme ?? clientScheme(w, x);
  const port = plan.port ?? (plan.scheme === undefined ? host.port : DEFAULT_PORTS[scheme]);
  const shownPort = port === undefined || port === DEFAULT_PORTS[scheme] ? '' : `:${port}`;
  return { to: `${scheme}://${authority}${shownPort}${place}` };
}

/** The path of the new location, or why there can be none. */
function newPath(w: Context, x: Exchange): { path: string } | ReasonCode {
  const { redirectPath } = x.rule!;
  if (redirectPath === null) {
    const path = textAt(w, x.targetAt, x.client.pathBytes);
    return { path: path === '*' ? '/' : path };
  }
  const room = redirectPath.room(w, x, CHUNK_BYTES);
  const out = Buffer.alloc(room);
  const bytes = redirectPath.write(w, x, out, 0, room);
  return typeof bytes === 'number' ? { path: out.toString('latin1', 0, bytes) } : bytes;
}

/** Answers the request as the filter says. */
export function respond(w: Context, x: Exchange, plan: Answering): void {
  if (plan.type === 'RequestRedirect') {
    const found = location(w, x, plan);
    if (typeof found === 'string') fail(w, x, found);
    else {
      const phrase = STATUS_CODES[plan.statusCode] ?? '';
      reply(w, x, plan.statusCode, phrase, `Location: ${found.to}\r\n`, NOTHING, false);
    }
    return;
  }
  const bodiless = plan.status === 204 || plan.status === 304;
  const typed = plan.headers.some(({ name }) => name.toLowerCase() === 'content-type') || plan.body.length === 0;
  const headers = `${typed ? '' : 'Content-Type: text/plain; charset=utf-8\r\n'}${fillLines(w, x, plan.headers)}`;
  reply(w, x, plan.status, STATUS_CODES[plan.status] ?? '', headers, bodiless ? NOTHING : plan.body, bodiless);
}
