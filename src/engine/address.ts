// Addresses as the engine takes them.

import type { SocketEndpoint } from '../base/endpoint.js';

/** Host and port of an endpoint; the path and -1 of a unix socket. */
export function engineAddress(endpoint: SocketEndpoint): [host: string, port: number] {
  return endpoint.kind === 'unix' ? [endpoint.path, -1] : [endpoint.host, endpoint.port];
}
