// What the number of rules costs per request: CPU of Sevenfold, nginx and HAProxy with 10 and with 10,000 rules.
// Claim: 10,000 cost at most 1.1 times the user time of 10. The rules are rule-set.ts, the peers' forms of them peers/*-rules.*.
// Run: make bench-rules FLAGS='[--rounds N] [--duration SECONDS]'

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { compile } from '../../src/routing/compile.js';
import type { Contestant, Place, RunningContestant } from '../contestants/contestant.js';
import { COMMAND_LINE } from '../contestants/sevenfold.js';
import { autocannon } from '../load/autocannon.js';
import type { LoadRequest } from '../load/load.js';
import { wrk } from '../load/wrk.js';
import { describeMachine, planCores } from '../machine.js';
import { startOrigin } from '../origins.js';
import { nginxUser, writePeerConfig } from '../peers.js';
import { freePort, startProcess } from '../processes.js';
import { aligned, machineLine } from '../report/terminal.js';
import { type Entry, measureRound, orderOfRound, type RoundFigures } from '../rounds.js';
import { pairedRatio, type Spread, spreadOf } from '../stats.js';
import { SMALL_BODY, WORKLOADS, type Workload } from '../workloads.js';
import {
  DEEP,
  FEW,
  haproxyMap,
  nginxRules,
  type RuleShape,
  ruleCount,
  sevenfoldConfig,
  sevenfoldRoutes,
  WHOLE,
} from './rule-set.js';

const CONNECTIONS = 64;
const WARM_UP_SECONDS = 2;
const SHAPES: readonly RuleShape[] = [FEW, WHOLE];
const COMPILED: readonly RuleShape[] = [WHOLE, { hosts: 100, paths: 100, tenants: 10 }];

/** The main workload, asking for the deepest rule: ten browser-like headers, and the one that the rule is about. */
const WORKLOAD: Workload = {
  ...WORKLOADS[0]!,
  id: 'rules',
  path: DEEP.path,
  headers: [...WORKLOADS[0]!.headers, ['X-Tenant', DEEP.tenant]],
};

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    duration: { type: 'string', default: '3' },
  },
});
const rounds = wholeNumber('--rounds', flags.rounds);
const seconds = wholeNumber('--duration', flags.duration);

const machine = describeMachine();
const cores = planCores(machine.cores, 1, machine.tools.taskset !== undefined);
const loop = machine.tools.wrk === undefined ? autocannon : wrk;
const directory = mkdtempSync(join(tmpdir(), 'sevenfold-rule-count-'));
const entries: Array<Entry & { readonly rules: number; readonly startMs: number }> = [];
const figures: RoundFigures[] = [];
const loads: number[] = [];

// The body that the socket origin has for every path lies where the nginx origin looks for files.
const file = join(directory, 'files', DEEP.path);
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, SMALL_BODY);
const origin = await startOrigin('cheap', directory, cores.origin, machine.tools.nginx !== undefined);
const closedPort = await freePort();

try {
  const { nginx = 'no nginx', haproxy = 'no HAProxy' } = machine.tools;
  console.log(
    `${machineLine({ machine })}\n${nginx}; ${haproxy}\n${cores.note}; load by ${loop.name}; origin: ${origin.name}\n`,
  );
  await startAll();
  for (const entry of entries) await loop.run(loadOf(entry, WARM_UP_SECONDS));
  const counts = { proxy: cores.proxyCount, loadAndOrigin: cores.loadCount };
  for (let round = 0; round < rounds; round++) {
    loads.push(loadavg()[0]!);
    // Forwards and backwards in turn: within a pair, neither set is always the first.
    const order = orderOfRound(entries, round);
    for (const entry of round % 2 === 0 ? order : order.reverse()) {
      const measured = await measureRound(entry, round, loop, loadOf(entry, seconds), origin.pid, counts);
      if (measured.badStatuses + measured.socketErrors > 0)
        throw new Error(
          `${measured.contestant} met ${measured.badStatuses} bad answers, ${measured.socketErrors} errors`,
        );
      figures.push(measured);
    }
  }
  report();
} finally {
  for (const { running } of entries) await running.stop();
  await origin.stop();
  rmSync(directory, { recursive: true, force: true });
}
reportCompiling();

/** Starts and checks every contestant with every set; one that is missing, or wrong, is named and left out. */
async function startAll(): Promise<void> {
  const place: Place = {
    originPort: origin.port,
    directory,
    cores: cores.proxy,
    workers: 1,
    accept: 'auto',
    pin: false,
  };
  for (const [family, missing, start] of [
    ['sevenfold', existsSync(COMMAND_LINE) ? undefined : 'not built (run `make build`)', startSevenfold],
    ['nginx', installed('nginx'), startNginx],
    ['haproxy', installed('haproxy'), startHaproxy],
  ] as const) {
    if (missing !== undefined) {
      console.log(`${family} is left out: ${missing}`);
      continue;
    }
    for (const shape of SHAPES) {
      const rules = ruleCount(shape);
      const contestant: Contestant = {
        id: `${family} ${rules}`,
        family,
        mode: 'l7-rules',
        scheme: 'http',
        mainOnly: true,
        missing: () => missing,
        start: (there) => start(shape, there),
      };
      const before = performance.now();
      const running = await contestant.start(place);
      const startMs = performance.now() - before;
      const wrong = await wrongAnswer(running, rules);
      if (wrong === undefined) {
        entries.push({ contestant, running, rules, startMs });
        continue;
      }
      await running.stop();
      console.log(`${contestant.id} is left out: ${wrong}`);
    }
  }
}

async function startSevenfold(shape: RuleShape, place: Place): Promise<RunningContestant> {
  const port = await freePort();
  const path = join(place.directory, `sevenfold-${ruleCount(shape)}.json`);
  writeFileSync(path, sevenfoldConfig(shape, port, place.originPort, closedPort));
  const args = [COMMAND_LINE, 'run', '-c', path, '--workers', '1'];
  return runningAt(port, { name: 'sevenfold', command: process.execPath, args, ready: { text: 'sevenfold ready' } });
}

async function startNginx(shape: RuleShape, place: Place): Promise<RunningContestant> {
  const port = await freePort();
  const path = writePeerConfig('nginx-rules.conf', join(place.directory, `nginx-${ruleCount(shape)}`), {
    ...nginxRules(shape, port),
    user: nginxUser(),
    rules: String(ruleCount(shape)),
    directory: place.directory,
    port: String(port),
    originPort: String(place.originPort),
    closedPort: String(closedPort),
  });
  const args = ['-p', place.directory, '-c', path, '-e', 'stderr'];
  return runningAt(port, { name: 'nginx', command: 'nginx', args, ready: { port } });
}

async function startHaproxy(shape: RuleShape, place: Place): Promise<RunningContestant> {
  const port = await freePort();
  const map = join(place.directory, `haproxy-${ruleCount(shape)}.map`);
  writeFileSync(map, haproxyMap(shape));
  const path = writePeerConfig('haproxy-rules.cfg', join(place.directory, `haproxy-${ruleCount(shape)}`), {
    map,
    port: String(port),
    originPort: String(place.originPort),
    closedPort: String(closedPort),
  });
  return runningAt(port, { name: 'haproxy', command: 'haproxy', args: ['-db', '-f', path], ready: { port } });
}

async function runningAt(port: number, plan: Parameters<typeof startProcess>[0]): Promise<RunningContestant> {
  const started = await startProcess({ ...plan, cores: cores.proxy });
  return { host: '127.0.0.1', port, process: started, pid: started.pid, stop: started.stop };
}

/**
 * Asks for the deep rule, for one beside it that leads to a server that is not there, and for what no rule has.
 * Gives what was wrong, in a sentence.
 */
async function wrongAnswer(running: RunningContestant, rules: number): Promise<string | undefined> {
  const { host, path, tenant } = DEEP;
  const beside = `tenant-${WHOLE.tenants - 2}`;
  const asked = await ask(running, host, path, tenant);
  if (asked.status !== 200 || asked.body !== SMALL_BODY)
    return `the deep request was answered with ${asked.status} and ${asked.body.length} bytes, expected the origin's 200`;
  const first = { host: 'shop-0.example.com', path: '/api/v1/service-0/x', tenant: 'tenant-0' };
  const expected: ReadonlyArray<readonly [string, string, string, readonly number[]]> = [
    [host, path, beside, [502, 503]],
    [first.host, first.path, first.tenant, rules === ruleCount(WHOLE) ? [502, 503] : [404]],
    [host, path, 'nobody', [404]],
    [host, '/api/v1/service-none/items/42', tenant, [404]],
    ['nowhere.example.com', path, tenant, [404]],
  ];
  for (const [to, at, by, statuses] of expected) {
    const { status } = await ask(running, to, at, by);
    if (!statuses.includes(status))
      return `GET http://${to}${at} of ${by} was answered with ${status}, expected ${statuses.join(' or ')}`;
  }
  return undefined;
}

function ask(
  to: RunningContestant,
  host: string,
  path: string,
  tenant: string,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = { host, 'x-tenant': tenant };
    const request = httpRequest(
      { host: to.host, port: to.port, path, headers, agent: false, timeout: 5000 },
      (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        answer.on('error', reject).on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
      },
    );
    request.on('timeout', () => request.destroy(new Error(`GET ${path} had no answer within 5 s`)));
    request.on('error', reject).end();
  });
}

function loadOf({ running }: Entry, forSeconds: number): LoadRequest {
  return {
    scheme: 'http',
    host: running.host,
    port: running.port,
    authority: DEEP.host,
    workload: WORKLOAD,
    pinned: false,
    connections: CONNECTIONS,
    seconds: forSeconds,
    cores: cores.load,
    threads: cores.loadCount,
    directory,
  };
}

function report(): void {
  const few = ruleCount(FEW);
  const many = ruleCount(WHOLE);
  const rows = entries.map(({ contestant, startMs }) => [
    contestant.id,
    shown(spreadOf([...by(contestant.id, userUs).values()]), 2),
    shown(spreadOf([...by(contestant.id, totalUs).values()]), 2),
    shown(spreadOf([...by(contestant.id, (one) => one.requests / one.seconds).values()]), 0),
    startMs.toFixed(0),
  ]);
  console.log(
    aligned([['rules', 'user µs/request', 'user + system µs/request', 'requests/s', 'ready after ms'], ...rows]).join(
      '\n',
    ),
  );
  const families = [...new Set(entries.map(({ contestant }) => contestant.family))];
  const ratios = families.map((family) => [
    family,
    shown(pairedRatio(by(`${family} ${many}`, userUs), by(`${family} ${few}`, userUs)), 3),
    shown(pairedRatio(by(`${family} ${many}`, totalUs), by(`${family} ${few}`, totalUs)), 3),
  ]);
  console.log(`\n${aligned([[`${many} / ${few} rules`, 'user', 'user + system'], ...ratios]).join('\n')}`);
  const foreign = spreadOf(figures.map((one) => one.foreignShare * 100));
  console.log(
    `\nmedian (least..greatest) of ${rounds} rounds of ${seconds} s, ${CONNECTIONS} connections; ratios within rounds; ` +
      `load average ${shown(spreadOf(loads), 1)}; other processes took ${shown(foreign, 0)} % of the machine`,
  );
}

/** Compiling takes its time in the primary, once per load; here it is the compiler alone, cold for the first set. */
function reportCompiling(): void {
  const rows = COMPILED.map((shape) => {
    const config = { routes: sevenfoldRoutes(shape), pools: { asked: {}, other: {} } };
    const before = performance.now();
    const { table, rules } = compile(config);
    const ms = performance.now() - before;
    return [String(rules.length), ms.toFixed(0), (table.byteLength / 1024).toFixed(0)];
  });
  console.log(`\n${aligned([['rules', 'compile ms', 'table KiB'], ...rows]).join('\n')}`);
}

function userUs(one: RoundFigures): number {
  return one.userUsPerRequest ?? 0;
}

function totalUs(one: RoundFigures): number {
  return userUs(one) + (one.systemUsPerRequest ?? 0);
}

/** A figure of one contestant, by round. */
function by(contestant: string, figure: (one: RoundFigures) => number): Map<number, number> {
  return new Map(figures.filter((one) => one.contestant === contestant).map((one) => [one.round, figure(one)]));
}

function shown(spread: Spread | undefined, digits: number): string {
  if (spread === undefined) return '-';
  const { median, min, max } = spread;
  return `${median.toFixed(digits)} (${min.toFixed(digits)}..${max.toFixed(digits)})`;
}

function installed(program: string): string | undefined {
  return spawnSync(program, ['-v']).error === undefined ? undefined : `${program} is not installed`;
}

/** A flag's number; ends the program with 2 when it is none. */
function wholeNumber(flag: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  console.error(`${flag} '${text}' is not a whole number above 0, for instance ${flag} 5`);
  process.exit(2);
}
