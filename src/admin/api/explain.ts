// Where a request would go now: the words of `sevenfold explain`, on the table that runs.

import { isIP } from 'node:net';
import type { LoadedRoutes } from '../../config/routes.js';
import { connectionAsked } from '../../config/schema/tests.js';
import { connectionTargets, connectionTargetText } from '../../explain/connection-lines.js';
import { type RouteRequest, Router } from '../../explain/router.js';
import { Refused } from '../problem.js';
import { hidingSecretsOf } from '../redact.js';
import { type Call, type Endpoint, type Reply, running } from './endpoint.js';

export const EXPLAIN: readonly Endpoint[] = [
  {
    method: 'GET',
    path: '/explain',
    says: 'Where a request would go, and why.',
    query: {
      request: "Method and URL, as 'GET http://shop.example.com/images'; or tls://NAME for a raw connection.",
      header: "'Name: value'; may come several times.",
      client: 'The address at the other end of the connection; 127.0.0.1 by default.',
      listener: 'The name of the listener that it comes to.',
    },
    run: (call) => {
      const request = call.query.get('request') ?? '';
      const { loaded } = running(call);
      const connection = connectionAsked(request);
      if (connection !== undefined) {
        const targets = connectionTargets(loaded, connection.serverName, connection.port);
        return { body: { targets, text: targets.map((one) => `${connectionTargetText(one)}\n`).join('') } };
      }
      const [first = '', second] = request.trim().split(/\s+/, 2);
      const url = second ?? first;
      if (!url.startsWith('/') && !/^https?:\/\//i.test(url)) {
        throw new Refused(400, `'${request}' is not a request.`, {
          place: 'query.request',
          found: request,
          expected: "a method and a URL, such as 'GET http://shop.example.com/'",
        });
      }
      return decided(call, loaded, {
        url,
        ...(second === undefined ? {} : { method: first }),
        headers: headersOf(call.query.getAll('header'), 'query.header'),
      });
    },
  },
  {
    method: 'POST',
    path: '/explain',
    says: 'The same for a request as it is sent: its head, as bytes.',
    body: 'text',
    query: {
      client: 'The address at the other end of the connection; 127.0.0.1 by default.',
      listener: 'The name of the listener that it comes to.',
      scheme: 'http or https; http by default.',
    },
    run: (call) => {
      const { loaded } = running(call);
      return decided(call, loaded, rawRequest(String(call.body), call.query.get('scheme') ?? 'http'));
    },
  },
];

/** Asked again and again with one configuration. */
const routers = new WeakMap<LoadedRoutes, Router>();

function decided(call: Call, loaded: LoadedRoutes, request: RouteRequest): Reply {
  const router = routers.get(loaded) ?? new Router(loaded);
  routers.set(loaded, router);
  const client = call.query.get('client');
  const listener = call.query.get('listener');
  if (client !== null && isIP(client) === 0) {
    throw new Refused(400, `'${client}' is not an IP address.`, {
      place: 'query.client',
      found: client,
      expected: 'an IP address',
    });
  }
  try {
    const decision = router.match({
      ...request,
      ...(client === null ? {} : { clientAddress: client }),
      ...(listener === null ? {} : { listener }),
    });
    const { rule, place, client: seen, listeners, pools, status, actions } = decision;
    const elsewhere = decision.elsewhere.map(({ listener: at, decision: other }) => ({
      listener: at?.name ?? at?.address,
      rule: other.rule,
      pools: other.pools,
      status: other.status,
    }));
    return {
      body: hidingSecretsOf(loaded.config)({
        rule: rule ?? null,
        place: place ?? null,
        client: seen ?? null,
        listeners,
        pools,
        status: status ?? null,
        actions,
        elsewhere,
        reasons: decision.explain() ?? null,
        text: decision.text(),
      }),
    };
  } catch (error) {
    throw new Refused(400, 'The request cannot be asked about.', { place: 'request', found: (error as Error).message });
  }
}

function headersOf(lines: readonly string[], place: string): Record<string, string[]> {
  const headers: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (const line of lines) {
    const [, name, value] = /^([^:\s]+):[ \t]*(.*)$/s.exec(line) ?? [];
    if (name === undefined)
      throw new Refused(400, 'A header is not one.', { place, found: line, expected: "'Name: value'" });
    headers[name] = [...(headers[name] ?? []), value!.trim()];
  }
  return headers;
}

/** The head of a request in HTTP/1.1. */
function rawRequest(text: string, scheme: string): RouteRequest {
  const [first = '', ...lines] = text.split(/\r?\n\r?\n/, 1)[0]!.split(/\r?\n/);
  const [, method, target] = /^([A-Z-]+) (\S+) HTTP\/1\.[01]$/.exec(first) ?? [];
  if (method === undefined) {
    throw new Refused(400, 'The body does not begin with a request line.', {
      place: 'body',
      found: first.slice(0, 200),
      expected: 'METHOD TARGET HTTP/1.1, then header lines',
    });
  }
  const headers = headersOf(
    lines.filter((line) => line !== ''),
    'body',
  );
  const host = Object.entries(headers).find(([name]) => name.toLowerCase() === 'host')?.[1][0];
  const isWhole = scheme === 'https' && host !== undefined && target!.startsWith('/');
  return { method, url: isWhole ? `https://${host}${target}` : target!, headers };
}
