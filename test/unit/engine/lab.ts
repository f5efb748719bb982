// One engine under test, with real sockets around it: submissions go in, events are kept and waited for.
// Owns the engine, its memory and the log of events. Leaves what they should be to the tests.

import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { addon } from '../../../src/engine/addon.js';
import { Engine, eventAt, eventBytes, eventConn, eventKind } from '../../../src/engine/engine.js';
import { CHUNK_BYTES, CONTROL, ENGINE_ERROR, EVENT, EVENT_KIND } from '../../../src/engine/layout.js';

export type Kind = keyof typeof EVENT_KIND;
export type ErrorName = keyof typeof ENGINE_ERROR;

/** One event, with the bytes of a `data` copied out. */
export interface Seen {
  readonly kind: Kind;
  readonly conn: number;
  readonly at: number;
  readonly bytes: number;
  readonly data: Buffer;
}

const KINDS = new Map<number, Kind>(Object.entries(EVENT_KIND).map(([name, number]) => [number, name as Kind]));
const ERRORS = new Map<number, ErrorName>(
  Object.entries(ENGINE_ERROR).map(([name, number]) => [number, name as ErrorName]),
);
const NO_BYTES = Buffer.alloc(0);
const DEADLINE_MS = 10_000;

/** The name of the error an `error` event carries. */
export const errorOf = (event: Seen): ErrorName | undefined => ERRORS.get(event.at);

/** What `t.after` is needed for. */
export interface Cleanup {
  after(what: () => unknown): void;
}

export interface LabOptions {
  readonly chunkCount?: number;
  readonly slotCount?: number;
  readonly connectionsMax?: number;
  /** Chunks of `data` stay held until `give`. Default: given back as they arrive. */
  readonly hold?: boolean;
}

/** The slab does not start at address 0: a mix-up of addresses and offsets must show. */
const SLAB_AT = 4096;

export class Lab {
  readonly engine: Engine;
  readonly memory: Uint8Array;
  readonly events: Seen[] = [];
  hold: boolean;
  /** Called with each event inside its batch, before it is logged. */
  onEvent: (event: Seen) => void = () => {};
  readonly #waiting = new Set<() => void>();
  readonly #chunkCount: number;

  constructor(options: LabOptions = {}) {
    this.#chunkCount = options.chunkCount ?? 64;
    this.hold = options.hold ?? false;
    const slotCount = options.slotCount ?? 64;
    const memory = new ArrayBuffer(SLAB_AT + this.#chunkCount * CHUNK_BYTES);
    this.memory = new Uint8Array(memory);
    this.engine = new Engine({
      memory,
      slabAt: SLAB_AT,
      chunkCount: this.#chunkCount,
      slotCount,
      connectionsMax: options.connectionsMax ?? slotCount,
      onEvents: (events, count) => this.#take(events, count),
    });
  }

  #take(events: Int32Array, count: number): void {
    for (let at = 0; at < count * EVENT.WORDS; at += EVENT.WORDS) {
      const number = eventKind(events, at);
      const kind = KINDS.get(number);
      if (kind === undefined) throw new Error(`an event of unknown kind ${number}`);
      const address = eventAt(events, at);
      const bytes = eventBytes(events, at);
      const data = kind === 'data' ? Buffer.from(this.memory.subarray(address, address + bytes)) : NO_BYTES;
      if (kind === 'data' && !this.hold) this.engine.release(address);
      const seen = { kind, conn: eventConn(events, at), at: address, bytes, data };
      this.onEvent(seen);
      this.events.push(seen);
    }
    for (const check of [...this.#waiting]) check();
  }

  /** Submits what `submit` asks for and runs the turn that carries it out. */
  act<T>(submit: (engine: Engine) => T): T {
    const result = submit(this.engine);
    this.engine.run();
    return result;
  }

  /** The events of one connection, or all of one kind. */
  of(conn: number, kind?: Kind): Seen[] {
    return this.events.filter((event) => event.conn === conn && (kind === undefined || event.kind === kind));
  }

  /** Everything received on a connection so far. */
  received(conn: number): Buffer {
    return Buffer.concat(this.of(conn, 'data').map(({ data }) => data));
  }

  /** Asks `look` after every batch until it answers something. */
  until<T>(what: string, look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        settle();
      };
      const check = (): void => {
        const found = look();
        if (found !== undefined) end(() => resolve(found));
      };
      const timer = setTimeout(() => {
        const log = this.events.slice(-12).map(({ kind, conn, at, bytes }) => `${kind} ${conn} ${at} ${bytes}`);
        end(() => reject(new Error(`no ${what} within ${DEADLINE_MS} ms; last events: ${log.join(', ')}`)));
      }, DEADLINE_MS);
      this.#waiting.add(check);
      check();
    });
  }

  /** The first event of this kind on the connection, now or later. */
  next(conn: number, kind: Kind): Promise<Seen> {
    return this.until(`${kind} on ${conn}`, () => this.of(conn, kind)[0]);
  }

  /** The handle of the `count`th accepted connection (from 1). */
  accepted(count = 1): Promise<number> {
    return this.until(
      `accepted connection ${count}`,
      () => this.events.filter(({ kind }) => kind === 'accepted')[count - 1]?.conn,
    );
  }

  /** The connection has `bytes` bytes or more. */
  has(conn: number, bytes: number): Promise<Buffer> {
    return this.until(`${bytes} bytes on ${conn}`, () => {
      const received = this.received(conn);
      return received.length >= bytes ? received : undefined;
    });
  }

  /** Puts `bytes` into chunks of the slab and returns the spans, whose references are the caller's. */
  place(bytes: Uint8Array): { at: number; bytes: number }[] {
    const spans = [];
    for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
      const part = bytes.subarray(from, from + CHUNK_BYTES);
      const at = this.engine.chunkTake();
      if (at < 0) throw new Error('the slab of the test is too small');
      this.memory.set(part, at);
      spans.push({ at, bytes: part.length });
    }
    return spans;
  }

  /** Sends `bytes` in one send and gives the chunks back to it. */
  send(conn: number, bytes: Uint8Array | string): void {
    const spans = this.place(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    this.act((engine) => {
      engine.sendBegin(conn, 0);
      for (const span of spans) engine.span(span.at, span.bytes);
      engine.sendEnd();
      for (const span of spans) engine.release(span.at);
    });
  }

  get usedChunks(): number {
    return this.#chunkCount - this.engine.freeChunks;
  }

  /** What must be zero once every connection is closed. */
  get holdings(): Record<string, number> {
    return {
      chunks: this.usedChunks,
      connections: this.engine.counter(CONTROL.connections),
      clients: this.engine.counter(CONTROL.clientConnections),
      spans: this.engine.counter(CONTROL.queuedSpans),
      bytes: this.engine.counter(CONTROL.queuedBytes),
    };
  }

  close(): void {
    this.engine.close();
  }
}

/** What `holdings` is when nothing is held. */
export const NOTHING = { chunks: 0, connections: 0, clients: 0, spans: 0, bytes: 0 };

export function useLab(t: Cleanup, options: LabOptions = {}): Lab {
  const lab = new Lab(options);
  t.after(() => lab.close());
  return lab;
}

/** A listener of the registry on loopback; `accept`: this thread accepts and hands over. */
export function useListener(t: Cleanup, host: string, accept: boolean): { listener: number; port: number } {
  const listener = addon().listenerOpen(host, /^[/@]/.test(host) ? -1 : 0, 64, false);
  t.after(() => addon().listenerClose(listener));
  if (accept) addon().acceptorStart(listener);
  return { listener, port: addon().listenerPort(listener) };
}

/** A socket of Node's own, closed with the test. What it receives is thrown away unless the test listens. */
export async function useSocket(t: Cleanup, where: { host?: string; port?: number; path?: string }): Promise<Socket> {
  const socket = createConnection({ ...where, allowHalfOpen: true } as { port: number });
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

export interface Origin {
  readonly server: Server;
  readonly port: number;
  /** The next connection it gets. */
  socket(): Promise<Socket>;
}

/** A server of Node's own. Its sockets are paused until the test reads, and allow half-closing. */
export async function useOrigin(t: Cleanup, where: string | { host: string } = { host: '127.0.0.1' }): Promise<Origin> {
  const sockets: Socket[] = [];
  const waiting: ((socket: Socket) => void)[] = [];
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    socket.on('error', () => {});
    t.after(() => socket.destroy());
    const taker = waiting.shift();
    if (taker === undefined) sockets.push(socket);
    else taker(socket);
  });
  t.after(() => server.close());
  if (typeof where === 'string') server.listen(where);
  else server.listen(0, where.host);
  await once(server, 'listening');
  const address = server.address();
  return {
    server,
    port: typeof address === 'object' && address !== null ? address.port : -1,
    socket: () => {
      const socket = sockets.shift();
      return socket === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(socket);
    },
  };
}

/** Everything a socket receives until its end. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece)).resume();
  await once(socket, 'end');
  return Buffer.concat(pieces);
}

/** A pair: an engine's backend connection that is established, and the socket at its other end. */
export async function usePair(t: Cleanup, lab: Lab): Promise<{ conn: number; socket: Socket }> {
  const origin = await useOrigin(t);
  const address = lab.engine.addressAdd('127.0.0.1', origin.port);
  const conn = lab.act((engine) => engine.connect(address));
  await lab.next(conn, 'connected');
  return { conn, socket: await origin.socket() };
}
