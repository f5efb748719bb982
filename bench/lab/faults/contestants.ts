// The proxies that are put under faults, all told the same: three servers, checks every second, two retries.
// Owns their configurations. Leaves origins and load to run.ts.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export type Contestant = 'sevenfold' | 'nginx' | 'haproxy';
export const CONTESTANTS: readonly Contestant[] = ['sevenfold', 'nginx', 'haproxy'];

/** Longest a try may wait for the head of its answer, in milliseconds: what a frozen server costs. */
export const TRY_TIMEOUT_MS = 2000;

export interface Running {
  url: string;
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

/** Starts a contestant in front of `servers` (HOST:PORT). Rejects when its program is missing or does not come up. */
export async function start(
  which: Contestant,
  at: { host: string; port: number },
  servers: string[],
): Promise<Running> {
  const directory = mkdtempSync(join(tmpdir(), 'sevenfold-faults-'));
  const file = join(directory, 'config');
  writeFileSync(file, CONFIGS[which](`${at.host}:${at.port}`, servers, directory));
  const [program, args] = COMMANDS[which](file, directory);
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  try {
    await once(child, 'spawn');
    await reachable(at, child, () => stderr);
  } catch (error) {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true });
    throw error;
  }
  return {
    url: `http://${at.host}:${at.port}`,
    stop: async () => {
      const exited = child.exitCode === null ? once(child, 'exit') : null;
      child.kill('SIGTERM');
      await exited;
      rmSync(directory, { recursive: true });
    },
  };
}

async function reachable(at: { host: string; port: number }, child: ChildProcess, said: () => string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`the proxy ended at once: ${said()}`);
    const socket = connect(at);
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    await wait(50);
  }
  throw new Error(`nobody listens at ${at.host}:${at.port}: ${said()}`);
}

const COMMANDS: Record<Contestant, (file: string, directory: string) => [string, string[]]> = {
  sevenfold: (file) => [process.execPath, [MAIN, 'run', '-c', file, '--workers', '2']],
  nginx: (file, directory) => ['nginx', ['-p', directory, '-c', file, '-g', 'daemon off;', '-e', 'stderr']],
  haproxy: (file) => ['haproxy', ['-db', '-f', file]],
};

const CONFIGS: Record<Contestant, (listen: string, servers: string[], directory: string) => string> = {
  sevenfold: (listen, servers) =>
    // JSON is YAML.
    JSON.stringify({
      listeners: [{ address: listen }],
      routes: [{ rules: [{ pool: 'main' }] }],
      timeouts: { connect: '1s' },
      pools: {
        main: {
          balance: 'least-requests',
          servers: servers.map((address) => ({ address })),
          healthCheck: {
            path: '/health',
            interval: '1s',
            doubtInterval: '250ms',
            timeout: '500ms',
            unhealthyThreshold: 2,
            healthyThreshold: 2,
          },
          outlierDetection: { failures: 3, errors: 5, baseEjection: '1s' },
          retry: {
            on: ['connect-failure', 'reset', 'timeout', 'status'],
            statuses: [500, 502, 503, 504],
            perTryTimeout: `${TRY_TIMEOUT_MS}ms`,
          },
        },
      },
    }),

  nginx: (listen, servers, directory) => `
worker_processes 2;
pid ${directory}/pid;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  upstream main {
    zone main 64k;
    least_conn;
    ${servers.map((server) => `server ${server} max_fails=3 fail_timeout=1s;`).join('\n    ')}
    keepalive 64;
  }
  server {
    listen ${listen};
    location / {
      proxy_pass http://main;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_connect_timeout 1s;
      proxy_read_timeout ${TRY_TIMEOUT_MS}ms;
      proxy_next_upstream error timeout http_500 http_502 http_503 http_504;
      proxy_next_upstream_tries 3;
    }
  }
}
`,

  haproxy: (listen, servers) => `
global
  nbthread 2
defaults
  mode http
  timeout client 30s
  timeout connect 1s
  timeout server ${TRY_TIMEOUT_MS}ms
  retries 2
  option redispatch 1
  retry-on conn-failure empty-response response-timeout 500 502 503 504
frontend in
  bind ${listen}
  http-request disable-l7-retry if METH_POST
  default_backend main
backend main
  balance leastconn
  http-reuse safe
  option httpchk GET /health
  default-server check inter 1s fastinter 250ms fall 2 rise 2 observe layer7 error-limit 5 on-error mark-down
  ${servers.map((server, i) => `server s${i} ${server}`).join('\n  ')}
`,
};
