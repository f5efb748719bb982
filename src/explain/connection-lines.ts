// What listeners do without asking any rule, in a few words: where the connections of raw ones go, and which redirect. For
// tables, comparisons, tests, and the question where a connection would go.
// Owns the short wording. Leaves the order in which names win to src/routing.

import type { Place } from '../base/document-path.js';
import { portOf } from '../base/endpoint.js';
import { isRaw, type ListenerConfig, type TlsRouteConfig } from '../config/config.js';
import type { LoadedRoutes } from '../config/routes.js';
import { HTTPS_REDIRECT_STATUS } from '../http/https-location.js';
import { ServerNames } from '../routing/server-names.js';
import { describePlace } from './route-lines.js';

/** Where connections of one raw listener go that ask for one name, or all requests of one that redirects. */
export interface ConnectionLine {
  readonly listener: string;
  readonly protocol: ListenerConfig['protocol'];
  /** Exact, or `*.` and a domain; `*` for every other name, and none. */
  readonly serverName: string;
  /** `shop`, `api 90 %, api-next 10 %`, or `redirect 308 to https at port 443`. */
  readonly target: string;
  /** The pools that get some. */
  readonly pools: readonly string[];
  readonly place: Place;
}

/** All connections of all raw listeners, those of one listener in order of precedence, and the listeners that redirect. */
export function connectionLines({ config, source }: LoadedRoutes): ConnectionLine[] {
  return config.listeners.flatMap(
    ({ address, protocol, pool, tlsRoutes, redirectToHttps, redirectToHttpsExcept }, index) => {
      const line = (
        serverName: string,
        target: string,
        pools: readonly string[],
        ...path: (string | number)[]
      ): ConnectionLine => ({
        listener: address,
        protocol,
        serverName,
        target,
        pools,
        place: source.placeOf(['listeners', index, ...path]),
      });
      if (redirectToHttps !== undefined) {
        const except = redirectToHttpsExcept === undefined ? '' : `, but for ${redirectToHttpsExcept.join(', ')}`;
        const target = `redirect ${HTTPS_REDIRECT_STATUS} to https at port ${redirectToHttps}${except}`;
        return [line('*', target, [], 'redirectToHttps')];
      }
      const lines = tlsRoutes.flatMap((route, number) =>
        route.hostnames.map((name, at) =>
          line(name, describeTlsRoute(route), poolsOf(route), 'tlsRoutes', number, 'hostnames', at),
        ),
      );
      lines.sort((a, b) => rank(a.serverName) - rank(b.serverName));
      return pool === undefined || !isRaw(protocol) ? lines : [...lines, line('*', pool, [pool], 'pool')];
    },
  );
}

/** Exact names before wildcards, and of those the longer first. */
function rank(serverName: string): number {
  return serverName.startsWith('*.') ? 1 / serverName.length : 0;
}

/** The pools of a TLS route: `shop`, or each with its share. */
export function describeTlsRoute({ backendRefs }: TlsRouteConfig): string {
  const total = backendRefs.reduce((sum, { weight }) => sum + weight, 0);
  if (backendRefs.length === 1) return backendRefs[0]!.pool;
  return backendRefs.map(({ pool, weight }) => `${pool} ${Number(((weight / total) * 100).toFixed(2))} %`).join(', ');
}

function poolsOf({ backendRefs }: TlsRouteConfig): string[] {
  return backendRefs.filter(({ weight }) => weight > 0).map(({ pool }) => pool);
}

/** Where one listener leads a connection, or undefined when it refuses it. */
export interface ConnectionTarget {
  readonly listener: string;
  readonly protocol: ListenerConfig['protocol'];
  readonly line: ConnectionLine | undefined;
}

/** Where a TLS connection that asks for `serverName` (none: empty) would go, for every listener that leads by name. */
export function connectionTargets(
  loaded: LoadedRoutes,
  serverName: string,
  port: number | undefined,
): ConnectionTarget[] {
  const lines = connectionLines(loaded);
  return loaded.config.listeners
    .filter(({ protocol }) => protocol === 'tls' || protocol === 'tls-passthrough')
    .filter((listener) => port === undefined || portOf(listener.endpoint) === port)
    .map(({ address, protocol }) => {
      const names = new ServerNames<ConnectionLine>();
      const own = lines.filter(({ listener }) => listener === address);
      for (const line of own) if (line.serverName !== '*') names.add(line.serverName, line);
      const line = names.find(serverName) ?? own.find((other) => other.serverName === '*');
      return { listener: address, protocol, line };
    });
}

/** What one listener does with it, as a sentence. */
export function connectionTargetText({ listener, protocol, line }: ConnectionTarget): string {
  if (line === undefined)
    return `${listener} (${protocol}) refuses it: no name fits, and there is no pool for the rest.`;
  const why = line.serverName === '*' ? 'no name fits' : `by the name ${line.serverName}`;
  return `${listener} (${protocol}) goes to ${line.target}: ${why} (${describePlace(line.place)}).`;
}
