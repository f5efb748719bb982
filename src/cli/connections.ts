// Where the connections of raw listeners go, in a few words: for tables, comparisons, and the question where one would go.
// Owns the short wording. Leaves the order in which names win to src/routing.

import { isRaw, type ListenerConfig, type TlsRouteConfig } from '../config/config.js';
import type { LoadedRoutes } from '../config/routes.js';
import type { Place } from '../routing/input.js';
import { ServerNames } from '../routing/server-names.js';

/** Where connections of one raw listener go that ask for one name. */
export interface ConnectionLine {
  readonly listener: string;
  readonly protocol: ListenerConfig['protocol'];
  /** Exact, or `*.` and a domain; `*` for every other name, and none. */
  readonly serverName: string;
  /** `shop`, or `api 90 %, api-next 10 %`. */
  readonly target: string;
  readonly place: Place;
}

/** All connections of all raw listeners; those of one listener in order of precedence. */
export function connectionLines({ config, source }: LoadedRoutes): ConnectionLine[] {
  return config.listeners.flatMap(({ address, protocol, pool, tlsRoutes }, index) => {
    const line = (serverName: string, target: string, ...path: (string | number)[]): ConnectionLine => ({
      listener: address,
      protocol,
      serverName,
      target,
      place: source.placeOf(['listeners', index, ...path]),
    });
    const lines = tlsRoutes.flatMap((route, number) =>
      route.hostnames.map((name, at) => line(name, targetOf(route), 'tlsRoutes', number, 'hostnames', at)),
    );
    lines.sort((a, b) => rank(a.serverName) - rank(b.serverName));
    return pool === undefined || !isRaw(protocol) ? lines : [...lines, line('*', pool, 'pool')];
  });
}

/** Exact names before wildcards, and of those the longer first. */
function rank(serverName: string): number {
  return serverName.startsWith('*.') ? 1 / serverName.length : 0;
}

/** The pools of a TLS route: `shop`, or each with its share. */
export function targetOf({ backendRefs }: TlsRouteConfig): string {
  const total = backendRefs.reduce((sum, { weight }) => sum + weight, 0);
  if (backendRefs.length === 1) return backendRefs[0]!.pool;
  return backendRefs.map(({ pool, weight }) => `${pool} ${Number(((weight / total) * 100).toFixed(2))} %`).join(', ');
}

/** Where one listener leads a connection, or undefined when it refuses it. */
export interface Led {
  readonly listener: string;
  readonly protocol: ListenerConfig['protocol'];
  readonly line: ConnectionLine | undefined;
}

/** Where a TLS connection that asks for `serverName` (none: empty) would go, for every listener that leads by name. */
export function leadConnection(loaded: LoadedRoutes, serverName: string, port: number | undefined): Led[] {
  const lines = connectionLines(loaded);
  return loaded.config.listeners
    .filter(({ protocol }) => protocol === 'tls' || protocol === 'tls-passthrough')
    .filter((listener) => port === undefined || listener.port === port)
    .map(({ address, protocol }) => {
      const names = new ServerNames<ConnectionLine>();
      const own = lines.filter(({ listener }) => listener === address);
      for (const line of own) if (line.serverName !== '*') names.add(line.serverName, line);
      const line = names.find(serverName) ?? own.find((other) => other.serverName === '*');
      return { listener: address, protocol, line };
    });
}
