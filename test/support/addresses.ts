// Addresses for listeners and origins that no other test process uses.
// Owns the choice of addresses and ports. Leaves binding them to whoever asked.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where something listens: a TCP address, written as the configuration writes it too. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

// All of 127.0.0.0/8 is loopback. One address per process, and ports below the range the kernel gives to clients:
// nobody else binds there, so a port chosen here is still free when a child process binds it a moment later.
// Clients reach it from 127.0.0.1, which is what the kernel takes as their source.
const ownHost = `127.${10 + ((process.pid >> 14) % 200)}.${(process.pid >> 7) & 127}.${(process.pid & 127) + 1}`;
const PORT_FIRST = 12_000;
const PORT_LAST = 31_000;
let nextPort = PORT_FIRST + (Number(process.hrtime.bigint() % 9_000n) | 0);

/** The loopback address only this test process listens on. */
export const loopback: string = ownHost;

/** An IPv4 place that nobody listens on: new for every call. */
export function freePlace(): Place {
  nextPort = nextPort >= PORT_LAST ? PORT_FIRST : nextPort + 1;
  return { host: ownHost, port: nextPort };
}

/** A free port on ::1. There is one ::1 only, so another process may take it in between: the caller retries. */
export async function freePlaceV6(): Promise<Place> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '::1', resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return { host: '::1', port: address.port };
}

/** `host:port`, with brackets around IPv6. */
export function written(place: Place): string {
  return place.host.includes(':') ? `[${place.host}]:${place.port}` : `${place.host}:${place.port}`;
}

let scratchRoot: string | undefined;

/** A new directory that is removed when the process ends. */
export function scratchDirectory(): string {
  if (scratchRoot === undefined) {
    const root = mkdtempSync(join(tmpdir(), 'sevenfold-test-'));
    process.once('exit', () => rmSync(root, { recursive: true, force: true }));
    scratchRoot = root;
  }
  return mkdtempSync(join(scratchRoot, 'd-'));
}
