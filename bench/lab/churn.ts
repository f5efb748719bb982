// What it costs that the members of a pool change every 100 ms beside 10,000 rules: CPU, heap and failed requests.
// Run as a program: `make bench-churn`; exits with 1 when a request fails, or when rules were made anew. FLAGS='--seconds 30
// --rules 10000 --names 11 --servers 1000 --main OTHER/dist/cli/main.js' measures another build.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { COMMAND_LINE } from '../contestants/sevenfold.js';
import { treeCpu, treeRssBytes } from '../proc.js';
import { freePort, type StartedProcess, startProcess } from '../processes.js';
import { startFlappingNames } from './flapping-names.js';

const WARM_UP_SECONDS = 5;
const REQUEST_EVERY_MS = 10;
const MIB = 2 ** 20;

interface WorkerReport {
  readonly heapUsed: number;
  /** Missing in builds that make everything anew with each change. */
  readonly applied?: { readonly routing: number; readonly settings: number; readonly pools: number };
}

interface Phase {
  readonly cpuMsPerSecond: number;
  readonly changesPerSecond: number;
  readonly answered: number;
  readonly failed: number;
  /** The least heap of all workers together in the first and in the last third: what is left after a collection. */
  readonly heapFirst: number;
  readonly heapLast: number;
  readonly rssFirst: number;
  readonly rssLast: number;
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    rules: { type: 'string', default: '10000' },
    names: { type: 'string', default: '11' },
    servers: { type: 'string', default: '0' },
    workers: { type: 'string', default: '2' },
    main: { type: 'string', default: COMMAND_LINE },
  },
});
const [seconds, rules, names, servers] = [values.seconds, values.rules, values.names, values.servers].map(Number);

/** Rules for as many paths, all to a pool that stays, and one for the pool that changes. */
function configuration(port: number, nameserver: number, originPort: number, hosts: readonly string[]): object {
  const still = Array.from({ length: rules! }, (_, i) => ({
    matches: [{ path: { value: `/r${i}/` } }],
    pool: 'still',
  }));
  const stay = Array.from({ length: servers! }, (_, i) => ({ address: `127.2.${i >> 8}.${i & 255}:${originPort}` }));
  return {
    listeners: [{ address: `127.0.0.1:${port}` }],
    nameservers: [`127.0.0.1:${nameserver}`],
    routes: [{ rules: [...still, { pool: 'churning' }] }],
    pools: {
      still: { servers: [{ address: `127.0.0.1:${originPort}` }] },
      churning: { servers: [...hosts.map((host) => ({ address: `${host}:${originPort}` })), ...stay] },
    },
  };
}

async function reports(proxy: StartedProcess): Promise<readonly WorkerReport[]> {
  const line = new Promise<string>((resolve) => proxy.onLine((text) => text.startsWith('{"engine"') && resolve(text)));
  proxy.signal('SIGUSR2');
  return (JSON.parse(await line) as { engine: WorkerReport[] }).engine;
}

/** Light load, and samples once a second. */
async function phase(proxy: StartedProcess, port: number, changes: () => number): Promise<Phase> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  let answered = 0;
  let failed = 0;
  const ask = (): void => {
    const request = get({ agent, host: '127.0.0.1', port, path: answered % 2 === 0 ? '/' : '/r77/' }, (response) => {
      response.resume().on('end', () => (response.statusCode === 200 ? answered++ : failed++));
    });
    request.on('error', () => failed++);
  };
  const load = setInterval(ask, REQUEST_EVERY_MS);
  const samples: { heap: number; rss: number }[] = [];
  const before = treeCpu(proxy.pid);
  const [startedAt, changesBefore] = [performance.now(), changes()];
  for (let second = 0; second < seconds!; second++) {
    await sleep(1000);
    const heap = (await reports(proxy)).reduce((sum, { heapUsed }) => sum + heapUsed, 0);
    samples.push({ heap, rss: treeRssBytes(proxy.pid) });
  }
  const after = treeCpu(proxy.pid);
  const passed = (performance.now() - startedAt) / 1000;
  clearInterval(load);
  await sleep(200);
  agent.destroy();
  const third = Math.ceil(samples.length / 3);
  const [first, last] = [samples.slice(0, third), samples.slice(-third)];
  return {
    cpuMsPerSecond: (after.userUs + after.systemUs - before.userUs - before.systemUs) / 1000 / passed,
    changesPerSecond: (changes() - changesBefore) / passed,
    answered,
    failed,
    heapFirst: Math.min(...first.map(({ heap }) => heap)),
    heapLast: Math.min(...last.map(({ heap }) => heap)),
    rssFirst: first[0]!.rss,
    rssLast: last.at(-1)!.rss,
  };
}

function row(name: string, phase: Phase): string {
  const mib = (bytes: number): string => (bytes / MIB).toFixed(1);
  return (
    `| ${name} | ${phase.changesPerSecond.toFixed(1)} | ${phase.cpuMsPerSecond.toFixed(1)} | ${mib(phase.heapFirst)} → ` +
    `${mib(phase.heapLast)} | ${mib(phase.rssFirst)} → ${mib(phase.rssLast)} | ${phase.answered} | ${phase.failed} |`
  );
}

const origin = createServer((_request, response) => response.end('ok'));
await new Promise<void>((resolve) => origin.listen(0, '0.0.0.0', resolve));
const dns = await startFlappingNames(names!);
const directory = mkdtempSync(join(tmpdir(), 'sevenfold-churn-'));
const file = join(directory, 'churn.yaml');
const port = await freePort();
const originPort = (origin.address() as AddressInfo).port;
writeFileSync(file, JSON.stringify(configuration(port, dns.port, originPort, dns.names)));
const proxy = await startProcess({
  name: 'sevenfold',
  command: process.execPath,
  args: [values.main, 'run', '-c', file, '--workers', values.workers],
  ready: { text: 'sevenfold ready' },
});
try {
  await sleep(WARM_UP_SECONDS * 1000);
  const atStart = await reports(proxy);
  const still = await phase(proxy, port, () => dns.changes);
  dns.flap(true);
  await sleep(WARM_UP_SECONDS * 1000);
  const churning = await phase(proxy, port, () => dns.changes);
  const atEnd = await reports(proxy);
  console.log(`${rules} rules, ${names! + servers!} servers, ${values.workers} workers, ${seconds} s each\n`);
  console.log('| members | changes/s | CPU, ms/s | heap of workers, MiB | resident, MiB | requests | failed |');
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |');
  console.log(row('stay', still));
  console.log(row('change', churning));
  const made = (all: readonly WorkerReport[]): number =>
    all.reduce((sum, { applied }) => sum + (applied?.routing ?? NaN), 0);
  const pools = atEnd.reduce((sum, { applied }) => sum + (applied?.pools ?? NaN), 0);
  const rebuilt = made(atEnd) - made(atStart);
  console.log(
    Number.isNaN(rebuilt)
      ? '\nThis build does not count what it makes anew.'
      : `\nMatcher and rules made anew: ${rebuilt} times; pools: ${pools} times, all workers together.`,
  );
  if (still.failed + churning.failed > 0 || rebuilt > 0) process.exitCode = 1;
} finally {
  await proxy.stop();
  dns.stop();
  origin.close();
  origin.closeAllConnections();
  rmSync(directory, { recursive: true, force: true });
}
