// What the pool features cost per request: user time of the proxy with least-requests, stickiness, passive detection,
// health checks and limits on, against round-robin alone. Claim: at most 15 % more.
// Run: make bench-pool FLAGS=ROUNDS; needs nginx (origin) and wrk.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nginxUser } from '../peers.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const SECONDS = 3;
const rounds = Number(process.argv[2] ?? 5);
const host = `127.8.${(process.pid >> 7) & 127}.${(process.pid & 127) + 1}`;
const ORIGIN_PORTS = [21_001, 21_002, 21_003, 21_004];
const servers = ORIGIN_PORTS.map((port) => ({ address: `${host}:${port}` }));

const PLAIN = { servers, outlierDetection: { failures: 0, errors: 0 } };
const FULL = {
  servers,
  balance: 'least-requests',
  outlierDetection: { failures: 5, errors: 5 },
  sessionPersistence: {},
  healthCheck: { interval: '1s' },
  slowStart: '10s',
  limits: { serverRequestsMax: 1000, poolRequestsMax: 4000 },
};

const directory = mkdtempSync(join(tmpdir(), 'sevenfold-pool-cost-'));
const children: ChildProcess[] = [];

function start(program: string, args: string[]): ChildProcess {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return child;
}

/** Starts the product with one pool; resolves to its process once it serves. */
async function startProxy(name: string, port: number, pool: object): Promise<ChildProcess> {
  const file = join(directory, `${name}.json`);
  const routes = [{ rules: [{ pool: 'main' }] }];
  writeFileSync(file, JSON.stringify({ listeners: [{ address: `${host}:${port}` }], routes, pools: { main: pool } }));
  const child = start(process.execPath, [MAIN, 'run', '-c', file, '--workers', '1']);
  for await (const text of child.stdout!.setEncoding('utf8')) if (String(text).includes('sevenfold ready')) break;
  return child;
}

/** User time of a process so far, in microseconds: the 14th field of its stat, in hundredths of a second. */
function userMicroseconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[11]) * 10_000;
}

/** One run of load: user microseconds of `proxy` per request. */
function measure(proxy: ChildProcess, port: number, cookie: string): number {
  const before = userMicroseconds(proxy.pid!);
  const out = execFileSync(
    'wrk',
    ['-t1', '-c64', `-d${SECONDS}s`, '-H', `Cookie: ${cookie}`, `http://${host}:${port}/`],
    { encoding: 'utf8' },
  );
  const requests = Number(/(\d+) requests in/.exec(out)![1]);
  if (/Non-2xx/.test(out)) throw new Error(`the load met errors:\n${out}`);
  return (userMicroseconds(proxy.pid!) - before) / requests;
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

try {
  writeFileSync(
    join(directory, 'nginx.conf'),
    `${nginxUser()} worker_processes 1; pid ${directory}/pid; daemon off; events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; server {
${ORIGIN_PORTS.map((port) => `listen ${host}:${port};`).join(' ')} location / { return 200 "${'x'.repeat(256)}"; } } }`,
  );
  start('nginx', ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr']);
  const plain = await startProxy('plain', 21_011, PLAIN);
  const full = await startProxy('full', 21_012, FULL);
  const cookie = (await fetch(`http://${host}:21012/`)).headers.getSetCookie()[0]!.split(';')[0]!;
  const plainUs: number[] = [];
  const fullUs: number[] = [];
  // One round to warm up, then alternately: what disturbs the machine disturbs both.
  for (let round = 0; round <= rounds; round++) {
    const a = measure(plain, 21_011, cookie);
    const b = measure(full, 21_012, cookie);
    if (round === 0) continue;
    plainUs.push(a);
    fullUs.push(b);
    console.log(`round ${round}: round-robin alone ${a.toFixed(2)} µs, everything on ${b.toFixed(2)} µs`);
  }
  const more = (median(fullUs) / median(plainUs) - 1) * 100;
  console.log(
    `user time per request, median of ${rounds}: ${median(plainUs).toFixed(2)} µs and ${median(fullUs).toFixed(2)} µs, ` +
      `${more.toFixed(1)} % more`,
  );
} finally {
  for (const child of children) {
    if (child.exitCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  rmSync(directory, { recursive: true });
}
