// Where connections go to: a host and a port, a unix socket, or a record of the DNS that says where.
// Owns the shape, and its text. Leaves refusing text in words to src/config, and resolving names to src/health.

import { isIP } from 'node:net';

/** What can be connected to. `host` has no brackets, and may be a name until it is resolved. */
export type SocketEndpoint =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** Where a server is, as a configuration says it: `srv` is an SRV record. */
export type Endpoint = SocketEndpoint | { readonly kind: 'srv'; readonly name: string };

/** The port of a TCP address; undefined for what has none. */
export function portOf(endpoint: Endpoint): number | undefined {
  return endpoint.kind === 'tcp' ? endpoint.port : undefined;
}

/** True for a host and port, whatever the host is called there. */
export function isAt(endpoint: Endpoint, host: string, port: number | undefined): boolean {
  return endpoint.kind === 'tcp' && endpoint.host === host && endpoint.port === port;
}

/** One text for each place: the same for equal endpoints alone. */
export function endpointKey(endpoint: SocketEndpoint): string {
  return endpoint.kind === 'unix' ? `unix:${endpoint.path}` : hostPortText(endpoint.host, endpoint.port);
}

/** `HOST:PORT` or `[IPv6]:PORT` in two, brackets gone; undefined when it has no such shape. Neither part is looked at. */
export function splitHostPort(text: string): { host: string; port: string; bracketed: boolean } | undefined {
  const bracketed = /^\[([^\]]*)\]:(.*)$/s.exec(text);
  if (bracketed) return { host: bracketed[1]!, port: bracketed[2]!, bracketed: true };
  const plain = /^([^:[\]]*):([^:]*)$/s.exec(text);
  return plain ? { host: plain[1]!, port: plain[2]!, bracketed: false } : undefined;
}

/** `10.0.0.1:80`, `[::1]:80` or `api.internal:80`. */
export function hostPortText(host: string, port: number): string {
  return `${hostText(host)}:${port}`;
}

/** A host as it stands in front of a port, and in a URL: an IPv6 address in brackets. */
export function hostText(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
