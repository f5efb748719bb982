// nginx as a process: as the stand-in for the product, and as a real origin.
// Owns its configuration text and its start. The stand-in knows routes by hostname and path prefix, and raw listeners.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePlace, type Place, scratchDirectory, written } from './addresses.js';
import { Child } from './child.js';
import type { ProxySpec } from './proxy.js';

const BINARY = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find((path) => existsSync(path));

/** Why tests with nginx cannot run here, or false. */
export const nginxMissing: string | false = BINARY === undefined ? 'nginx is not installed' : false;

interface Route {
  hostnames?: string[];
  rules: { matches?: { path?: { value: string } }[]; pool: string }[];
}

function httpServers(spec: ProxySpec, places: readonly Place[]): string {
  const pools = Object.entries(
    spec.pools ?? { main: { servers: (spec.servers ?? []).map((address) => ({ address })) } },
  );
  const upstreams = pools.map(([name, pool]) => {
    const servers = (pool as { servers: { address: string }[] }).servers;
    return `upstream ${name} { ${servers.map(({ address }) => `server ${address};`).join(' ')} keepalive 16; }`;
  });
  const routes = (spec.routes ?? [{ rules: [{ pool: 'main' }] }]) as Route[];
  const listens = places.filter((_, index) => (spec.listeners?.[index]?.protocol ?? 'http') === 'http');
  const servers = routes.map((route) => {
    const locations = route.rules.flatMap((rule) =>
      (rule.matches ?? [{}]).map((match) => `location ${match.path?.value ?? '/'} { proxy_pass http://${rule.pool}; }`),
    );
    const names = route.hostnames === undefined ? '_' : route.hostnames.join(' ');
    const listen = listens
      .map((place) => `listen ${written(place)}${route.hostnames === undefined ? ' default_server' : ''};`)
      .join(' ');
    return `server { ${listen} server_name ${names}; ${locations.join(' ')} }`;
  });
  return `${upstreams.join('\n')}\n${servers.join('\n')}`;
}

const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

function streamServers(spec: ProxySpec, places: readonly Place[]): string {
  const raw = places.filter((_, index) => spec.listeners?.[index]?.protocol === 'tcp');
  if (raw.length === 0) return '';
  const servers = (spec.servers ?? []).map((address) => `server ${address};`).join(' ');
  const listens = raw.map((place) => `server { listen ${written(place)}; proxy_pass main; proxy_half_close on; }`);
  return `stream { upstream main { ${servers} } ${listens.join(' ')} }`;
}

/** Starts nginx in place of the product. */
export async function startNginx(spec: ProxySpec, places: readonly Place[], directory: string): Promise<Child> {
  const hasHttp = places.some((_, index) => (spec.listeners?.[index]?.protocol ?? 'http') === 'http');
  return run(
    directory,
    places[0]!,
    `map $http_upgrade $connection_out { default upgrade; "" ""; }
     proxy_http_version 1.1; proxy_set_header Connection $connection_out; proxy_set_header Upgrade $http_upgrade;
     proxy_set_header Host $http_host; proxy_request_buffering off; proxy_buffering off;
     ${hasHttp ? httpServers(spec, places) : ''}`,
    streamServers(spec, places),
  );
}

/** Starts nginx as an origin that serves `files` by name, over TLS with `tls`, and closes with the returned function. */
export async function startNginxOrigin(
  files: Readonly<Record<string, Uint8Array>>,
  tls?: { readonly cert: string; readonly key: string },
): Promise<{ address: string; close(): Promise<unknown> }> {
  const directory = scratchDirectory();
  const place = freePlace();
  mkdirSync(join(directory, 'files'));
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(directory, 'files', name), bytes);
  const secure = tls === undefined ? '' : `ssl_certificate ${tls.cert}; ssl_certificate_key ${tls.key};`;
  const listen = `listen ${written(place)}${tls === undefined ? '' : ' ssl'}; ${secure}`;
  const child = await run(directory, place, `server { ${listen} root ${directory}/files; gzip off; }`);
  return {
    address: written(place),
    close: async () => {
      child.kill('SIGKILL');
      await child.exited();
    },
  };
}

/** Starts nginx with these server blocks, one of which listens at `place`; closes with the returned function. */
export async function startNginxServers(place: Place, servers: string): Promise<{ close(): Promise<unknown> }> {
  const child = await run(scratchDirectory(), place, servers);
  return {
    close: async () => {
      child.kill('SIGKILL');
      await child.exited();
    },
  };
}

async function run(directory: string, place: Place, http: string, stream = ''): Promise<Child> {
  if (BINARY === undefined) throw new Error('nginx is not installed');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${directory}/${name};`)
    .join(' ');
  const file = join(directory, 'nginx.conf');
  writeFileSync(
    file,
    `${stream === '' ? '' : `load_module ${STREAM_MODULE};`} daemon off; master_process off; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
     events { worker_connections 4096; }
     http { access_log off; keepalive_requests 10000000; client_max_body_size 0; ${temporary}
     ${http}
     }
     ${stream}\n`,
  );
  const child = new Child(BINARY, ['-p', directory, '-c', file, '-e', join(directory, 'error.log')]);
  await connectable(place, child);
  return child;
}

/** Waits until something accepts connections at `place`. nginx says nothing when it is ready, so this asks. */
async function connectable(place: Place, child: Child): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (child.exit !== undefined) throw new Error(`nginx ended: ${child.stderr}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(place.port, place.host);
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => setTimeout(() => resolve(false), 10));
    });
    if (open) return;
  }
  throw new Error(`nginx does not listen at ${written(place)}`);
}
