// A plain TLS server: greets with its name, echoes, and ends its own direction only after the client's end.

import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { loopback } from '../support/addresses.js';
import { closing } from '../support/closing.js';
import type { Identity } from '../support/identity.js';

export interface TlsEchoOptions extends TlsOptions {
  /** Sent when a handshake is done. */
  readonly greeting?: string;
  /** Sent after the client's close_notify, before our own. */
  readonly farewell?: string;
}

export interface TlsEcho {
  readonly address: string;
  /** What each connection agreed on, in order. */
  readonly seen: { name: unknown; protocol: unknown; port: number | undefined }[];
  /** Bytes received, over all connections. */
  bytes: number;
  /** Connections that were reset. */
  resets: number;
  close(): Promise<unknown>;
}

/** Starts one that shows `identity`. */
export async function start(identity: Identity, { greeting, farewell, ...tls }: TlsEchoOptions = {}): Promise<TlsEcho> {
  const server = createServer({ ...identity.issued, allowHalfOpen: true, ...tls });
  const echo: TlsEcho = {
    address: '',
    seen: [],
    bytes: 0,
    resets: 0,
    close: closing(server),
  };
  server.on('secureConnection', (socket: TLSSocket & { servername?: unknown }) => {
    echo.seen.push({ name: socket.servername, protocol: socket.alpnProtocol, port: socket.remotePort });
    if (greeting !== undefined) socket.write(greeting);
    socket.on('data', (piece: Buffer) => {
      echo.bytes += piece.length;
      socket.write(piece);
    });
    socket.on('end', () => socket.end(farewell ?? ''));
    socket.on('error', () => {
      echo.resets++;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, loopback, resolve));
  return Object.assign(echo, { address: `${loopback}:${(server.address() as AddressInfo).port}` });
}
