// RequestRedirect: the location that a request is sent to (Gateway API, HTTPRequestRedirectFilter).

import { CHUNK_BYTES } from '../../engine/layout.js';
import type { AnyExchange } from '../../exchange/client-info.js';
import { type Filter, type FilterRun, type FilterTools, VERDICT } from '../../exchange/filter.js';
import type { ReasonCode } from '../../http/reasons.js';
import { PathModifier } from '../run-parts/path-change.js';
import type { Plan } from './plan.js';

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };
const NOTHING = new Uint8Array(0);

/** A rule has one, and what is around it has none. */
export const requestRedirect = {
  type: 'RequestRedirect',
  make(layers, { tools }): Filter {
    const plan = layers.flat()[0]!;
    const change = plan.path === undefined ? null : new PathModifier(plan.path, tools);
    return {
      requestHead: (x) => {
        const found = location(tools, x, plan, change);
        if (typeof found === 'string') tools.fail(x, found);
        else tools.reply(x, { status: plan.statusCode, fields: `Location: ${found.to}\r\n`, body: NOTHING });
        return VERDICT.ANSWERED;
      },
    };
  },
} satisfies FilterRun<Plan>;

/**
 * The location: what the filter leaves open is the request's. Where neither names a host it is the path alone
 * (RFC 9110, 10.2.2). Else why there is none.
 */
function location(
  tools: FilterTools,
  x: AnyExchange,
  plan: Plan,
  change: PathModifier | null,
): { to: string } | ReasonCode {
  const changed = newPath(tools, x, change);
  if (typeof changed === 'string') return changed;
  const query = textAt(tools, x.queryAt, x.queryBytes);
  const place = `${changed.path}${query === '' ? '' : `?${query}`}`;
  const host = hostOf(tools, x);
  const authority = plan.hostname ?? host.name;
  if (authority === '') {
    if (plan.scheme !== undefined || plan.port !== undefined) return 'REDIRECT_HOST_MISSING';
    // Two slashes in front would make a host of what follows.
    return { to: place.replace(/^\/+/, '/') };
  }
  const scheme = plan.scheme ?? tools.scheme(x);
  const port = plan.port ?? (plan.scheme === undefined ? host.port : DEFAULT_PORTS[scheme]);
  const shownPort = port === undefined || port === DEFAULT_PORTS[scheme] ? '' : `:${port}`;
  return { to: `${scheme}://${authority}${shownPort}${place}` };
}

/** The path of the new location, or why there can be none. */
function newPath(tools: FilterTools, x: AnyExchange, change: PathModifier | null): { path: string } | ReasonCode {
  if (change === null) {
    const path = textAt(tools, x.targetAt, x.targetPathBytes);
    return { path: path === '*' ? '/' : path };
  }
  const room = change.room(x, CHUNK_BYTES);
  const out = Buffer.alloc(room);
  const bytes = change.write(x, out, 0, room);
  return typeof bytes === 'number' ? { path: out.toString('latin1', 0, bytes) } : bytes;
}

/** The host of the request, and its port if it named one. */
function hostOf(tools: FilterTools, x: AnyExchange): { name: string; port: number | undefined } {
  const text = textAt(tools, x.hostAt, x.hostBytes);
  const nameBytes = x.hostNameBytes;
  const port = Number(text.slice(nameBytes + 1));
  return { name: text.slice(0, nameBytes), port: port > 0 ? port : undefined };
}

const textAt = ({ memory }: FilterTools, at: number, bytes: number): string =>
  Buffer.from(memory.buffer, at, bytes).toString('latin1');
