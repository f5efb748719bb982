// The product as a process: started on free ports, ready when it says so, stopped cleanly or the test fails.
// Owns the process and its configuration file. SEVENFOLD_STAND_IN=nginx puts nginx in its place (nginx.ts), to tell
// mistakes of the tests from mistakes of the product.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ReasonCode } from '../../src/http/reasons.js';
import type { AccessLogReport } from '../../src/primary/access-logs.js';
import type { PoolReport } from '../../src/primary/report.js';
import type { WorkerReport } from '../../src/worker/thread.js';
import { freePlace, freePlaceV6, type Place, scratchDirectory, written } from './addresses.js';
import { Child, type Exit } from './child.js';
import { startNginx } from './nginx.js';

/** The command line of the built product. */
export const MAIN: string = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** True when nginx stands in for the product: what only the product promises is then not asked. */
export const standIn: boolean = process.env.SEVENFOLD_STAND_IN === 'nginx';

/** Declares a suite of what only the product promises: its tests run one after the other, and none where nginx stands in. */
export function describeProduct(name: string, tests: () => void): void {
  describe(name, { concurrency: 1, skip: standIn && 'only the product' }, tests);
}

/** What a test says of the proxy it wants. */
export interface ProxySpec {
  /** Servers of the one pool of a proxy that sends everything there. */
  readonly servers?: readonly string[];
  /** Routes and pools, instead of `servers`. */
  readonly routes?: readonly object[];
  readonly pools?: Readonly<Record<string, object>>;
  /** Default: one http listener on a free port. `{ protocol: 'tcp', pool: 'main' }` is a raw one. `v6` listens on ::1. */
  readonly listeners?: readonly {
    /** Instead of a free port: `unix:/PATH`. */
    readonly address?: string;
    readonly socket?: object;
    readonly protocol?: string;
    readonly pool?: string;
    readonly tlsRoutes?: readonly object[];
    readonly v6?: boolean;
    readonly tls?: object;
    readonly name?: string;
    readonly redirectToHttps?: number;
    readonly redirectToHttpsExcept?: readonly string[];
    readonly strictTransportSecurity?: string;
    readonly proxyProtocol?: object;
    readonly repeatedSlashes?: string;
    readonly clientAddressHeader?: string;
    readonly filters?: readonly object[];
    readonly tcpKeepAlive?: object | undefined;
    readonly accessLog?: readonly object[];
    readonly http2?: boolean;
  }[];
  readonly errorPages?: readonly object[];
  readonly accessLog?: readonly object[];
  readonly limits?: Readonly<Record<string, number | string>>;
  readonly timeouts?: Readonly<Record<string, string | number>>;
  readonly trustedProxies?: readonly string[];
  readonly filters?: readonly object[];
  readonly nameservers?: readonly string[];
  readonly admin?: object;
  readonly metrics?: object;
  /** More of the command line. `--workers 1` unless it says otherwise. */
  readonly args?: readonly string[];
  /** More of the environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

interface Report {
  readonly engine: readonly WorkerReport[];
  readonly tlsContexts: number;
  readonly pools: Record<string, PoolReport>;
  readonly accessLogs: AccessLogReport;
}

/** A running proxy. */
export class RunningProxy {
  constructor(
    readonly process: Child,
    readonly listeners: readonly Place[],
    /** The configuration file, for those who change it. */
    readonly file?: string,
  ) {}

  /** The first listener. */
  get place(): Place {
    return this.listeners[0]!;
  }

  /** Base URL of the first listener, without the slash at the end. */
  get url(): string {
    return `http://${written(this.place)}`;
  }

  get pid(): number {
    return this.process.pid;
  }

  /** What the workers count and hold, one entry per worker, as SIGUSR2 makes the process print it. */
  async counters(): Promise<readonly WorkerReport[]> {
    return (await this.#report()).engine;
  }

  /**
   * Asks every worker whether all that has to hold does (src/worker/invariants.ts): chunks and their holders, counts of
   * requests and connections, states and deadlines. Fails with what does not.
   */
  async checkInvariants(): Promise<void> {
    if (standIn) return;
    const { engine } = await this.#report();
    const violations = engine.flatMap(({ worker, violations }) =>
      violations!.map((violation) => `worker ${worker}: ${violation}`),
    );
    assert.deepEqual(violations, [], 'the proxy broke rules of its own');
  }

  /** How often all workers together have counted `reason`. */
  async reasonCount(reason: ReasonCode): Promise<number> {
    const { engine } = await this.#report();
    return engine.reduce((sum, { reasons }) => sum + (reasons[reason] ?? 0), 0);
  }

  /** How many TLS contexts the process has. */
  async tlsContexts(): Promise<number> {
    return (await this.#report()).tlsContexts;
  }

  /** What the proxy says of its pools and servers. */
  async pools(): Promise<Record<string, PoolReport>> {
    return (await this.#report()).pools;
  }

  /** What access logs were written and dropped. */
  async accessLogs(): Promise<AccessLogReport> {
    return (await this.#report()).accessLogs;
  }

  async #report(): Promise<Report> {
    const from = this.process.stdout.length;
    this.process.kill('SIGUSR2');
    return this.process.until('engine counters', () => {
      // With its line feed: a long one comes in pieces, and a piece may end with a brace.
      const line = /^(\{"engine":.*\})\n/m.exec(this.process.stdout.slice(from));
      return line === null ? undefined : (JSON.parse(line[1]!) as Report);
    });
  }

  /** Asks the counters again and again until `good` holds for all workers: closing takes the proxy a turn or two. */
  async countersUntil(what: string, good: (counters: WorkerReport) => boolean, deadlineMs = 10_000): Promise<void> {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const counters = await this.counters();
      if (counters.every(good)) return;
      if (Date.now() > deadline) throw new Error(`not ${what} within ${deadlineMs} ms: ${JSON.stringify(counters)}`);
    }
  }

  /** With no client left, no chunk is held and nothing waits to be sent: the check for leaks at the end of many cases. */
  async heldNothing(): Promise<void> {
    if (standIn) return;
    await this.countersUntil('everything given back', (counters) => {
      const { chunksUsed, spansQueued, clientConnections } = counters;
      return chunksUsed === 0 && spansQueued === 0 && clientConnections === 0;
    });
  }

  /** No connection is left on either side, no handshake is under way, and nothing is held. */
  async closedAll(): Promise<void> {
    if (standIn) return;
    await this.countersUntil('everything closed and given back', (counters) => {
      const { chunksUsed, spansQueued, connections, secured, handshaking } = counters;
      return chunksUsed === 0 && spansQueued === 0 && connections === 0 && secured === 0 && handshaking === 0;
    });
  }

  /** Writes a new configuration with the same listeners, and does nothing else. */
  rewrite(spec: ProxySpec): void {
    writeFileSync(this.file!, JSON.stringify(documentOf(spec, this.listeners), null, 2));
  }

  /** Writes a new configuration, asks for a reload, and waits until it is done. */
  async reload(spec: ProxySpec): Promise<void> {
    const from = this.process.stdout.length;
    this.rewrite(spec);
    this.process.kill('SIGHUP');
    await this.process.until('a reload', () =>
      /^reloaded /m.test(this.process.stdout.slice(from)) ? true : undefined,
    );
  }

  /**
   * Nothing broken inside, then SIGTERM and a clean end: exit code 0 and nothing on stderr. A process that hangs is
   * killed, and the test fails.
   */
  async stop(deadlineMs = 20_000): Promise<Exit> {
    const before = this.process.stderr.length;
    try {
      if (this.process.exit === undefined && !this.process.ending) {
        await this.checkInvariants();
        this.process.kill('SIGTERM');
      }
      const exit = await this.process.exited(deadlineMs);
      // Origins of a test may be closed already: that a health check notices now is none of its business.
      const late = exit.stderr.slice(before).replace(/^.*server .* is down.*\n/gm, '');
      assert.equal(exit.stderr.slice(0, before) + late, '', 'the proxy wrote to stderr');
      assert.equal(exit.signal, null, 'the proxy died of a signal');
      assert.equal(exit.code, 0, 'the proxy ended with another code than 0');
      return exit;
    } finally {
      if (this.process.exit === undefined) {
        this.process.kill('SIGKILL');
        await this.process.exited();
      }
    }
  }
}

/** The configuration document of `spec`, listening at `places`. */
export function documentOf(spec: ProxySpec, places: readonly Place[]): object {
  const listeners = (spec.listeners ?? [{}]).map(({ v6: _, ...listener }, index) => ({
    address: written(places[index]!),
    ...listener,
  }));
  const pools = spec.pools ?? { main: { servers: (spec.servers ?? []).map((address) => ({ address })) } };
  const catchAll = [{ rules: [{ matches: [{ path: { type: 'PathPrefix', value: '/' } }], pool: 'main' }] }];
  const routes =
    spec.routes ?? (listeners.some(({ protocol = 'http' }) => protocol.startsWith('http')) ? catchAll : undefined);
  return {
    listeners,
    ...(routes === undefined ? {} : { routes }),
    pools,
    ...(spec.errorPages === undefined ? {} : { errorPages: spec.errorPages }),
    ...(spec.accessLog === undefined ? {} : { accessLog: spec.accessLog }),
    ...(spec.limits === undefined ? {} : { limits: spec.limits }),
    ...(spec.timeouts === undefined ? {} : { timeouts: spec.timeouts }),
    ...(spec.nameservers === undefined ? {} : { nameservers: spec.nameservers }),
    ...(spec.trustedProxies === undefined ? {} : { trustedProxies: spec.trustedProxies }),
    ...(spec.filters === undefined ? {} : { filters: spec.filters }),
    ...(spec.admin === undefined ? {} : { admin: spec.admin }),
    ...(spec.metrics === undefined ? {} : { metrics: spec.metrics }),
  };
}

const ADDRESS_TRIES = 5;

/** Starts the product with `spec` and waits for its `sevenfold ready`. Another port is tried when one was taken. */
export async function startProxy(spec: ProxySpec): Promise<RunningProxy> {
  const directory = scratchDirectory();
  for (let attempted = 1; ; attempted++) {
    const places: Place[] = [];
    for (const listener of spec.listeners ?? [{}]) places.push(listener.v6 ? await freePlaceV6() : freePlace());
    if (standIn) return new RunningProxy(await startNginx(spec, places, directory), places);
    const file = join(directory, 'proxy.yaml');
    // JSON is YAML: what the test holds is what the product reads.
    writeFileSync(file, JSON.stringify(documentOf(spec, places), null, 2));
    const workers = spec.args?.includes('--workers') ? [] : ['--workers', '1'];
    const child = new Child(
      process.execPath,
      [MAIN, 'run', '-c', file, ...workers, ...(spec.args ?? [])],
      spec.environment,
    );
    try {
      await waitReady(child);
      return new RunningProxy(child, places, file);
    } catch (error) {
      if (!/in use/i.test(child.stderr) || attempted === ADDRESS_TRIES) throw error;
    }
  }
}

/** Starts the product from flags alone: `run --listen … --backend …`. */
export async function startFromFlags(args: (place: Place) => readonly string[]): Promise<RunningProxy> {
  const place = freePlace();
  const child = new Child(process.execPath, [MAIN, 'run', ...args(place)]);
  await waitReady(child);
  return new RunningProxy(child, [place]);
}

async function waitReady(child: Child): Promise<void> {
  try {
    await child.until('line `sevenfold ready`', () => (/^sevenfold ready$/m.test(child.stdout) ? true : undefined));
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** What `t.after` is needed for. */
interface Cleanup {
  after(what: () => Promise<unknown>): void;
}

/** Starts a proxy that is stopped, and its clean stop asserted, when the test ends. */
export async function useProxy(t: Cleanup, spec: ProxySpec): Promise<RunningProxy> {
  const proxy = await startProxy(spec);
  t.after(() => proxy.stop());
  return proxy;
}

/** Starts something with a `close` (an origin) that is closed when the test ends. */
export async function use<T extends { close(): Promise<unknown> }>(t: Cleanup, starting: Promise<T>): Promise<T> {
  const started = await starting;
  t.after(() => started.close());
  return started;
}
