// A server's address as it is written: HOST:PORT, [IPv6]:PORT, unix:PATH or srv:NAME.
// Owns reading and writing that text. Leaves names to discovery.ts.

import { isIP } from 'node:net';

export type ServerAddress =
  | { type: 'tcp'; host: string; port: number; literal: boolean }
  | { type: 'unix'; path: string }
  | { type: 'srv'; name: string };

/** Reads an address; throws an Error that says what was found and what was expected. `literal` is true for an IP address. */
export function parseAddress(text: string): ServerAddress {
  if (text.startsWith('unix:')) {
    const path = text.slice(5);
    if (path === '') throw new Error(`Server address '${text}' has no path. Write unix:/PATH.`);
    return { type: 'unix', path };
  }
  if (text.startsWith('srv:')) {
    const name = text.slice(4);
    if (name === '') throw new Error(`Server address '${text}' has no name. Write srv:_SERVICE._tcp.NAME.`);
    return { type: 'srv', name };
  }
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port < 1 || port > 65535 || (match?.[1] !== undefined && isIP(host) !== 6))
    throw new Error(
      `Server address '${text}' is not HOST:PORT, [IPv6]:PORT, unix:/PATH or srv:NAME with a port of 1 to 65535.`,
    );
  return { type: 'tcp', host, port, literal: isIP(host) !== 0 };
}

/** Writes HOST:PORT, with brackets around an IPv6 address. */
export function formatAddress(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
