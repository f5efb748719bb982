// Origins: the servers behind the proxies. nginx where it is installed, else the plain socket server of origins/.
// Owns their start; which workload needs which is workloads.ts.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nginxUser, writePeerConfig } from './peers.js';
import { freePort, startProcess } from './processes.js';
import { type OriginKind, SMALL_BODY } from './workloads.js';

export interface Origin {
  readonly kind: OriginKind;
  readonly port: number;
  readonly pid: number;
  readonly name: string;
  stop(): Promise<void>;
}

/** Starts the origin of `kind` on a free loopback port. `nginx` says whether nginx is there to be used. */
export async function startOrigin(
  kind: OriginKind,
  directory: string,
  cores: string | undefined,
  nginx: boolean,
): Promise<Origin> {
  const port = await freePort();
  if (kind === 'cheap' && nginx) {
    const files = join(directory, 'files');
    mkdirSync(files, { recursive: true });
    writeFileSync(join(files, '64k'), randomBytes(65_536));
    writeFileSync(join(files, '1m'), randomBytes(1_048_576));
    const values = { directory, port: String(port), user: nginxUser(), smallBody: SMALL_BODY };
    const config = writePeerConfig('origin-nginx.conf', directory, values);
    const started = await startProcess({
      name: 'the nginx origin',
      command: 'nginx',
      args: ['-p', directory, '-c', config, '-e', 'stderr'],
      cores,
      ready: { port },
    });
    return { kind, port, pid: started.pid, name: 'nginx', stop: started.stop };
  }
  const started = await startProcess({
    name: 'the socket origin',
    command: process.execPath,
    args: [...process.execArgv, siblingScript('./origins/socket-origin'), String(port)],
    cores,
    ready: { text: 'listening' },
  });
  return { kind, port, pid: started.pid, name: 'a plain node:net server', stop: started.stop };
}

/** Path of another program of the harness, compiled or not, whichever way this file runs. */
export function siblingScript(name: string, from: string = import.meta.url): string {
  return fileURLToPath(new URL(`${name}${from.endsWith('.ts') ? '.ts' : '.js'}`, from));
}
