// HAProxy as a process, in front of the product or behind it. Owns its start.

import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type Place, scratchDirectory, written } from './addresses.js';
import { Child } from './child.js';

const BINARY = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy'].find((path) => existsSync(path));

/** Why tests with HAProxy cannot run here, or false. */
export const haproxyMissing: string | false = BINARY === undefined ? 'haproxy is not installed' : false;

/** Starts it with these sections, one of which binds `place`; closes with the returned function. */
export async function startHaproxy(place: Place, sections: string): Promise<{ close(): Promise<unknown> }> {
  if (BINARY === undefined) throw new Error('haproxy is not installed');
  const file = join(scratchDirectory(), 'haproxy.cfg');
  const defaults = 'defaults\n  timeout connect 5s\n  timeout client 20s\n  timeout server 20s\n';
  writeFileSync(file, `${defaults}${sections}\n`);
  const child = new Child(BINARY, ['-f', file, '-db'], { LD_PRELOAD: '' });
  const close = async (): Promise<unknown> => {
    child.kill('SIGKILL');
    return child.exited();
  };
  // It says nothing when it is ready.
  for (const deadline = Date.now() + 10_000; !(await accepts(place)); ) {
    if (child.exit !== undefined) throw new Error(`haproxy ended: ${child.stderr}`);
    if (Date.now() < deadline) continue;
    await close();
    throw new Error(`haproxy does not listen at ${written(place)}`);
  }
  return { close };
}

function accepts(place: Place): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(place.port, place.host);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => setImmediate(() => resolve(false)));
  });
}
