// nginx at Layer 7 and Layer 4. The configurations and why they are fair: peers/nginx-*.conf.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { certificateMissing, certificatesIn } from '../certificate.js';
import { nginxUser, writePeerConfig } from '../peers.js';
import { freePort, startProcess } from '../processes.js';
import type { Contestant, Place, RunningContestant } from './contestant.js';

/** nginx in both modes; the second needs the stream module, which distributions ship apart. */
export function nginxContestants(): Contestant[] {
  const build = spawnSync('nginx', ['-V'], { encoding: 'utf8' });
  const flags = build.error === undefined ? build.stderr : undefined;
  const noNginx = flags === undefined ? 'nginx is not installed' : undefined;
  const stream = flags === undefined ? undefined : streamModule(flags, existsSync);
  const common = { family: 'nginx', scheme: 'http', mainOnly: false } as const;
  return [
    {
      ...common,
      id: 'nginx-l4',
      mode: 'l4',
      missing: () => noNginx ?? stream?.missing,
      start: (place) => start('nginx-l4.conf', place, { loadModule: stream?.directive ?? '' }),
    },
    {
      ...common,
      id: 'nginx-l7',
      mode: 'l7',
      missing: () => noNginx,
      start: (place) => start('nginx-l7.conf', place, {}),
    },
    {
      ...common,
      id: 'nginx-https',
      mode: 'https',
      scheme: 'https',
      http2: flags?.includes('--with-http_v2_module') === true,
      missing: () =>
        noNginx ?? (flags?.includes('--with-http_ssl_module') ? certificateMissing() : 'nginx is built without TLS'),
      start: (place) => {
        const { ecdsa, rsa } = certificatesIn(place.directory);
        return start('nginx-https.conf', place, {
          http2: flags?.includes('--with-http_v2_module') === true ? 'http2' : '',
          cert: ecdsa.certPath,
          key: ecdsa.keyPath,
          rsaCert: rsa.certPath,
          rsaKey: rsa.keyPath,
        });
      },
    },
  ];
}

/** How to get the stream module from what `nginx -V` says: built in, loadable from a file, or not there. */
export function streamModule(
  flags: string,
  exists: (path: string) => boolean,
): { readonly directive: string; readonly missing?: string } {
  if (/--with-stream(\s|$)/.test(flags)) return { directive: '' };
  const modules = /--modules-path=(\S+)/.exec(flags)?.[1];
  const path = modules === undefined ? undefined : join(modules, 'ngx_stream_module.so');
  if (path !== undefined && exists(path)) return { directive: `load_module ${path};` };
  return { directive: '', missing: 'nginx has no stream module (Debian: libnginx-mod-stream)' };
}

async function start(config: string, place: Place, more: Readonly<Record<string, string>>): Promise<RunningContestant> {
  const port = await freePort();
  const path = writePeerConfig(config, place.directory, {
    user: nginxUser(),
    workers: String(place.workers),
    directory: place.directory,
    port: String(port),
    originPort: String(place.originPort),
    ...more,
  });
  const started = await startProcess({
    name: config,
    command: 'nginx',
    args: ['-p', place.directory, '-c', path, '-e', 'stderr'],
    cores: place.cores,
    ready: { port },
  });
  return { host: '127.0.0.1', port, process: started, pid: started.pid, stop: started.stop };
}
