// RequestRedirect and DirectResponse: rules that answer by themselves.

import { STATUS_CODES } from 'node:http';
import type { FilterPlan } from '../../routing/plan.js';
import { reply } from '../answer.js';
import type { ClientConnection } from '../connections.js';
import type { Worker } from '../worker.js';
import { fillLines } from './facts.js';
import { modifiedPath } from './rewrite.js';

/** A filter that ends a request with an answer of its own. */
export type Answering = Extract<FilterPlan, { type: 'RequestRedirect' | 'DirectResponse' }>;

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };
const NOTHING = new Uint8Array(0);

/** The host of the request, and its port if it named one. */
function hostOf(w: Worker, client: ClientConnection): { name: string; port: number | undefined } {
  const text = Buffer.from(w.memory.buffer, client.hostAt, client.hostBytes).toString('latin1');
  const name = text.slice(0, w.view.hostBytes);
  const port = Number(text.slice(w.view.hostBytes + 1));
  return { name, port: port > 0 ? port : undefined };
}

/** The location of a redirect (Gateway API, HTTPRequestRedirectFilter): what the filter leaves open is the request's. */
function location(w: Worker, client: ClientConnection, plan: Extract<FilterPlan, { type: 'RequestRedirect' }>): string {
  const { view } = w;
  const host = hostOf(w, client);
  const scheme = plan.scheme ?? (client.tls === null ? 'http' : 'https');
  const port = plan.port ?? (plan.scheme === undefined ? host.port : DEFAULT_PORTS[scheme]);
  const path =
    plan.path === undefined
      ? Buffer.from(w.memory.buffer, view.pathAt, view.pathBytes).toString('latin1')
      : modifiedPath(w, plan.path);
  const query = Buffer.from(w.memory.buffer, view.queryAt, view.queryBytes).toString('latin1');
  const authority = plan.hostname ?? host.name;
  const shownPort = port === undefined || port === DEFAULT_PORTS[scheme] ? '' : `:${port}`;
  return `${scheme}://${authority}${shownPort}${path}${query === '' ? '' : `?${query}`}`;
}

/** Answers the request as the filter says. */
export function respond(w: Worker, client: ClientConnection, plan: Answering): void {
  const edit = client.rule!.responseEdit;
  const lines = edit === null ? '' : edit.filled === null ? edit.fixed : client.responseLines;
  if (plan.type === 'RequestRedirect') {
    const to = location(w, client, plan);
    reply(
      w,
      client,
      plan.statusCode,
      STATUS_CODES[plan.statusCode] ?? '',
      `Location: ${to}\r\n${lines}`,
      NOTHING,
      false,
    );
    return;
  }
  const bodiless = plan.status === 204 || plan.status === 304;
  const type = plan.headers.some(({ name }) => name.toLowerCase() === 'content-type') || plan.body.length === 0;
  const headers = `${type ? '' : 'Content-Type: text/plain; charset=utf-8\r\n'}${fillLines(w, client, plan.headers)}${lines}`;
  reply(w, client, plan.status, STATUS_CODES[plan.status] ?? '', headers, bodiless ? NOTHING : plan.body, bodiless);
}
