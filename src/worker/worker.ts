// One worker: everything a thread owns, and the way from an event to the step that handles it.
// Owns the tables of connections and the shared tools of the steps. Leaves each step to the file named after it
// (LIFECYCLE.md tells their order), and the thread itself to thread.ts.

import { ServerState } from '../balance/server-state.js';
import { readClock, setNowUs } from '../base/clock.js';
import { TICK_MS } from '../base/tick.js';
import { closeClient, linger } from '../codec/close.js';
import { BACKEND, type BackendConnection, backendOf, CLIENT, type ClientConnection } from '../codec/connections.js';
import type { CodecContext } from '../codec/context.js';
import { CONSTANT_LINES } from '../codec/h1/gather-lines.js';
import { LongHeads } from '../codec/h1/long-head.js';
import { resume } from '../codec/h1/server.js';
import { backendStream } from '../codec/h1/streams.js';
import { Tokens } from '../codec/h1/tokens.js';
import type { Http2Connection } from '../codec/h2/connection.js';
import { goAway } from '../codec/h2/end-connection.js';
import { resumeStream } from '../codec/h2/read-body.js';
import { settleAll } from '../codec/h2/settle.js';
import { Http2Shared } from '../codec/h2/shared.js';
import type { Http2Stream } from '../codec/h2/stream.js';
import { touch } from '../codec/h2/touched.js';
import { handshakeDrop } from '../codec/raw/handshake.js';
import { ALERT } from '../codec/raw/read-hello.js';
import { Engine, eventAt, eventConn, eventKind, slotOf } from '../engine/engine.js';
import { CHUNK_BYTES, CONTROL, EVENT, EVENT_KIND } from '../engine/layout.js';
import { type Pinned, PinnedTexts, Writer } from '../engine/text.js';
import { type Attempt, endAttempt } from '../exchange/attempt.js';
import type { ClientAddressField } from '../exchange/client-address.js';
import { Counters } from '../exchange/counters.js';
import { Deadlines } from '../exchange/deadlines.js';
import { endExchange } from '../exchange/end.js';
import type { ErrorPages } from '../exchange/error-pages.js';
import { exchangeLate } from '../exchange/events.js';
import { type Exchange, STAGE } from '../exchange/exchange.js';
import { HOLD } from '../exchange/filter.js';
import { HeadEdit } from '../exchange/head-edit.js';
import { serveLines } from '../exchange/lines.js';
import { Observers } from '../exchange/observer.js';
import { BodyPiece } from '../exchange/piece.js';
import { type Pool, type Server, Servers } from '../exchange/pools.js';
import { RequestIds } from '../exchange/request-id.js';
import type { Limits, Timeouts } from '../exchange/settings.js';
import type { BackendStream, ClientSide, ClientStream } from '../exchange/streams.js';
import type { Ticks } from '../exchange/ticks.js';
import type { Trust } from '../exchange/trust.js';
import { Framing } from '../http/framing.js';
import { Llhttp } from '../http/llhttp.js';
import type { ReasonCode } from '../http/reasons.js';
import { type LimitBuffers, SharedLimits } from '../limits/shared-limits.js';
import { ExchangeCounts } from '../observe/exchange-counts.js';
import { AccessRecorder } from '../observe/log/recorder.js';
import { LogWake, RingWriter } from '../observe/log/ring.js';
import type { WorkerMemory } from '../observe/metrics/layout.js';
import { MetricsRecorder } from '../observe/metrics/recorder.js';
import type { SeriesPart } from '../observe/metrics/series.js';
import type { Matcher } from '../routing/matcher.js';
import { accepted } from './accept.js';
import { applySnapshot } from './apply-snapshot.js';
import { clientStream } from './client-stream.js';
import { backendEvent, backendExpired, clientEvent, clientExpired } from './dispatch.js';
import { Figures } from './figures.js';
import { WorkerFilterTools } from './filter-tools.js';
import { WorkerListeners } from './listener.js';
import type { PreparedRule } from './prepared-rule.js';
import { reportOf } from './report.js';
import { Scratch } from './scratch.js';
import { type RoutingPart, type SettingsPart, type Snapshot, type SnapshotChange, wholeSnapshot } from './snapshot.js';
import { Connections } from './tables.js';

interface WorkerOptions {
  index: number;
  snapshot: Snapshot;
  /** The shared server state. */
  servers: SharedArrayBuffer;
  /** What it counts in for metrics. */
  metrics: WorkerMemory;
  /** What all workers share to count by key. */
  limits: LimitBuffers;
  /** Where it records what the access log gets, and what wakes the log thread. */
  logRing: SharedArrayBuffer;
  logWake: SharedArrayBuffer;
  /** Accept from the listeners here, instead of being handed sockets. */
  acceptShared: boolean;
  /** Called once when a drain has ended: no connection is left, or the time is over and `cut` of them are. */
  onDrained(cut: number): void;
}

/** Connections to backends a worker may have beside its client connections: one each, and the idle ones. */
const BACKENDS_PER_CLIENT = 1;
const SLOTS_SPARE = 4096;
/** Streams of HTTP/2 a worker may have at once, for each client connection it may have: each may need a connection to a server. */
const STREAMS_PER_CLIENT = 1;
/** And besides, so that a worker with few connections can have streams enough on each. */
const STREAMS_SPARE = 1024;

/** In a drain, how long a new connection still has for its first request, and for a handshake before it. */
const FIRST_REQUEST_MS = 1000;

export class Worker implements CodecContext {
  readonly index: number;
  readonly llhttp: Llhttp;
  /** The memory that slab and parsers lie in. */
  readonly memory: Uint8Array;
  /** Heads under way that may outgrow a chunk. */
  readonly longHeads: LongHeads;
  readonly engine: Engine;
  readonly deadlines: Deadlines;
  readonly exchangeDeadlines: Deadlines;
  readonly attemptDeadlines: Deadlines;
  readonly state: ServerState;
  readonly servers: Servers;
  readonly limitTables: SharedLimits;
  readonly pinned: PinnedTexts;
  readonly writer: Writer;
  readonly connections: Connections;
  readonly http2: Http2Shared;
  readonly clientStream: ClientStream = clientStream;
  readonly backendStream: BackendStream = backendStream;
  readonly piece = new BodyPiece();
  readonly rest = { at: 0, bytes: 0 };
  readonly woken: ClientConnection[] = [];
  readonly ids: RequestIds;
  readonly counters = new Counters();
  readonly exchangeCounts = new ExchangeCounts(this.counters.reasons);
  readonly metrics: MetricsRecorder;
  /** What sees exchanges, attempts and connections as they end. */
  readonly observers: Observers;
  readonly #accessRecorder: AccessRecorder;
  readonly framing = new Framing();
  readonly tokens = new Tokens();
  /** What filters change in a head, filled for each that they have a say in. */
  readonly headEdit = new HeadEdit();
  /** The same while that head is listed, else null. */
  edit: HeadEdit | null = null;
  readonly filterTools: WorkerFilterTools;
  /** Pools that get a copy of the request whose head is being filtered, once it has gone out. */
  readonly copiesDue: Pool[] = [];
  /** While the head of a request is listed whose listener knows its clients by a field of their own: that field, else null. */
  clientField: ClientAddressField | null = null;
  /** The request listed with `clientField` comes from a trusted peer. */
  clientFieldTrusted = false;
  // What `applySnapshot` makes of the parts of a snapshot, first in the constructor.
  routing!: RoutingPart;
  series!: SeriesPart;
  settings!: SettingsPart;
  limits!: Limits;
  timeouts!: Timeouts;
  ticks!: Ticks;
  trust!: Trust;
  matcher!: Matcher;
  /** Of all requests; those of a rule go first. */
  errorPages!: ErrorPages;
  rules: readonly PreparedRule[] = [];
  /** By the index that rules and listeners refer to. The same array, which they hold, until pools come, go or change places. */
  pools: Pool[] = [];
  readonly poolsByName = new Map<string, Pool>();
  /** Pools whose requests may have to wait for room. */
  limitedPools: readonly Pool[] = [];
  /** Some listener or rule does not merge runs of `/`. */
  distinguishesSlashes = false;
  /** Number of the batch of events being handled, or of the last one: what it reports came before what it makes us send. */
  batch = 0;
  /** A request ended somewhere: who waits may have room now. */
  roomFreed = false;
  closed = false;
  readonly listeners = new WorkerListeners();
  draining = false;
  /** TLS handshakes under way. */
  handshakes = 0;
  /** Copies of requests under way to mirrors. */
  mirrors = 0;
  /** Lines that every message may need. */
  readonly lineEnd: Pinned;
  readonly lineClose: Pinned;
  /** The target of a request about the server itself. */
  readonly asterisk: Pinned;
  readonly lineKeepAlive: Pinned;
  readonly lineChunked: Pinned;
  readonly lastChunk: Pinned;
  readonly chunkCount: number;
  readonly #scratch: Scratch;
  readonly #timer: NodeJS.Timeout;
  readonly #startedAt = performance.now();
  readonly #figures = new Figures(this);
  readonly #onDrained: (cut: number) => void;
  readonly #acceptShared: boolean;
  #listening = new Set<number>();
  #drainUntil = 0;

  constructor(options: WorkerOptions) {
    const { snapshot } = options;
    const { settings } = snapshot;
    const slotCount = settings.limits.connectionsMax * (1 + BACKENDS_PER_CLIENT) + SLOTS_SPARE;
    const chunkCount = Math.floor(settings.limits.slabBytes / CHUNK_BYTES);
    this.index = options.index;
    this.chunkCount = chunkCount;
    this.metrics = new MetricsRecorder(options.metrics);
    this.observers = new Observers([this.exchangeCounts, this.metrics]);
    this.#onDrained = options.onDrained;
    this.llhttp = new Llhttp({ slabBytes: chunkCount * CHUNK_BYTES, parsersMax: slotCount });
    this.memory = this.llhttp.bytes;
    this.longHeads = new LongHeads(settings.limits.slabBytes);
    const streamsMax = settings.limits.connectionsMax * STREAMS_PER_CLIENT + STREAMS_SPARE;
    this.connections = new Connections(this.memory, slotCount, streamsMax);
    this.deadlines = new Deadlines(slotCount);
    this.exchangeDeadlines = new Deadlines(slotCount + streamsMax);
    // One for each exchange, and one for each copy.
    this.attemptDeadlines = new Deadlines(2 * slotCount + streamsMax);
    this.engine = new Engine({
      memory: this.memory.buffer as ArrayBuffer,
      slabAt: this.llhttp.slabAt,
      chunkCount,
      connectionsMax: settings.limits.connectionsMax,
      slotCount,
      onEvents: (events, count) => this.#dispatch(events, count),
    });
    this.state = new ServerState(options.servers, options.index);
    this.servers = new Servers(this.engine);
    this.limitTables = new SharedLimits(options.limits, options.index);
    this.pinned = new PinnedTexts(this.engine, this.memory);
    this.lineEnd = this.pinned.pin('\r\n');
    this.lineClose = this.pinned.pin('Connection: close\r\n');
    this.asterisk = this.pinned.pin('*');
    this.lineKeepAlive = this.pinned.pin('Connection: keep-alive\r\n');
    this.lineChunked = this.pinned.pin('Transfer-Encoding: chunked\r\n');
    this.lastChunk = this.pinned.pin('0\r\n\r\n');
    for (const text of [...CONSTANT_LINES, ...Object.values(ALERT)]) this.pinned.pin(text);
    this.writer = new Writer(this.memory);
    this.http2 = new Http2Shared(this.memory, this.engine);
    this.#scratch = new Scratch(this.engine, this.writer);
    this.ids = new RequestIds();
    this.#accessRecorder = new AccessRecorder({
      ring: new RingWriter(options.logRing, new LogWake(options.logWake)),
      memory: this.memory,
      peers: this.engine.peers,
      idPrefix: this.ids.prefix,
    });
    this.filterTools = new WorkerFilterTools(this);
    this.#acceptShared = options.acceptShared;
    applySnapshot(this, wholeSnapshot(snapshot));
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.engine.run();
  }

  /** Applies what is new in a snapshot. */
  apply(change: SnapshotChange): void {
    this.step(() => {
      // Connections that were handed over before may be of a listener that is gone from it.
      this.engine.run();
      applySnapshot(this, change);
    });
  }

  /** The pool of this name in the snapshot that holds, or undefined. */
  poolNamed(name: string): Pool | undefined {
    return this.poolsByName.get(name);
  }

  /** Accepts nothing more, lets what runs finish, and calls `onDrained` when all is done or `drainMs` is over. */
  drain(): void {
    if (this.draining) return;
    this.draining = true;
    this.#drainUntil = performance.now() + this.timeouts.drainMs;
    for (const listener of this.#listening) this.engine.listenEnd(listener);
    this.#listening.clear();
    this.ticks = this.ticks.hurried(FIRST_REQUEST_MS);
    this.connections.eachClient((client) => {
      // A new connection is for a request that is on its way, and that no client sends again as it does on a kept one. One
      // of a raw listener is for a tunnel, which would be begun only to be cut.
      const awaits = client.headTimed && client.listener.plan.protocol !== 'tls';
      const isNew = client.state === CLIENT.PROXY || (client.state === CLIENT.IDLE && awaits);
      if (client.http2 !== null) drainHttp2(this, client.http2);
      else if (isNew) this.deadlines.set(client.slot, this.ticks.requestHead);
      else if (client.state === CLIENT.IDLE) linger(this, client);
      else if (client.state === CLIENT.HELLO) closeClient(this, client);
    });
    settleAll(this);
    this.engine.run();
    this.#checkDrained();
  }

  /**
   * Closes everything at once: what is idle in good order, all else with a reset, since an answer, an upload or a tunnel is
   * cut in the middle.
   */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.#timer);
    readClock();
    this.connections.eachBackend(({ conn, state }) => {
      if (state === BACKEND.IDLE) this.engine.closeConn(conn);
    });
    this.connections.eachClient(({ conn, state, http2 }) => {
      if (state === CLIENT.IDLE || http2?.streams.size === 0) this.engine.closeConn(conn);
    });
    this.connections.eachExchange((x) => this.#cut(x));
    this.connections.eachClient((client) => this.#connectionEnded(client));
    this.engine.close();
  }

  /** The worker closes: what is under way ends, so that the observers see it. */
  #cut(x: Exchange): void {
    if (x.stage === STAGE.FREE) return;
    x.reason ??= 'SHUT_DOWN';
    if (x.attempt.isOpen) {
      x.attempt.reason = 'SHUT_DOWN';
      endAttempt(this, x.attempt);
    }
    endExchange(this, x);
  }

  #connectionEnded(client: ClientConnection): void {
    const { connectionEnded } = this.observers;
    for (let i = 0; i < connectionEnded.length; i++) connectionEnded[i]!.connectionEnded(client);
  }

  clientFree(client: ClientConnection): void {
    if (client.place !== HOLD.NONE) this.limitTables.concurrency.leave(client.place);
    client.place = HOLD.NONE;
    handshakeDrop(this, client);
    this.deadlines.clear(client.slot);
    this.#connectionEnded(client);
    this.connections.freeClient(client);
  }

  streamOpen(): Http2Stream | null {
    return this.connections.openStream();
  }

  streamFree(stream: Http2Stream): void {
    this.connections.freeStream(stream);
  }

  copyTake(x: Exchange): Attempt {
    return this.connections.openCopy(x);
  }

  copyFree(copy: Attempt): void {
    this.connections.freeCopy(copy);
  }

  backendOpen(conn: number, server: Server, attempt: Attempt): BackendConnection {
    return this.connections.openBackend(conn, server, attempt);
  }

  backendFree(backend: BackendConnection): void {
    this.deadlines.clear(backend.slot);
    this.connections.freeBackend(backend);
  }

  scratch(bytes: number): number {
    return this.#scratch.take(bytes);
  }

  scratchKeep(): void {
    this.#scratch.keep();
  }

  /** True when chunks are getting scarce: what is only kept in case should be given back. */
  slabIsTight(): boolean {
    return this.engine.freeChunks * 2 < this.chunkCount;
  }

  forwardingOf({ tls, listener }: ClientSide): Pinned | null {
    return tls === null ? listener.forwarding : listener.forwardingSecure;
  }

  strictTransportOf({ tls, listener }: ClientSide): string {
    return tls === null ? '' : listener.strictTransport;
  }

  serveLines(): void {
    this.step(() => serveLines(this));
  }

  /** Takes a step outside of a batch of events, and goes on with what it made possible. */
  step(take: () => void): void {
    if (this.closed) return;
    readClock();
    take();
    this.#resumeWoken();
    settleAll(this);
    this.engine.run();
  }

  count(reason: ReasonCode): void {
    this.counters.reasons.add(reason);
  }

  /** What an operator, or a test that looks for leaks, wants to know. */
  report() {
    return reportOf(this);
  }

  /** Accepts from the listeners of the settings and no others, when workers accept for themselves. */
  listen(): void {
    if (!this.#acceptShared || this.draining) return;
    const wanted = new Set(this.settings.listeners.map(({ listener }) => listener));
    for (const listener of this.#listening) if (!wanted.has(listener)) this.engine.listenEnd(listener);
    for (const listener of wanted) if (!this.#listening.has(listener)) this.engine.listen(listener);
    this.#listening = wanted;
  }

  /** Other listeners and rules hold: records what their access logs want, where any has one. */
  renewLogs(): void {
    this.#accessRecorder.forgetNames();
    const isLogged = this.settings.listeners.some(({ accessLogs }) => accessLogs.set >= 0);
    // Once on, it stays on: connections of listeners that are gone keep their logs.
    if (isLogged && !this.#isLogged) this.observers.watch(this.#accessRecorder, true);
    this.#isLogged ||= isLogged;
  }

  #isLogged = false;

  #dispatch(events: Int32Array, count: number): void {
    this.batch = (this.batch + 1) | 0;
    setNowUs(this.engine.batchUs);
    const end = count * EVENT.WORDS;
    for (let at = 0; at < end; at += EVENT.WORDS) {
      const conn = eventConn(events, at);
      const slot = slotOf(conn);
      if (eventKind(events, at) === EVENT_KIND.accepted) {
        accepted(this, conn, eventAt(events, at));
        continue;
      }
      const client = this.connections.clientAt(slot);
      if (client !== null && client.conn === conn) {
        clientEvent(this, client, events, at);
      } else {
        const backend = this.connections.backendAt(slot);
        if (backend !== null && backend.conn === conn) backendEvent(this, backend, events, at);
        // Closed earlier in this batch: what it received goes back.
        else if (holdsChunk(eventKind(events, at))) this.engine.release(eventAt(events, at));
      }
      if (this.woken.length > 0 || this.http2.woken.length > 0) this.#resumeWoken();
    }
    if (this.roomFreed && this.limitedPools.length > 0) {
      serveLines(this);
      this.#resumeWoken();
    }
    if (this.http2.touched.length > 0) settleAll(this);
  }

  /** Reads on with what clients have sent already. The one place that does: no step of an exchange calls back into reading. */
  #resumeWoken(): void {
    // Popped, since setting a length gives the array's memory back: every POST would allocate it anew.
    for (let client = this.woken.pop(); client !== undefined; client = this.woken.pop()) resume(this, client);
    const { woken } = this.http2;
    for (let stream = woken.pop(); stream !== undefined; stream = woken.pop()) resumeStream(this, stream);
  }

  /** The deadline of a connection has passed. */
  readonly #connectionLate = (slot: number): void => {
    const client = this.connections.clientAt(slot);
    const backend = client === null ? this.connections.backendAt(slot) : null;
    if (client !== null) clientExpired(this, client);
    else if (backend !== null) backendExpired(this, backend);
    this.#resumeWoken();
  };

  readonly #exchangeLate = (id: number): void => {
    exchangeLate(this, this.connections.exchangeAt(id));
    this.#resumeWoken();
  };

  readonly #attemptLate = (id: number): void => {
    backendExpired(this, backendOf(this.connections.attemptAt(id)));
    this.#resumeWoken();
  };

  #tick(): void {
    const at = performance.now();
    const now = Math.floor((at - this.#startedAt) / TICK_MS) + 1;
    this.deadlines.now = now;
    this.exchangeDeadlines.now = now;
    this.attemptDeadlines.now = now;
    // What has arrived comes first: after a pause of this thread it may be what a deadline waited for.
    this.engine.run();
    readClock();
    this.deadlines.sweep(now, this.#connectionLate);
    this.exchangeDeadlines.sweep(now, this.#exchangeLate);
    this.attemptDeadlines.sweep(now, this.#attemptLate);
    if (this.limitedPools.length > 0) serveLines(this);
    this.#resumeWoken();
    settleAll(this);
    this.engine.run();
    this.metrics.copy(this.#figures.gather(at));
    if (this.draining) this.#checkDrained();
  }

  #checkDrained(): void {
    const left = this.engine.counter(CONTROL.clientConnections);
    if (left > 0 && performance.now() < this.#drainUntil) return;
    this.close();
    this.#onDrained(left);
  }

  /** Chunks that connections and their requests hold. Allocates nothing. */
  get chunksUsed(): number {
    const kept = this.pinned.heldCount + this.http2.chunksKeptCount + (this.#scratch.chunk < 0 ? 0 : 1);
    return this.chunkCount - this.engine.freeChunks - kept;
  }

  /** The chunks held by no connection: constants, and scratch memory. */
  get chunksKept(): readonly number[] {
    const { chunk } = this.#scratch;
    const kept = [...this.pinned.held, ...this.http2.chunksKept];
    return chunk < 0 ? kept : [...kept, chunk];
  }
}

/** A drain: what runs on the connection finishes; one that has had no request yet has some time for its first. */
function drainHttp2(w: Worker, c: Http2Connection): void {
  if (c.requests > 0) goAway(w, c);
  else c.idleAt = w.deadlines.now + w.ticks.requestHead;
  touch(w, c);
}

/** Events whose receiver owns a chunk. */
function holdsChunk(kind: number): boolean {
  return kind === EVENT_KIND.data || kind === EVENT_KIND.tlsReady;
}
