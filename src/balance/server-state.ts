// What every thread knows about every server and pool: one SharedArrayBuffer that grows, one declared layout, who writes
// which word.
// Owns the layout, its creation and the accessors. Leaves choosing to the balancers and deciding to outlier.ts, pool-maintenance.ts and health/.

import { assert } from '../base/assert.js';

/*
 * A server is open for new requests when its gate is 0. Each bit is a reason to stay away and has one owner, so two
 * reasons can hold at once and neither hides the other:
 *
 *   GONE       primary   the slot belongs to no server
 *   UNCHECKED  primary   active checks are configured and none has ended yet
 *   DOWN       primary   active checks say so
 *   EJECTED    a worker sets it (outlier.ts), the primary clears it (pool-maintenance.ts)
 *   DRAINING   primary   taken out by config, weight 0 or an operator; sticky users may still come
 *   MAINTENANCE primary  taken out by an operator, for sticky users too
 *
 * What `serverStatus` calls it, the strongest reason first:
 *
 *   GONE ── added ──► UNCHECKED ── first check passed ──────────────────────► UP ◄────────────────────┐
 *     ▲                   └─ first check failed ──► DOWN ── checks passed ──► SLOW_START ─ weight full ┘
 *     │                                              ▲                         │  ▲     (a pool without slowStart
 *     │                                              └── checks failed ────────┤  │      goes straight to UP)
 *     │                                                    (from UP too)       ▼  │
 *     │                              failures in a row, from UP too ──► EJECTED ──┘ its time is over
 *     └── removed, empty or out of time ── DRAINING ◄── taken out, from every other state
 */
export const GATE = { OPEN: 0, UNCHECKED: 1, DOWN: 2, EJECTED: 4, DRAINING: 8, GONE: 16, MAINTENANCE: 32 } as const;

/** Effective weights are fixed point: a server of weight 1 at full weight counts 256, so slow start has steps to climb. */
export const WEIGHT_ONE = 256;
/** The largest configured weight. 4096 servers of it still sum below 2^31 in fixed point. */
export const WEIGHT_MAX = 1000;

const MAGIC = 0x53463732; // "SF72": this layout, second version

/** Words at the start of the buffer; the primary writes them once. */
const HEADER = { magic: 0, workers: 1, serversMax: 2, poolsMax: 3, WORDS: 16 } as const;

/**
 * Behind the header stand blocks, each with room for as many servers and pools as this, and for all that workers count for
 * them. More are added at the end, so no word ever moves: a thread that does not know of them yet counts in the same places.
 *
 *   header │ pools │ servers │ slices │ shares │ pools │ servers │ slices │ shares │ …
 *          └─────────── block 0 ───────────────┴─────────── block 1 ───────────────┘
 */
const BLOCK_SERVERS_BITS = 8;
const BLOCK_POOLS_BITS = 6;
const BLOCK_SERVERS = 1 << BLOCK_SERVERS_BITS;
const BLOCK_POOLS = 1 << BLOCK_POOLS_BITS;

/** Servers and pools that one process can hold, those included that are gone but still finish requests. */
export const SERVERS_MAX = 65_536;
export const POOLS_MAX = 16_384;
/** Worker threads of one process. */
export const WORKERS_MAX = 256;

/**
 * One server. Two cache lines: the first is read by every pick and seldom written, the second is written by every
 * request, so that workers counting requests do not slow each other's reading of weights.
 */
export const SERVER = {
  /** GATE bits. Primary and workers, by Atomics.or and Atomics.and only, through `closeGate` and `openGate`. */
  gate: 0,
  /** Configured weight, 0 to WEIGHT_MAX. Primary. */
  weight: 1,
  /** Weight times WEIGHT_ONE, less during slow start. Primary. */
  effectiveWeight: 2,
  /** Requests in flight at most, all workers together; 0 is no limit. Primary. */
  inFlightMax: 3,
  /** The slot of the pool this server belongs to. Primary. */
  pool: 5,
  /** When the present ejection ends, in the primary's clock (ms, wraps); valid while `ejectedStamped` is 1. Primary. */
  ejectedUntilMs: 6,
  /** 1 once the primary has seen the ejection and set its end. Primary; a worker that ends an ejection sets it to 0. */
  ejectedStamped: 7,
  /** How often it was ejected lately: the next ejection lasts this many times longer. Primary. */
  ejections: 8,
  /** When slow start began, in the primary's clock (ms, wraps); valid while `slowStarting` is 1. Primary. */
  slowStartFromMs: 9,
  slowStarting: 10,
  /** Requests in flight, all workers together. Workers, by Atomics.add. */
  inFlight: 16,
  /** Open connections, all workers together. Workers, by Atomics.add. */
  connections: 17,
  /** Failures to connect, resets and timeouts since the last answer. Workers, by Atomics. */
  failuresInRow: 18,
  /** Answers with a 5xx status since the last other answer. Workers, by Atomics. */
  errorsInRow: 19,
  /** All failures and errors ever counted here (wraps). Workers, by Atomics.add. */
  failuresTotal: 20,
  /** All ejections ever (wraps). Workers, by Atomics.add. */
  ejectionsTotal: 21,
  WORDS: 32,
} as const;

/** One pool. First line: seldom written. Second line: written under trouble only (retries, queueing). */
export const POOL = {
  /** Grows whenever a gate, a weight or the membership changes: balancers then read their servers anew. Anybody, by Atomics.add. */
  version: 0,
  /** Servers with EJECTED set. Workers and primary, by Atomics. */
  ejected: 1,
  /** Servers that may be ejected at once. Primary. */
  ejectedMax: 2,
  /** Retries that may still be spent, times RETRY_ONE (retry.ts). Primary adds, workers subtract, by Atomics. */
  retryTokens: 16,
  /** Requests waiting for room, all workers together. Workers, by Atomics.add. */
  waiting: 17,
  /** The last ticket given to a waiting request (waiting-line.ts). Workers, by Atomics.add. */
  ticket: 18,
  /** Requests in flight in the whole pool, counted only when it has a breaker (limits.ts). Workers, by Atomics.add. */
  inFlight: 19,
  WORDS: 32,
} as const;

/**
 * One pool as one worker counts it: only that worker writes, plainly; the primary reads, and empties it for the next pool of the
 * slot. One cache line.
 */
export const SLICE = {
  /** Requests begun (wraps); pays into the retry budget. */
  requests: 0,
  /** Ticket of this worker's oldest waiting request; 0 when none waits. */
  oldestTicket: 1,
  /** Requests of this worker waiting for room. */
  waiting: 3,
  /** Requests of this worker counted in POOL.inFlight. */
  inFlight: 4,
  /** Grows when another worker hands this one a free place. Other workers, by Atomics.add. */
  wake: 2,
  WORDS: 16,
} as const;

/** What one worker has open at one server: only that worker writes; taken back by the primary if the worker dies. */
const SHARE = { inFlight: 0, connections: 1, WORDS: 2 } as const;

/** How many workers write to the buffer, fixed for the life of the process, and how far it may grow. */
interface StateSize {
  workers: number;
  /** Default SERVERS_MAX. */
  serversMax?: number;
  /** Default POOLS_MAX. */
  poolsMax?: number;
}

/** How many of each the buffer has room for now, and how many it can have. */
interface StateCapacity {
  servers: number;
  pools: number;
  readonly workers: number;
  readonly serversMax: number;
  readonly poolsMax: number;
}

/** A SharedArrayBuffer that grows in place, for all threads (ECMAScript 2024; Node 20 has it, the language level here does not declare it). */
interface GrowableBuffer extends SharedArrayBuffer {
  grow(bytes: number): void;
}
type GrowableConstructor = new (bytes: number, options: { maxByteLength: number }) => GrowableBuffer;

/** What a server is at the moment, for people: the strongest reason of its gate, or how it is doing behind an open one. */
export type ServerStatus = 'GONE' | 'MAINTENANCE' | 'DRAINING' | 'DOWN' | 'EJECTED' | 'UNCHECKED' | 'SLOW_START' | 'UP';

/**
 * Creates the buffer with its first block, every slot free. The primary does this once; workers get it with their first
 * snapshot. What it may grow to is reserved in the address space only.
 */
export function createServerState({
  workers,
  serversMax = SERVERS_MAX,
  poolsMax = POOLS_MAX,
}: StateSize): SharedArrayBuffer {
  for (const [name, value, most] of [
    ['workers', workers, WORKERS_MAX],
    ['serversMax', serversMax, SERVERS_MAX],
    ['poolsMax', poolsMax, POOLS_MAX],
  ] as const) {
    if (!Number.isInteger(value) || value < 1 || value > most)
      throw new RangeError(`Server state: ${name} is ${value}, expected a whole number from 1 to ${most}.`);
  }
  const blocks = Math.max(Math.ceil(serversMax / BLOCK_SERVERS), Math.ceil(poolsMax / BLOCK_POOLS));
  const bytes = (count: number): number => (HEADER.WORDS + count * block(workers).words) * 4;
  const Growable = SharedArrayBuffer as unknown as GrowableConstructor;
  const buffer = new Growable(bytes(1), { maxByteLength: bytes(blocks) });
  const words = new Int32Array(buffer, 0, HEADER.WORDS);
  words[HEADER.magic] = MAGIC;
  words[HEADER.workers] = workers;
  words[HEADER.serversMax] = serversMax;
  words[HEADER.poolsMax] = poolsMax;
  new ServerState(buffer).clearBlock(0);
  return buffer;
}

/**
 * A thread's handle on the shared state. `worker` is the worker's index, whose slices and shares it may write;
 * the primary opens it with `PRIMARY`. No method here allocates, `serverStatus` aside.
 */
export class ServerState {
  static readonly PRIMARY = -1;
  /**
   * As many words as there were at the last `refresh`. Who keeps this view may go on with it: the words of the servers and
   * pools it was taken for are in it, and are the same memory.
   */
  words: Int32Array;
  readonly capacity: StateCapacity;
  readonly worker: number;
  readonly #buffer: SharedArrayBuffer;
  readonly #blockWords: number;
  readonly #serversAt: number;
  readonly #slicesAt: number;
  readonly #sharesAt: number;
  /** First share word of this worker in the first block; the primary has the last row. */
  readonly #ownSharesAt: number;

  constructor(buffer: SharedArrayBuffer, worker: number = ServerState.PRIMARY) {
    const words = new Int32Array(buffer, 0, buffer.byteLength >> 2);
    if (words[HEADER.magic] !== MAGIC)
      throw new Error('Server state: the buffer does not hold this layout. Pass the one createServerState made.');
    const workers = words[HEADER.workers]!;
    if (worker >= workers)
      throw new RangeError(`Server state: worker ${worker} of ${workers}. Size it for every worker.`);
    const { words: blockWords, serversAt, slicesAt, sharesAt } = block(workers);
    this.words = words;
    this.worker = worker;
    this.#buffer = buffer;
    this.#blockWords = blockWords;
    this.#serversAt = HEADER.WORDS + serversAt;
    this.#slicesAt = HEADER.WORDS + slicesAt;
    this.#sharesAt = HEADER.WORDS + sharesAt;
    this.#ownSharesAt = this.#sharesAt + (worker < 0 ? workers : worker) * BLOCK_SERVERS * SHARE.WORDS;
    this.capacity = {
      servers: 0,
      pools: 0,
      workers,
      serversMax: words[HEADER.serversMax]!,
      poolsMax: words[HEADER.poolsMax]!,
    };
    this.#measure();
  }

  /** Takes in what the buffer has grown by. A worker calls it before it applies servers or pools that are new to it. */
  refresh(): void {
    if (this.#buffer.byteLength === this.words.byteLength) return;
    this.words = new Int32Array(this.#buffer, 0, this.#buffer.byteLength >> 2);
    this.#measure();
  }

  /** Makes room for this many servers and pools, at most `serversMax` and `poolsMax`. Only the primary. */
  grow(servers: number, pools: number): void {
    const { capacity } = this;
    assert(servers <= capacity.serversMax && pools <= capacity.poolsMax, 'the shared state grows within its bounds');
    const before = this.#blocks;
    const blocks = Math.max(before, Math.ceil(servers / BLOCK_SERVERS), Math.ceil(pools / BLOCK_POOLS));
    if (blocks === before) return;
    (this.#buffer as GrowableBuffer).grow((HEADER.WORDS + blocks * this.#blockWords) * 4);
    this.refresh();
    for (let i = before; i < blocks; i++) this.clearBlock(i);
  }

  /** Marks every server of a new block as gone. Only the primary, before a slot of it is given out. */
  clearBlock(index: number): void {
    const from = index << BLOCK_SERVERS_BITS;
    for (let i = from; i < from + BLOCK_SERVERS; i++) this.words[this.serverAt(i) + SERVER.gate] = GATE.GONE;
  }

  /** First word of a server; add a SERVER constant. */
  serverAt(server: number): number {
    const inBlock = (server & (BLOCK_SERVERS - 1)) * SERVER.WORDS;
    return this.#serversAt + (server >> BLOCK_SERVERS_BITS) * this.#blockWords + inBlock;
  }

  /** First word of a pool; add a POOL constant. */
  poolAt(pool: number): number {
    const inBlock = (pool & (BLOCK_POOLS - 1)) * POOL.WORDS;
    return HEADER.WORDS + (pool >> BLOCK_POOLS_BITS) * this.#blockWords + inBlock;
  }

  /** First word of what `worker` counts for `pool`; add a SLICE constant. */
  sliceAt(worker: number, pool: number): number {
    const inBlock = (worker * BLOCK_POOLS + (pool & (BLOCK_POOLS - 1))) * SLICE.WORDS;
    return this.#slicesAt + (pool >> BLOCK_POOLS_BITS) * this.#blockWords + inBlock;
  }

  /** Counts a request at `server` as in flight. False, and nothing counted, when the server has no room for it. */
  requestBegins(server: number): boolean {
    const { words } = this;
    const at = this.serverAt(server);
    const before = Atomics.add(words, at + SERVER.inFlight, 1);
    const max = words[at + SERVER.inFlightMax]!;
    if (max !== 0 && before >= max) {
      Atomics.sub(words, at + SERVER.inFlight, 1);
      return false;
    }
    words[this.#shareAt(server) + SHARE.inFlight]! += 1;
    return true;
  }

  /** Ends what `requestBegins` began; call it once per true. */
  requestEnds(server: number): void {
    Atomics.sub(this.words, this.serverAt(server) + SERVER.inFlight, 1);
    this.words[this.#shareAt(server) + SHARE.inFlight]! -= 1;
  }

  /** Counts a connection to `server`, from before the connect. */
  connectionOpens(server: number): void {
    Atomics.add(this.words, this.serverAt(server) + SERVER.connections, 1);
    this.words[this.#shareAt(server) + SHARE.connections]! += 1;
  }

  /** Ends what `connectionOpens` began, also when the connect failed. */
  connectionCloses(server: number): void {
    Atomics.sub(this.words, this.serverAt(server) + SERVER.connections, 1);
    this.words[this.#shareAt(server) + SHARE.connections]! -= 1;
  }

  /** Requests in flight at `server`, all workers together. */
  inFlight(server: number): number {
    return Atomics.load(this.words, this.serverAt(server) + SERVER.inFlight);
  }

  /** Connections open to `server`, all workers together. */
  connections(server: number): number {
    return Atomics.load(this.words, this.serverAt(server) + SERVER.connections);
  }

  /** Requests in flight at `server` from this worker. */
  ownInFlight(server: number): number {
    return this.words[this.#shareAt(server) + SHARE.inFlight]!;
  }

  /** Connections open to `server` from this worker. */
  ownConnections(server: number): number {
    return this.words[this.#shareAt(server) + SHARE.connections]!;
  }

  /** The GATE bits of `server`; 0 is open. */
  gate(server: number): number {
    return Atomics.load(this.words, this.serverAt(server) + SERVER.gate);
  }

  /** Sets a gate bit and tells the pool's balancers. True when this call set it, false when it was set already. */
  closeGate(server: number, bit: number): boolean {
    const at = this.serverAt(server);
    if ((Atomics.or(this.words, at + SERVER.gate, bit) & bit) !== 0) return false;
    this.changed(this.words[at + SERVER.pool]!);
    return true;
  }

  /** Clears a gate bit and tells the pool's balancers. True when this call cleared it. */
  openGate(server: number, bit: number): boolean {
    const at = this.serverAt(server);
    if ((Atomics.and(this.words, at + SERVER.gate, ~bit) & bit) === 0) return false;
    this.changed(this.words[at + SERVER.pool]!);
    return true;
  }

  /** Makes every balancer of `pool`, in every worker, read its servers anew at its next pick. */
  changed(pool: number): void {
    Atomics.add(this.words, this.poolAt(pool) + POOL.version, 1);
  }

  /** Takes back what a dead worker had counted, and empties its slices. Only the primary, before a successor starts. */
  forgetWorker(worker: number): void {
    const { words, capacity } = this;
    for (let server = 0; server < capacity.servers; server++) {
      const at = this.#shareIn(this.#sharesAt + worker * BLOCK_SERVERS * SHARE.WORDS, server);
      Atomics.sub(words, this.serverAt(server) + SERVER.inFlight, words[at + SHARE.inFlight]!);
      Atomics.sub(words, this.serverAt(server) + SERVER.connections, words[at + SHARE.connections]!);
      words.fill(0, at, at + SHARE.WORDS);
    }
    for (let pool = 0; pool < capacity.pools; pool++) {
      const at = this.sliceAt(worker, pool);
      Atomics.sub(words, this.poolAt(pool) + POOL.waiting, words[at + SLICE.waiting]!);
      Atomics.sub(words, this.poolAt(pool) + POOL.inFlight, words[at + SLICE.inFlight]!);
      words[at + SLICE.waiting] = 0;
      words[at + SLICE.inFlight] = 0;
      Atomics.store(words, at + SLICE.oldestTicket, 0);
    }
  }

  /** What `server` is at the moment, for the admin API, logs and tests. */
  serverStatus(server: number): ServerStatus {
    const gate = this.gate(server);
    if (gate & GATE.GONE) return 'GONE';
    if (gate & GATE.MAINTENANCE) return 'MAINTENANCE';
    if (gate & GATE.DRAINING) return 'DRAINING';
    if (gate & GATE.DOWN) return 'DOWN';
    if (gate & GATE.EJECTED) return 'EJECTED';
    if (gate & GATE.UNCHECKED) return 'UNCHECKED';
    return this.words[this.serverAt(server) + SERVER.slowStarting] === 1 ? 'SLOW_START' : 'UP';
  }

  #shareAt(server: number): number {
    return this.#shareIn(this.#ownSharesAt, server);
  }

  /** First share word of a server in the row that begins at `rowAt` in the first block. */
  #shareIn(rowAt: number, server: number): number {
    const inBlock = (server & (BLOCK_SERVERS - 1)) * SHARE.WORDS;
    return rowAt + (server >> BLOCK_SERVERS_BITS) * this.#blockWords + inBlock;
  }

  get #blocks(): number {
    return (this.words.length - HEADER.WORDS) / this.#blockWords;
  }

  #measure(): void {
    const { capacity } = this;
    capacity.servers = Math.min(capacity.serversMax, this.#blocks * BLOCK_SERVERS);
    capacity.pools = Math.min(capacity.poolsMax, this.#blocks * BLOCK_POOLS);
  }
}

/** Where the sections of a block begin, and how long it is, in words. */
function block(workers: number) {
  const serversAt = BLOCK_POOLS * POOL.WORDS;
  const slicesAt = serversAt + BLOCK_SERVERS * SERVER.WORDS;
  const sharesAt = slicesAt + workers * BLOCK_POOLS * SLICE.WORDS;
  return { serversAt, slicesAt, sharesAt, words: sharesAt + (workers + 1) * BLOCK_SERVERS * SHARE.WORDS };
}
