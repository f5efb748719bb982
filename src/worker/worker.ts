// One worker: everything a thread owns, and the way from an event to the step that handles it.
// Owns the tables of connections and the shared tools of the steps. Leaves each step to the file named after it
// (LIFECYCLE.md tells their order), and the thread itself to thread.ts.

import { ServerState } from '../balance/server-state.js';
import { Tried } from '../balance/view.js';
import { assert } from '../base/assert.js';
import { TICK_MS } from '../base/tick.js';
import { BACKEND, BackendConnection, CLIENT, ClientConnection } from '../codec/connections.js';
import { backendFlow, clientFlow } from '../codec/flow.js';
import {
  backendConnected,
  backendData,
  backendEnded,
  backendFailed,
  backendFinished,
  backendLate,
} from '../codec/h1/client.js';
import { linger } from '../codec/h1/finish.js';
import { LongHeads } from '../codec/h1/long-head.js';
import { CONSTANT_LINES } from '../codec/h1/send-head.js';
import {
  clientData,
  clientEnded,
  clientFailed,
  clientFinished,
  clientLate,
  closeClient,
  serve,
} from '../codec/h1/server.js';
import { Tokens } from '../codec/h1/tokens.js';
import {
  isRawBackend,
  isRawClient,
  rawBackendEvent,
  rawBackendLate,
  rawClientEvent,
  rawClientLate,
} from '../codec/raw/events.js';
import { certificateFailed, handshakeDrop } from '../codec/raw/handshake.js';
import { ALERT } from '../codec/raw/read-hello.js';
import { Engine, eventAt, eventBytes, eventConn, eventKind, slotOf } from '../engine/engine.js';
import { CHUNK_BYTES, CONTROL, EVENT, EVENT_KIND } from '../engine/layout.js';
import { type Pinned, PinnedTexts, Writer } from '../engine/text.js';
import type { ClientAddressField } from '../exchange/client-address.js';
import { clientAddressText } from '../exchange/client-address.js';
import type { Context } from '../exchange/context.js';
import { Counters } from '../exchange/counters.js';
import { Deadlines } from '../exchange/deadlines.js';
import type { ErrorPages } from '../exchange/error-pages.js';
import { HeadEdit } from '../exchange/head-edit.js';
import type { Observer } from '../exchange/observer.js';
import { type Pool, Servers } from '../exchange/pools.js';
import { RequestIds } from '../exchange/request-id.js';
import type { Limits, Timeouts } from '../exchange/settings.js';
import type { Ticks } from '../exchange/ticks.js';
import type { Trust } from '../exchange/trust.js';
import { serveLines } from '../exchange/waiting.js';
import { Framing } from '../http/framing.js';
import { Llhttp } from '../http/llhttp.js';
import type { ReasonCode } from '../http/reasons.js';
import { ExchangeCounts } from '../observe/exchange-counts.js';
import type { Matcher } from '../routing/matcher.js';
import { accepted, clientNotSecured, clientSecured, isOpening, openingEvent, openingLate } from './accept.js';
import { applySnapshot } from './apply-snapshot.js';
import { WorkerFilterTools } from './filter-tools.js';
import { checkInvariants } from './invariants.js';
import { WorkerListeners } from './listener.js';
import type { Rule } from './rules.js';
import { type RoutingPart, type SettingsPart, type Snapshot, type SnapshotChange, wholeSnapshot } from './snapshot.js';

export interface WorkerOptions {
  index: number;
  snapshot: Snapshot;
  /** The shared server state. */
  servers: SharedArrayBuffer;
  /** Accept from the listeners here, instead of being handed sockets. */
  acceptShared: boolean;
  /** Called once when a drain has ended: no connection is left, or the time is over and `cut` of them are. */
  onDrained(cut: number): void;
}

/** Connections to backends a worker may have beside its client connections: one each, and the idle ones. */
const BACKENDS_PER_CLIENT = 1;
const SLOTS_SPARE = 4096;

/** A report looks over the whole worker for rules of its own that are broken: slow, so only where it is asked for. */
const CHECKS = process.env.SEVENFOLD_CHECKS === '1';

export class Worker implements Context {
  readonly index: number;
  readonly llhttp: Llhttp;
  /** The memory that slab and parsers lie in. */
  readonly memory: Uint8Array;
  /** Heads under way that may outgrow a chunk. */
  readonly longHeads: LongHeads;
  readonly engine: Engine;
  readonly deadlines: Deadlines;
  readonly state: ServerState;
  readonly servers: Servers;
  readonly pinned: PinnedTexts;
  readonly writer: Writer;
  readonly ids: RequestIds;
  readonly counters = new Counters();
  readonly exchangeCounts = new ExchangeCounts(this.counters.reasons);
  /** What sees every exchange as it ends. */
  readonly observers: readonly Observer[] = [this.exchangeCounts];
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
  settings!: SettingsPart;
  limits!: Limits;
  timeouts!: Timeouts;
  ticks!: Ticks;
  trust!: Trust;
  matcher!: Matcher;
  /** Of all requests; those of a rule go first. */
  errorPages!: ErrorPages;
  rules: readonly Rule[] = [];
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
  readonly #chunkCount: number;
  readonly #clientBySlot: (ClientConnection | null)[];
  readonly #backendBySlot: (BackendConnection | null)[];
  readonly #idleClients: ClientConnection[] = [];
  readonly #idleBackends: BackendConnection[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #startedAt = performance.now();
  readonly #onDrained: (cut: number) => void;
  readonly #acceptShared: boolean;
  #listening = new Set<number>();
  #drainUntil = 0;
  #scratchChunk = -1;
  #scratchAt = 0;
  #scratchRoom = 0;

  constructor(options: WorkerOptions) {
    const { snapshot } = options;
    const { settings } = snapshot;
    const slotCount = settings.limits.connectionsMax * (1 + BACKENDS_PER_CLIENT) + SLOTS_SPARE;
    const chunkCount = Math.floor(settings.limits.slabBytes / CHUNK_BYTES);
    this.index = options.index;
    this.#chunkCount = chunkCount;
    this.#onDrained = options.onDrained;
    this.llhttp = new Llhttp({ slabBytes: chunkCount * CHUNK_BYTES, parsersMax: slotCount });
    this.memory = this.llhttp.bytes;
    this.longHeads = new LongHeads(settings.limits.slabBytes);
    this.#clientBySlot = new Array<ClientConnection | null>(slotCount).fill(null);
    this.#backendBySlot = new Array<BackendConnection | null>(slotCount).fill(null);
    this.deadlines = new Deadlines(slotCount);
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
    this.pinned = new PinnedTexts(this.engine, this.memory);
    this.lineEnd = this.pinned.pin('\r\n');
    this.lineClose = this.pinned.pin('Connection: close\r\n');
    this.asterisk = this.pinned.pin('*');
    this.lineKeepAlive = this.pinned.pin('Connection: keep-alive\r\n');
    this.lineChunked = this.pinned.pin('Transfer-Encoding: chunked\r\n');
    this.lastChunk = this.pinned.pin('0\r\n\r\n');
    for (const text of [...CONSTANT_LINES, ...Object.values(ALERT)]) this.pinned.pin(text);
    this.writer = new Writer(this.memory);
    this.ids = new RequestIds();
    this.filterTools = new WorkerFilterTools(this);
    this.#acceptShared = options.acceptShared;
    applySnapshot(this, wholeSnapshot(snapshot));
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.engine.run();
  }

  /** Applies what is new in a snapshot. */
  apply(change: SnapshotChange): void {
    applySnapshot(this, change);
    this.engine.run();
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
    this.eachClient((client) => {
      if (client.state === CLIENT.IDLE) linger(this, client);
      else if (client.state === CLIENT.PROXY || client.state === CLIENT.HELLO) closeClient(this, client);
    });
    this.engine.run();
    this.#checkDrained();
  }

  /**
   * Closes everything at once: what is idle in good order, all else with a reset, since an answer, an upload or a tunnel is
   * cut in the middle.
   */
  close(): void {
    this.closed = true;
    clearInterval(this.#timer);
    for (const backend of this.#backendBySlot)
      if (backend !== null && backend.state === BACKEND.IDLE) this.engine.closeConn(backend.conn);
    for (const client of this.#clientBySlot)
      if (client !== null && client.state === CLIENT.IDLE) this.engine.closeConn(client.conn);
    this.engine.close();
  }

  /** A client connection for a handle the engine reported. */
  clientOpen(conn: number): ClientConnection {
    const client = this.#idleClients.pop() ?? new ClientConnection(this.memory, new Tried());
    client.conn = conn;
    client.slot = slotOf(conn);
    this.#clientBySlot[client.slot] = client;
    return client;
  }

  /** Puts a client connection back whose handle has been given up. */
  clientFree(client: ClientConnection): void {
    handshakeDrop(this, client);
    this.deadlines.clear(client.slot);
    this.#clientBySlot[client.slot] = null;
    client.to(CLIENT.CLOSED);
    this.#idleClients.push(client);
  }

  backendOpen(conn: number): BackendConnection {
    const backend = this.#idleBackends.pop() ?? new BackendConnection();
    backend.conn = conn;
    backend.slot = slotOf(conn);
    this.#backendBySlot[backend.slot] = backend;
    return backend;
  }

  backendFree(backend: BackendConnection): void {
    this.deadlines.clear(backend.slot);
    this.#backendBySlot[backend.slot] = null;
    backend.to(BACKEND.CLOSED);
    this.#idleBackends.push(backend);
  }

  /**
   * Points `writer` at `bytes` free bytes that stay good until the next batch, longer for what was sent or retained.
   * Returns the address, or -1 when the slab is full.
   */
  scratch(bytes: number): number {
    if (this.#scratchRoom < bytes) {
      const chunk = this.engine.chunkTake();
      if (chunk < 0) return -1;
      if (this.#scratchChunk >= 0) this.engine.release(this.#scratchChunk);
      this.#scratchChunk = chunk;
      this.#scratchAt = chunk;
      this.#scratchRoom = CHUNK_BYTES;
    }
    this.writer.at = this.#scratchAt;
    return this.#scratchAt;
  }

  /** Keeps what was written to scratch memory up to `writer.at`. */
  scratchKeep(): void {
    const used = this.writer.at - this.#scratchAt;
    assert(used <= this.#scratchRoom, 'what is written to scratch memory stays in its chunk');
    this.#scratchRoom -= used;
    this.#scratchAt = this.writer.at;
  }

  /** True when chunks are getting scarce: what is only kept in case should be given back. */
  slabIsTight(): boolean {
    return this.engine.freeChunks * 2 < this.#chunkCount;
  }

  /** The address of the client as text: what a trusted peer stated for this request, or its own. Empty when it has none. */
  addressOf(client: ClientConnection): string {
    return clientAddressText(this.engine.peers, client.x);
  }

  /** The forwarding lines that are the same for every stranger at this listener; null when the slab had no room for them. */
  forwardingOf(client: ClientConnection): Pinned | null {
    return client.tls === null ? client.listener.forwarding : client.listener.forwardingSecure;
  }

  /** The Strict-Transport-Security line for responses to this client; empty for none. */
  strictTransportOf(client: ClientConnection): string {
    return client.tls === null ? '' : client.listener.strictTransport;
  }

  count(reason: ReasonCode): void {
    this.counters.reasons.set(reason, (this.counters.reasons.get(reason) ?? 0) + 1);
  }

  /** What an operator, or a test that looks for leaks, wants to know. */
  report() {
    const { engine } = this;
    return {
      worker: this.index,
      requests: this.counters.requests,
      applied: this.counters.applied,
      exchangesEnded: this.exchangeCounts.ended,
      exchangesByStatusClass: this.exchangeCounts.byClass,
      accepted: this.counters.accepted,
      backendsOpened: this.counters.opened,
      backendsReused: this.counters.reused,
      retries: this.counters.retries,
      fallbacks: this.counters.fallbacks,
      bodiesNotKept: Object.fromEntries(this.counters.bodiesNotKept),
      connections: engine.counter(CONTROL.connections),
      clientConnections: engine.counter(CONTROL.clientConnections),
      chunksUsed: this.#chunkCount - engine.freeChunks - this.pinned.held.length - (this.#scratchChunk >= 0 ? 1 : 0),
      spansQueued: engine.counter(CONTROL.queuedSpans),
      bytesQueued: engine.counter(CONTROL.queuedBytes),
      slabFull: engine.counter(CONTROL.slabFull),
      refused: engine.counter(CONTROL.refused),
      acceptPauses: engine.counter(CONTROL.acceptPauses),
      parsersUsed: this.llhttp.used,
      handshakes: this.counters.handshakes,
      resumptions: this.counters.resumptions,
      handshakesFailed: this.counters.handshakesFailed,
      handshakesRefused: this.counters.handshakesRefused,
      certificatesRefused: Object.fromEntries(this.counters.certificatesRefused),
      handshaking: this.handshakes,
      mirrors: this.mirrors,
      mirrored: this.counters.mirrored,
      mirrorsDropped: Object.fromEntries(this.counters.mirrorsDropped),
      secured: engine.counter(CONTROL.secured),
      reasons: Object.fromEntries(this.counters.reasons),
      violations: CHECKS ? checkInvariants(this) : undefined,
    };
  }

  /** Accepts from the listeners of the settings and no others, when workers accept for themselves. */
  listen(): void {
    if (!this.#acceptShared || this.draining) return;
    const wanted = new Set(this.settings.listeners.map(({ listener }) => listener));
    for (const listener of this.#listening) if (!wanted.has(listener)) this.engine.listenEnd(listener);
    for (const listener of wanted) if (!this.#listening.has(listener)) this.engine.listen(listener);
    this.#listening = wanted;
  }

  #dispatch(events: Int32Array, count: number): void {
    this.batch = (this.batch + 1) | 0;
    const end = count * EVENT.WORDS;
    for (let at = 0; at < end; at += EVENT.WORDS) {
      const conn = eventConn(events, at);
      const slot = slotOf(conn);
      if (eventKind(events, at) === EVENT_KIND.accepted) {
        accepted(this, conn, eventAt(events, at));
        continue;
      }
      const client = this.#clientBySlot[slot]!;
      if (client !== null && client.conn === conn) {
        this.#clientEvent(client, events, at);
        continue;
      }
      const backend = this.#backendBySlot[slot]!;
      if (backend !== null && backend.conn === conn) this.#backendEvent(backend, events, at);
      // Closed earlier in this batch: what it received goes back.
      else if (holdsChunk(eventKind(events, at))) this.engine.release(eventAt(events, at));
    }
    if (this.roomFreed && this.limitedPools.length > 0) serveLines(this);
  }

  #clientEvent(client: ClientConnection, events: Int32Array, at: number): void {
    const kind = eventKind(events, at);
    if (kind === EVENT_KIND.blocked || kind === EVENT_KIND.drained) {
      clientFlow(this, client, kind === EVENT_KIND.blocked);
      if (!client.blocked) serve(this, client);
    } else if (isRawClient(client)) {
      rawClientEvent(this, client, kind, eventAt(events, at), eventBytes(events, at));
    } else if (isOpening(client)) {
      openingEvent(this, client, kind, eventAt(events, at), eventBytes(events, at));
    } else {
      this.#httpEvent(client, events, at);
    }
  }

  #httpEvent(client: ClientConnection, events: Int32Array, at: number): void {
    switch (eventKind(events, at)) {
      case EVENT_KIND.data:
        clientData(this, client, eventAt(events, at), eventBytes(events, at));
        break;
      case EVENT_KIND.eof:
        clientEnded(this, client);
        break;
      case EVENT_KIND.finished:
        clientFinished(this, client);
        break;
      case EVENT_KIND.tlsReady:
        clientSecured(this, client, eventAt(events, at));
        break;
      case EVENT_KIND.tlsFailed:
        clientNotSecured(this, client, eventAt(events, at));
        break;
      case EVENT_KIND.error:
        certificateFailed(this, eventAt(events, at));
        clientFailed(this, client);
        break;
    }
  }

  #backendEvent(backend: BackendConnection, events: Int32Array, at: number): void {
    const kind = eventKind(events, at);
    if (kind === EVENT_KIND.blocked || kind === EVENT_KIND.drained) {
      backendFlow(this, backend, kind === EVENT_KIND.blocked);
      return;
    }
    if (isRawBackend(backend)) {
      rawBackendEvent(this, backend, kind, eventAt(events, at), eventBytes(events, at));
      return;
    }
    switch (kind) {
      case EVENT_KIND.data:
        backendData(this, backend, eventAt(events, at), eventBytes(events, at));
        break;
      case EVENT_KIND.connected:
        backendConnected(this, backend);
        break;
      case EVENT_KIND.eof:
        backendEnded(this, backend);
        break;
      case EVENT_KIND.finished:
        backendFinished(backend);
        break;
      case EVENT_KIND.error:
        backendFailed(this, backend, eventAt(events, at));
        break;
    }
  }

  readonly #late = (slot: number): void => {
    const client = this.#clientBySlot[slot]!;
    if (client !== null) {
      if (isRawClient(client)) rawClientLate(this, client);
      else if (isOpening(client)) openingLate(this, client);
      else clientLate(this, client);
      return;
    }
    const backend = this.#backendBySlot[slot]!;
    if (backend === null) return;
    if (isRawBackend(backend)) rawBackendLate(this, backend);
    else backendLate(this, backend);
  };

  #tick(): void {
    const now = Math.floor((performance.now() - this.#startedAt) / TICK_MS) + 1;
    this.deadlines.now = now;
    // What has arrived comes first: after a pause of this thread it may be what a deadline waited for.
    this.engine.run();
    this.deadlines.sweep(now, this.#late);
    if (this.limitedPools.length > 0) serveLines(this);
    this.engine.run();
    if (this.draining) this.#checkDrained();
  }

  #checkDrained(): void {
    const left = this.engine.counter(CONTROL.clientConnections);
    if (left > 0 && performance.now() < this.#drainUntil) return;
    this.close();
    this.#onDrained(left);
  }

  /** Every client connection and the slot it stands in. */
  eachClient(visit: (client: ClientConnection, slot: number) => void): void {
    const clients = this.#clientBySlot;
    for (let slot = 0; slot < clients.length; slot++) {
      const client = clients[slot]!;
      if (client !== null) visit(client, slot);
    }
  }

  /** Every backend connection and the slot it stands in. */
  eachBackend(visit: (backend: BackendConnection, slot: number) => void): void {
    const backends = this.#backendBySlot;
    for (let slot = 0; slot < backends.length; slot++) {
      const backend = backends[slot]!;
      if (backend !== null) visit(backend, slot);
    }
  }

  /** The chunks held by no connection: constants, and scratch memory. */
  get chunksKept(): readonly number[] {
    return this.#scratchChunk < 0 ? this.pinned.held : [...this.pinned.held, this.#scratchChunk];
  }
}

/** Events whose receiver owns a chunk. */
function holdsChunk(kind: number): boolean {
  return kind === EVENT_KIND.data || kind === EVENT_KIND.tlsReady;
}
