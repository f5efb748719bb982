// One proxy, its servers, and rounds of random life between them: what is configured, what fails, what is reloaded.
// Owns the round. Leaves requests, servers and clients to their files, and how long it all lasts to the test.

import assert from 'node:assert/strict';
import { issueCertificate } from '../../../src/cli/issue-certificate.js';
import { ok, type RawOrigin, serveRequests } from '../../origins/raw.js';
import { freePlace, type Place } from '../../support/addresses.js';
import { authority, authorityFile, type Identity, makeIdentity } from '../../support/identity.js';
import { type ProxySpec, type RunningProxy, startProxy } from '../../support/proxy.js';
import { ask, get } from '../../support/wire-client.js';
import { Random } from '../random.js';
import { Book } from './book.js';
import { runClient } from './client.js';
import { DEATH, Deaths } from './deaths.js';
import type { Doors } from './doors.js';
import { runHog, startHogServer } from './hog.js';
import type { Mood } from './requests.js';
import { FuzzServer } from './server.js';

/** Servers that answer, beside the one for copies and the one that never fails. */
const SERVERS = 4;
const CLIENTS = 24;
const BODY_BYTES_MAX = 90_000;

/** Plenty, for rounds in which nothing may fail; and next to nothing, where silence is to be over soon. */
const PATIENT = '20s';
const SHORT = '400ms';

/** Clients that hold the slab in a round: it has 64 chunks, each holds one to four. */
const HOGS = 70;

/** Copies for mirrors may outlive their clients by as long as their server may be silent. */
const SERVERS_WITHIN_MS = 10_000;

const COUNTERS = ['clientConnections', 'chunksUsed', 'parsersUsed', 'spansQueued', 'bytesQueued'] as const;

/** What a proxy has to bear in all its rounds. */
export interface WorldOptions {
  /** Threads of the proxy. */
  readonly workers: number;
  /** Workers die. */
  readonly deaths?: boolean;
  /** The slab is as small as it may be, and some clients hold much of it. */
  readonly tight?: boolean;
}

export class World {
  readonly servers: readonly FuzzServer[];
  /** They speak TLS: the first two with a certificate the pool believes, the last with one that it does not. */
  readonly #secure: readonly FuzzServer[];
  /** They are told by PROXY headers who the client is. */
  readonly #named: readonly FuzzServer[];
  readonly #copies: FuzzServer;
  /** It never fails, and no client of a round asks it: whether the proxy serves is seen by it. */
  #steady: RawOrigin | null = null;
  /** How often one of the workers had no chunk when it wanted one. */
  slabFull = 0;
  #hogServer: RawOrigin | null = null;
  readonly #options: WorldOptions;
  readonly #deaths: Deaths | null;
  readonly #identity = makeIdentity({ names: ['a.example'] });
  readonly #authority = authorityFile(authority());
  #book = new Book();
  #proxy!: RunningProxy;

  private constructor(options: WorldOptions) {
    this.#options = options;
    this.#deaths = options.deaths === true ? new Deaths(options.workers) : null;
    const server = (name: string, mirror = false, identity?: Identity): FuzzServer =>
      new FuzzServer(name, freePlace(), mirror, () => this.#book, identity?.issued ?? null);
    this.servers = Array.from({ length: SERVERS }, (_, i) => server(`s${i}`));
    this.#named = [0, 1].map((i) => new FuzzServer(`n${i}`, freePlace(), false, () => this.#book, null, true));
    const stranger = issueCertificate({ subject: 'another authority', authority: true });
    const ours = makeIdentity({ names: ['server.example'] });
    const theirs = makeIdentity({ names: ['server.example'], issuer: stranger });
    this.#secure = [server('t0', false, ours), server('t1', false, ours), server('x', false, theirs)];
    this.#copies = server('copies', true);
  }

  /** Starts servers and proxy. */
  static async start(options: WorldOptions): Promise<World> {
    const world = new World(options);
    try {
      for (const server of world.#all) await server.turn('serves');
      world.#steady = await serveRequests((_, { socket }) => socket.write(ok('steady')));
      if (options.tight === true) world.#hogServer = await startHogServer();
      const args = ['--workers', String(options.workers)];
      const environment = world.#deaths?.environment ?? {};
      world.#proxy = await startProxy({ ...world.#spec(new Random(1), world.#calm, 0), args, environment });
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  get #calm(): Mood {
    const tight = this.#options.tight === true;
    return { trouble: false, limited: false, rude: false, bodyBytesMax: BODY_BYTES_MAX, tight };
  }

  get #all(): readonly FuzzServer[] {
    return [...this.servers, ...this.#secure, ...this.#named, this.#copies];
  }

  /** Stops everything that was started. The proxy has to end well. */
  async close(): Promise<void> {
    try {
      if (this.#deaths !== null) forgetDeaths(this.#proxy);
      await this.#proxy?.stop();
    } finally {
      await this.#steady?.close();
      await this.#hogServer?.close();
      for (const server of this.#all) await server.close();
    }
  }

  /** One round of life, all of it from `seed`. Throws with every rule that was broken. Returns what came of requests. */
  async round(seed: number): Promise<Record<string, number>> {
    const dice = new Random(seed);
    const mood: Mood = {
      ...this.#calm,
      trouble: dice.below(3) > 0,
      limited: dice.below(3) === 0,
      rude: dice.below(2) === 0,
    };
    const book = new Book(mood.rude || mood.trouble, mood.tight);
    this.#book = book;
    for (const server of this.#all) await server.turn('serves');
    await this.#proxy.reload(this.#spec(dice, mood, 0));
    let over = false;
    book.deaths = this.#deaths?.due === true;
    const chaos = this.#chaos(new Random(dice.next()), mood, () => over);
    const death = book.deaths ? this.#die(new Random(dice.next())) : null;
    const clients = [...this.#clients(book, mood, dice, seed), ...this.#hogs(book, mood, dice)];
    try {
      await Promise.all(clients);
    } finally {
      over = true;
      await Promise.all([chaos, death]);
    }
    await this.#check(book);
    return book.summary;
  }

  /** The last round: the proxy is asked to end while clients are at it. What has begun is finished. */
  async drain(seed: number): Promise<Record<string, number>> {
    const dice = new Random(seed);
    const mood = this.#calm;
    const book = new Book();
    this.#book = book;
    for (const server of this.#all) await server.turn('serves');
    await this.#proxy.reload(this.#spec(dice, mood, 0));
    const clients = this.#clients(book, mood, dice, seed);
    await new Promise((resolve) => setTimeout(resolve, 20 + dice.below(400)));
    book.draining = true;
    if (this.#deaths !== null) forgetDeaths(this.#proxy);
    this.#proxy.process.kill('SIGTERM');
    await Promise.all(clients);
    const { code, signal, stdout, stderr } = await this.#proxy.process.exited();
    book.close();
    assert.equal(book.violations.length, 0, book.violations.slice(0, 5).join('\n\n'));
    assert.deepEqual([code, signal, stderr], [0, null, '']);
    assert.match(stdout, /^drained in [\d.]+ s: every connection has ended$/m);
    return book.summary;
  }

  #clients(book: Book, mood: Mood, dice: Random, seed: number): Promise<void>[] {
    const [plain, secure, fronted, frontedSecure] = this.#proxy.listeners as [Place, Place, Place, Place];
    const doors: Doors = { plain, others: { secure, fronted, frontedSecure, tls: this.#identity.client } };
    const names = seed.toString(36);
    return Array.from({ length: CLIENTS }, (_, i) =>
      runClient(book, doors, mood, new Random(dice.next()), `${names}.${i}`),
    );
  }

  #hogs(book: Book, mood: Mood, dice: Random): Promise<void>[] {
    return Array.from({ length: this.#hogServer === null ? 0 : HOGS }, () =>
      runHog(book, this.#proxy.place, new Random(dice.next()), mood.trouble || mood.rude),
    );
  }

  /** A worker dies somewhere in the round, and another one takes its place. */
  async #die(dice: Random): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, dice.below(400)));
    await this.#deaths!.kill(this.#proxy, dice);
    const { workers } = this.#options;
    for (const deadline = Date.now() + 10_000; (await this.#proxy.counters()).length < workers; )
      assert.ok(Date.now() < deadline, 'the dead worker was not replaced');
    forgetDeaths(this.#proxy);
  }

  /** What has to hold once all clients are gone. */
  async #check(book: Book): Promise<void> {
    const proxy = this.#proxy;
    assert.equal(proxy.process.exit, undefined, `the proxy is gone: ${proxy.process.stderr}`);
    try {
      await proxy.countersUntil('back to nothing', (counters) => COUNTERS.every((name) => counters[name] === 0));
    } catch (error) {
      book.fail((error as Error).message);
    }
    await this.#checkServers(book);
    for (const { slabFull } of await proxy.counters()) this.slabFull = Math.max(this.slabFull, slabFull);
    const answer = await ask(proxy.place, get('/steady'));
    if (!answer.startLine.startsWith('HTTP/1.1 200 ') && !book.lagged) book.fail(`/steady got ${answer.startLine}`);
    book.close();
    assert.equal(book.violations.length, 0, book.violations.slice(0, 5).join('\n\n'));
    await proxy.checkInvariants();
    assert.equal(proxy.process.stderr, '', 'the proxy wrote to stderr');
  }

  /** No server counts a request any more, and none waits for one: also where the worker that counted is dead. */
  async #checkServers(book: Book): Promise<void> {
    for (const deadline = Date.now() + SERVERS_WITHIN_MS; ; ) {
      const busy = Object.entries(await this.#proxy.pools()).flatMap(([pool, { waiting, servers }]) => [
        ...(waiting === 0 ? [] : [`pool ${pool}: ${waiting} requests wait for room, and no client is there`]),
        ...servers
          .filter(({ inFlight }) => inFlight !== 0)
          .map(({ name, inFlight }) => `pool ${pool}, server ${name}: ${inFlight} requests in flight of no client`),
      ]);
      if (busy.length === 0) return;
      if (Date.now() > deadline) return book.fail(busy.join('\n'));
    }
  }

  /** What happens beside the clients: reloads, and, in trouble, servers that fail as a whole. */
  async #chaos(dice: Random, mood: Mood, over: () => boolean): Promise<void> {
    const reloads = dice.below(3) === 0 ? 0 : dice.below(6);
    for (let i = 1; i <= 6 && !over(); i++) {
      await new Promise((resolve) => setTimeout(resolve, 5 + dice.below(60)));
      if (mood.trouble && dice.below(2) === 0) {
        const manner = dice.pick(['refuses', 'resets', 'ignores', 'serves', 'serves'] as const);
        await dice.pick(this.servers).turn(manner, dice.below(2) === 0);
      }
      if (i <= reloads && !over()) await this.#proxy.reload(this.#spec(dice, mood, i));
    }
  }

  /** A random configuration that fits the mood. `generation` renames pools and exchanges servers. */
  #spec(dice: Random, mood: Mood, generation: number): ProxySpec {
    const name = (pool: string): string => (dice.below(3) === 0 ? `${pool}${generation}` : pool);
    const [a, b, limited] = [name('a'), name('b'), name('limited')];
    const some = (): object[] => {
      const first = dice.below(SERVERS);
      const count = 1 + dice.below(2);
      return Array.from({ length: count }, (_, i) => {
        const { address } = this.servers[(first + i) % SERVERS]!;
        return dice.below(4) === 0 ? { address, name: `n${dice.below(3)}-${i}` } : { address };
      });
    };
    const pool = (): object => ({
      servers: some(),
      outlierDetection: { failures: 0 },
      balance: dice.pick(['round-robin', 'least-requests', 'random', 'ip-hash']),
      ...(mood.trouble
        ? {
            retry: {
              retriesMax: dice.below(4),
              on: dice.pick([
                ['connect-failure', 'reset', 'timeout'],
                ['connect-failure', 'reset', 'status'],
                ['connect-failure'],
              ]),
              backoff: dice.pick(['0', '10ms', '100ms']),
              perTryTimeout: dice.pick(['0', '0', '250ms']),
              budgetPerSecond: 10_000,
            },
          }
        : {}),
    });
    const limits = mood.limited
      ? {
          limits: {
            serverRequestsMax: dice.below(3),
            serverConnectionsMax: dice.below(3),
            queueMax: dice.pick([0, 2, 50]),
            queueTimeout: dice.pick(['100ms', '2s']),
            poolRequestsMax: dice.pick([0, 0, 6]),
            connectionRequestsMax: dice.pick([0, 0, 2]),
          },
        }
      : {};
    const patience = mood.trouble ? SHORT : PATIENT;
    const rule = (path: string, to: string, ...filters: object[]): object => ({
      matches: [{ path: { type: 'PathPrefix', value: path } }],
      pool: to,
      ...(filters.length === 0 ? {} : { filters }),
    });
    const set = [{ name: 'X-Edited', value: `${generation} \${clientAddress}` }];
    const https = { protocol: 'https', tls: { certificates: [this.#identity.files] } };
    const proxyProtocol = { from: ['127.0.0.0/8'] };
    const tls = { ca: this.#authority, serverName: 'server.example' };
    const [t0, t1, x] = this.#secure as [FuzzServer, FuzzServer, FuzzServer];
    const secure = name('secure');
    const named = name('named');
    const impostor = name('impostor');
    const pools = {
      [secure]: { ...pool(), servers: [{ address: dice.pick([t0, t1]).address }], tls },
      [impostor]: { servers: [{ address: x.address }], outlierDetection: { failures: 0 }, tls },
      [named]: {
        ...pool(),
        servers: this.#named.map(({ address }) => ({ address })),
        proxyProtocol: dice.pick(['v1', 'v2']),
      },
      [a]: pool(),
      [b]: pool(),
      [limited]: { ...pool(), ...limits },
      sticky: {
        ...pool(),
        servers: this.servers.slice(1).map(({ address }) => ({ address })),
        sessionPersistence: { cookieName: 'at', secret: 'of all rounds' },
      },
      copies: { servers: [{ address: this.#copies.address }] },
      steady: { servers: [{ address: this.#steady!.address }] },
      ...(this.#hogServer === null ? {} : { hogs: { servers: [{ address: this.#hogServer.address }] } }),
    };
    // In another order each time: so what is numbered by it changes its number.
    const shuffled = Object.entries(pools).sort(() => dice.below(3) - 1);
    return {
      listeners: [{}, https, { proxyProtocol }, { ...https, proxyProtocol }],
      pools: Object.fromEntries(shuffled),
      routes: [
        {
          rules: [
            rule('/a', a),
            rule('/b', b),
            rule('/limited', limited),
            rule('/secure', secure),
            rule('/named', named),
            rule('/sticky', 'sticky'),
            rule('/impostor', impostor),
            rule('/steady', 'steady'),
            ...(this.#hogServer === null ? [] : [rule('/hog', 'hogs')]),
            // What only a reader out of step takes for a request is sent on, so that a server sees it.
            rule('/trap', a),
            rule('/mirrored', a, { type: 'RequestMirror', requestMirror: { pool: 'copies' } }),
            rule('/rewritten', b, {
              type: 'URLRewrite',
              urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' } },
            }),
            rule(
              '/edited',
              a,
              { type: 'RequestHeaderModifier', requestHeaderModifier: { set } },
              { type: 'ResponseHeaderModifier', responseHeaderModifier: { set } },
            ),
            {
              matches: [{ path: { type: 'PathPrefix', value: '/direct' } }],
              filters: [{ type: 'DirectResponse', directResponse: { status: 200, body: 'direct' } }],
            },
          ],
        },
      ],
      limits: { bodyBytesMax: mood.bodyBytesMax, ...(mood.tight ? { slabBytes: '1MiB' } : {}) },
      timeouts: {
        requestHead: mood.rude ? SHORT : PATIENT,
        requestBody: mood.rude ? SHORT : PATIENT,
        idle: mood.rude ? SHORT : PATIENT,
        connect: patience,
        responseHead: patience,
        responseIdle: mood.rude ? SHORT : patience,
        mirror: '1s',
        tunnelIdle: mood.rude ? SHORT : PATIENT,
        backendIdle: dice.pick(['100ms', '10s']),
        request: mood.trouble ? dice.pick(['0', '0', '700ms']) : '0',
      },
    };
  }
}

/** Takes the deaths that were asked for out of what the proxy wrote to stderr. */
function forgetDeaths(proxy: RunningProxy | undefined): void {
  if (proxy === undefined) return;
  const { process } = proxy;
  process.stderr = process.stderr
    .split('\n')
    .filter((line) => !DEATH.test(line))
    .join('\n');
}
