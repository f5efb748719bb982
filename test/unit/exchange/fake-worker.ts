// A worker that an exchange can be taken through by hand: codecs, pools and servers that do nothing but note what is asked
// of them. For edges that no real socket reaches on purpose.

import { Attempted } from '../../../src/balance/view.js';
import { type Attempt, endAttempt } from '../../../src/exchange/attempt.js';
import type { Context } from '../../../src/exchange/context.js';
import { Exchange, KIND, NO_ADDRESS, STAGE } from '../../../src/exchange/exchange.js';
import { NO_FILTERS, type Phases } from '../../../src/exchange/phases.js';
import type { Pool, Server } from '../../../src/exchange/pools.js';
import type { Rule } from '../../../src/exchange/rule.js';
import type { ClientSide } from '../../../src/exchange/streams.js';
import { methodNumber } from '../../../src/http/methods.js';

/** The address of a head that is held. */
export const HEAD_AT = 1000;

export interface FakePool {
  readonly name: string;
  /** What `retries.decide()` says, and what it was asked. */
  waitMs: number;
  readonly decided: unknown[][];
  /** The breaker lets a request in. */
  hasRoom: boolean;
  /** The index of the server that is chosen; below 0 for none. */
  server: number;
  retired: boolean;
  readonly pool: Pool;
}

export interface FakeWorker {
  readonly w: Context;
  readonly x: Exchange;
  /** The client's side of it, to be changed. */
  readonly client: { blocked: boolean; ended: boolean };
  /** What was asked of codecs, observers, pools and servers, in order. */
  readonly seen: string[];
  /** A pool by this name. */
  newPool(name: string): FakePool;
  /** Pools that the worker knows by their names. */
  readonly named: Map<string, Pool>;
  /** A rule that has this fallback pool, and these filters. */
  newRule(fallback: Pool | null, phases?: Phases): Rule;
  /** Begins a request of this method, whose head is held, with a rule, in `pool`. */
  begin(pool: FakePool, method?: number, fallback?: Pool | null): void;
  /** Begins its attempt at the server of `pool`, which has all of the request. */
  attempt(pool: FakePool): void;
}

export function fakeWorker(): FakeWorker {
  const seen: string[] = [];
  const note = (what: string): void => void seen.push(what);
  const named = new Map<string, Pool>();
  const client = { slot: 0, blocked: false, ended: false, tls: null, listener: { http: { phases: NO_FILTERS } } };
  const x = new Exchange(new Uint8Array(0), client as unknown as ClientSide, new Attempted());
  const servers = [0, 1].map((index) => ({ index, staleReuseUntil: 0 }) as unknown as Server);
  const observer = (what: string) => [
    {
      headReleased: () => note('observer: head released'),
      attemptEnded: (_x: Exchange, { reason }: Attempt) => note(`observer: attempt ended, ${reason}`),
      exchangeEnded: ({ reason, pool }: Exchange) => note(`observer: ${what} ended, ${reason}, ${pool?.plan.name}`),
    },
  ];
  const deadlines = (of: string) => ({
    now: 100,
    set: (_id: number, ticks: number) => note(`${of} deadline ${ticks}`),
    clear: () => {},
  });
  const observers = observer('exchange');
  const w = {
    memory: new Uint8Array(0),
    batch: 1,
    roomFreed: false,
    deadlines: deadlines('connection'),
    exchangeDeadlines: deadlines('exchange'),
    attemptDeadlines: deadlines('attempt'),
    ticks: { connect: 50, halfClosed: 0, attempt: -1, responseHead: 60, responseIdle: 70 },
    counters: { retries: 0, fallbacks: 0, reused: 0 },
    observers: { headReleased: observers, attemptEnded: observers, exchangeEnded: observers },
    errorPages: { find: () => null },
    ids: { text: () => 'id' },
    trust: {},
    engine: { release: (at: number) => note(`release ${at}`) },
    state: { requestEnds: (server: number) => note(`server ${server} has a request less`) },
    servers: { byIndex: servers },
    copiesDue: [],
    headEdit: {},
    strictTransportOf: () => '',
    poolNamed: (name: string) => named.get(name),
    clientStream: {
      reply: (
        _w: Context,
        _x: Exchange,
        status: number,
        _lines: string,
        _body: unknown,
        _bodiless: boolean,
        closes: boolean,
      ) => note(`reply ${status}${closes ? ', closes' : ''}`),
      close: (_w: Context, _x: Exchange, cut: boolean) => note(cut ? 'cut' : 'close'),
      releaseHead: (_w: Context, of: Exchange) => {
        if (of.headAt !== NO_ADDRESS) note(`release ${of.headAt}`);
        of.headAt = NO_ADDRESS;
        of.head = null;
      },
      steer: () => {},
      hasBody: () => false,
    },
    backendStream: {
      take: () => null,
      open: (_w: Context, _attempt: Attempt, { index }: Server) => {
        note(`connect to ${index}`);
        return { slot: 0, isReady: false, blocked: false };
      },
      close: (of: Context, attempt: Attempt) => {
        note('close the attempt');
        endAttempt(of, attempt);
      },
    },
  } as unknown as Context;

  const newPool = (name: string): FakePool => {
    const fake = { name, waitMs: -1, decided: [] as unknown[][], hasRoom: true, server: 0, retired: false };
    const pool = {
      plan: { name, balance: { kind: 'round-robin' }, retry: { retriesMax: 2 } },
      get retired() {
        return fake.retired;
      },
      limited: false,
      sessions: null,
      breaker: {
        enters: () => {
          note(`${name}: ${fake.hasRoom ? 'enters' : 'is full'}`);
          return fake.hasRoom;
        },
        leaves: () => note(`${name}: leaves`),
      },
      retries: {
        decide: (...asked: unknown[]) => {
          fake.decided.push(asked);
          return fake.waitMs;
        },
        requestBegins: () => note(`${name}: a request`),
      },
      reports: { report: (server: number, result: number) => note(`${name}: server ${server} got result ${result}`) },
      begin: () => fake.server,
      hasOther: () => fake.server >= 0,
    } as unknown as Pool;
    return Object.assign(fake, { pool });
  };
  const newRule = (fallback: Pool | null, phases = NO_FILTERS): Rule =>
    ({ fallback, phases, errorPages: null, ticks: w.ticks }) as unknown as Rule;
  return {
    w,
    x,
    client,
    seen,
    named,
    newPool,
    newRule,
    begin: ({ pool }, method = methodNumber('GET'), fallback = null) => {
      x.begin(KIND.REQUEST, 1, null, HEAD_AT);
      x.method = method;
      x.rule = newRule(fallback);
      x.pool = pool;
    },
    attempt: ({ pool }) => {
      x.attempt.begin(pool, servers[0]!);
      x.to(STAGE.CONNECTING);
      x.to(STAGE.SENDING);
      x.to(STAGE.WAITING);
      x.request.done = true;
    },
  };
}
