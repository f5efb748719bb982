// The TypeScript face of one engine: writes submissions, runs turns, hands out events.
// Owns the shared words. Nothing above this file sees a word's place; nothing here knows what a request is.

import { type KeepAlive, NO_KEEP_ALIVE } from '../base/keep-alive.js';
import { type Addon, addon, type NativeEngine } from './addon.js';
import { CHUNK_BYTES, CONTROL, EVENT, PEER_BYTES, SEND_FLAG, SEND_SPANS_MAX, SLOT_BITS, SUBMIT } from './layout.js';

const EVENTS_MAX = 4096;
const SUBMISSION_WORDS = 1 << 16;
/** The longest submission: a send with every span it may list. */
const SUBMISSION_WORDS_MAX = 4 + 2 * SEND_SPANS_MAX;
/** Turns run in one wake-up before timers and messages get a chance. */
const TURNS_PER_WAKE = 32;

/** The slot of a handle: small, dense, reused. What a table of connections is indexed by. */
export const slotOf = (conn: number): number => conn & ((1 << SLOT_BITS) - 1);

export const eventKind = (events: Int32Array, at: number): number => events[at + EVENT.kind]!;
export const eventConn = (events: Int32Array, at: number): number => events[at + EVENT.conn]!;
export const eventAt = (events: Int32Array, at: number): number => events[at + EVENT.at]!;
export const eventBytes = (events: Int32Array, at: number): number => events[at + EVENT.bytes]!;

/** The first byte of the chunk that holds `at`, for a slab that starts at `slabAt`. */
const chunkOf = (at: number, slabAt: number): number => at - ((at - slabAt) % CHUNK_BYTES);

interface EngineOptions {
  /** The memory the slab lies in. It must not grow while the engine lives: growing detaches the view C holds. */
  memory: ArrayBuffer;
  /** Address of the slab in that memory. */
  slabAt: number;
  chunkCount: number;
  /** Client connections at once; more wait in the kernel's backlog. */
  connectionsMax: number;
  /** Connections at once, client and backend. */
  slotCount: number;
  /** Called with every batch: `count` events in `events`, EVENT.WORDS words each. It must not throw. */
  onEvents(events: Int32Array, count: number): void;
}

/**
 * One engine, for the thread that opened it.
 *
 * Submissions are collected and carried out together by the next turn, in the order they were made. A turn runs by
 * itself when a socket is ready; after submitting from a timer or a message, call `run`.
 */
export class Engine {
  readonly slabAt: number;
  /** Peer records by slot, PEER_BYTES each. Valid from `accepted` until the handle is closed. */
  readonly peers: Uint8Array;
  readonly #chunkCount: number;
  readonly #native: NativeEngine;
  readonly #addon: Addon;
  readonly #events = new Int32Array(EVENTS_MAX * EVENT.WORDS);
  readonly #submissions = new Int32Array(SUBMISSION_WORDS);
  readonly #control: Int32Array;
  readonly #onEvents: (events: Int32Array, count: number) => void;
  readonly #again = (): void => this.run();
  #words = 0;
  /** Bytes listed since `sendBegin`. */
  #listed = 0;
  /** Where the open send begins, or the last one, as long as nothing stands behind it: the next may go on in it. Else -1. */
  #sendAt = -1;
  /** Released meanwhile: given back behind that send, since it may list their bytes. */
  readonly #released: number[] = [];
  #running = false;
  #closed = false;

  /** Opens an engine on the calling thread. Throws EngineUnusableError, or an Error with the system's code. */
  constructor(options: EngineOptions) {
    this.slabAt = options.slabAt;
    this.#chunkCount = options.chunkCount;
    this.#onEvents = options.onEvents;
    this.#control = new Int32Array(CONTROL.WORDS + options.slotCount);
    this.peers = new Uint8Array(options.slotCount * PEER_BYTES);
    this.#addon = addon();
    this.#native = this.#addon.engineOpen(
      {
        memory: options.memory,
        slabAt: options.slabAt,
        chunkCount: options.chunkCount,
        slotCount: options.slotCount,
        connectionsMax: options.connectionsMax,
        control: this.#control,
        peers: this.peers,
        events: this.#events,
        submissions: this.#submissions,
      },
      () => this.run(),
    );
  }

  /**
   * Runs turns until nothing is left to do, or the bound is reached and the loop gets its turn first.
   * Not reentrant: called from inside a batch it returns at once, since that batch's end runs another turn anyway.
   */
  run(): void {
    if (this.#running || this.#closed) return;
    this.#running = true;
    try {
      for (let turn = 0; turn < TURNS_PER_WAKE; turn++) {
        this.#settle();
        const words = this.#words;
        this.#words = 0;
        const count = this.#native.turn(words);
        if (count > 0) this.#onEvents(this.#events, count);
        else if (this.#words === 0 && this.#control[CONTROL.yielded] === 0) return;
        if (this.#closed) return;
      }
    } finally {
      this.#running = false;
    }
    setImmediate(this.#again);
  }

  /**
   * Remembers a backend address, and how connections to it are kept alive, and returns its index, or -1 when `host` is no IP
   * address (no path for port -1, which takes no keep-alive).
   */
  addressAdd(host: string, port: number, { idleSeconds, intervalSeconds, probes }: KeepAlive = NO_KEEP_ALIVE): number {
    return this.#native.addressAdd(host, port, idleSeconds, intervalSeconds, probes);
  }

  /** Forgets an address that was added once: its index is given to another when it was not added again. */
  addressRemove(index: number): void {
    this.#native.addressRemove(index);
  }

  /** Accepts from the listener itself, beside other threads that do. Throws an Error with the system's code. */
  listen(listener: number): void {
    this.#native.listen(listener);
  }

  /** Stops accepting from the listener. Connections that are open stay. */
  listenEnd(listener: number): void {
    this.#native.listenEnd(listener);
  }

  /**
   * Carries out what was submitted, then closes the engine. Connections that are still open then see a reset, unless their
   * direction was shut down. Safe to repeat.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#flush();
    this.#native.close();
  }

  /** A chunk to write into, with one reference for the caller; negative when the slab is full. */
  chunkTake(): number {
    return this.#native.chunkTake();
  }

  /**
   * Takes neighbouring chunks for `bytes` bytes in one piece, with one reference on each for the caller, to be given back
   * with `runRelease`. Returns the address of the first, negative when the slab has no such run free. Slow: it looks at
   * the whole slab.
   */
  runTake(bytes: number): number {
    return this.#native.runTake(Math.ceil(bytes / CHUNK_BYTES));
  }

  /** Gives back one reference on each of the chunks that `bytes` bytes at `at` lie in. */
  runRelease(at: number, bytes: number): void {
    for (let chunk = chunkOf(at, this.slabAt); chunk < at + bytes; chunk += CHUNK_BYTES) this.release(chunk);
  }

  chunkOf(at: number): number {
    return chunkOf(at, this.slabAt);
  }

  /** Starts connecting to a remembered address. Returns the handle, or -1 when none is free. */
  connect(address: number): number {
    const free = this.#control[CONTROL.freeHandles]!;
    if (free === 0) return -1;
    this.#control[CONTROL.freeHandles] = free - 1;
    const conn = this.#control[CONTROL.WORDS + free - 1]!;
    this.#submit3(SUBMIT.connect, conn, address);
    return conn;
  }

  /**
   * What follows on a connection is encrypted, under a context of tls.ts: on an accepted one before anything is sent, and
   * `tlsReady` comes next; or right after `connect`, and `connected` comes when the handshake is done. The `bytes` at `at`
   * stand in front of that, plain: on an accepted connection they were received and begin the handshake, on one that is
   * connecting they are sent before it. The engine copies them; the caller keeps its reference.
   */
  tls(conn: number, context: number, at = 0, bytes = 0): void {
    this.#reserve(5);
    const words = this.#words;
    this.#submissions[words] = SUBMIT.tls;
    this.#submissions[words + 1] = conn;
    this.#submissions[words + 2] = context;
    this.#submissions[words + 3] = at;
    this.#submissions[words + 4] = bytes;
    this.#words = words + 5;
  }

  /**
   * Writes the local address of an open connection to `into`, in the form of a peer record (PEER_BYTES). Returns false when
   * the connection is gone or has none.
   */
  localAddress(conn: number, into: Uint8Array): boolean {
    return this.#native.localAddress(conn, into);
  }

  /**
   * Writes how far an open connection has come to `into`: the bytes of ours that the peer's kernel has taken, in all, and
   * those received of a TLS record that is not complete, since this was asked or data came. Returns false when it is gone.
   * A system call: not for the hot path.
   */
  progress(conn: number, into: Float64Array): boolean {
    return this.#native.progress(conn, into);
  }

  /**
   * Opens a send; list its spans with `span`, and end it with `sendEnd`. Sends on one connection with nothing but releases
   * between them go to the kernel as one: the head and the body of a request, the pieces of a body that came in one batch.
   */
  sendBegin(conn: number, flags: number): void {
    this.#listed = 0;
    if (this.#sendAt >= 0 && this.#submissions[this.#sendAt + 1] === conn) this.#submissions[this.#sendAt + 2] = flags;
    else this.#sendNew(conn, flags);
  }

  #sendNew(conn: number, flags: number): void {
    this.#reserve(SUBMISSION_WORDS_MAX);
    const at = this.#words;
    this.#submissions[at] = SUBMIT.send;
    this.#submissions[at + 1] = conn;
    this.#submissions[at + 2] = flags;
    this.#submissions[at + 3] = 0;
    this.#sendAt = at;
    this.#words = at + 4;
  }

  /**
   * Adds a span to the open send. The engine takes its own reference; the caller keeps its own. Empty ones vanish, and one
   * that goes on where the last one ended, in the same chunk, makes it longer: fewer pieces for the kernel. One that lies
   * in several neighbouring chunks becomes several, and a send with too many spans goes on as a second one.
   */
  span(at: number, bytes: number): void {
    if (bytes === 0) return;
    const room = CHUNK_BYTES - ((at - this.slabAt) % CHUNK_BYTES);
    if (bytes > room) {
      this.span(at, room);
      this.span(at + room, bytes - room);
      return;
    }
    this.#listed += bytes;
    const last = this.#words - 2;
    if (
      last > this.#sendAt + 3 &&
      this.#submissions[last]! + this.#submissions[last + 1]! === at &&
      room !== CHUNK_BYTES
    ) {
      this.#submissions[last + 1]! += bytes;
      return;
    }
    if (this.#submissions[this.#sendAt + 3] === SEND_SPANS_MAX) this.#sendGoesOn();
    this.#submissions[this.#words] = at;
    this.#submissions[this.#words + 1] = bytes;
    this.#words += 2;
    this.#submissions[this.#sendAt + 3]!++;
  }

  /** The open send has all the spans it may have: what follows goes out behind it, with the same flags. */
  #sendGoesOn(): void {
    const conn = this.#submissions[this.#sendAt + 1]!;
    const flags = this.#submissions[this.#sendAt + 2]!;
    this.#submissions[this.#sendAt + 2] = flags | SEND_FLAG.more;
    // What was released meanwhile may be listed in either: it is given back behind both.
    this.#sendAt = -1;
    this.#sendNew(conn, flags);
  }

  /** Ends the open send. Returns how many bytes were listed in it. */
  sendEnd(): number {
    if (this.#submissions[this.#sendAt + 3] === 0) {
      this.#words = this.#sendAt;
      this.#settle();
    }
    return this.#listed;
  }

  /** Whatever is submitted next stands behind the last send: nothing goes on in it any more. */
  #settle(): void {
    this.#sendAt = -1;
    while (this.#released.length > 0) this.#submit2(SUBMIT.release, this.#released.pop()!);
  }

  /** Carries out what is submitted. */
  #flush(): void {
    this.#settle();
    this.#native.submit(this.#words);
    this.#words = 0;
  }

  /** Sends one span. */
  send(conn: number, at: number, bytes: number): void {
    this.sendBegin(conn, 0);
    this.span(at, bytes);
    this.sendEnd();
  }

  /**
   * Ends our direction once everything queued has left. `closes`: the caller closes as soon as `finished` comes with 1; the
   * peer gets its end by that close, and no call of the kernel is made for it before.
   */
  shutdown(conn: number, closes = false): void {
    this.#submit3(SUBMIT.shutdown, conn, closes ? 1 : 0);
  }

  /** Frees the handle and drops what is queued; the peer sees a reset then, and an ordinary end if all has left. */
  closeConn(conn: number): void {
    this.#submit2(SUBMIT.close, conn);
  }

  /** Closes so that the peer sees a reset: for a message that was cut and must not look complete. */
  resetConn(conn: number): void {
    this.#submit2(SUBMIT.reset, conn);
  }

  /** Receives, leaving `offset` bytes free at the front of the next chunk. */
  readStart(conn: number, offset: number): void {
    this.#submit3(SUBMIT.readStart, conn, offset);
  }

  /**
   * Says that the next `chunks` × CHUNK_BYTES bytes of a connection may come several chunks, and as many events, in one
   * batch: they are of a long body, or of a message that is likely to have one. Ends by itself, with readStart and an offset,
   * or with 0.
   */
  readMany(conn: number, chunks: number): void {
    this.#submit3(SUBMIT.readMany, conn, chunks);
  }

  readStop(conn: number): void {
    this.#submit2(SUBMIT.readStop, conn);
  }

  /** Gives back one reference on the chunk that holds `at`. */
  release(at: number): void {
    if (this.#sendAt >= 0) this.#released.push(at);
    else this.#submit2(SUBMIT.release, at);
  }

  /** Takes one more reference on the chunk that holds `at`, for a second holder. */
  retain(at: number): void {
    this.#submit2(SUBMIT.retain, at);
  }

  /** When the batch being handled, or the last one, was complete: microseconds on CLOCK_MONOTONIC. Hot. */
  get batchUs(): number {
    return this.#control[CONTROL.nowSeconds]! * 1e6 + this.#control[CONTROL.nowMicroseconds]!;
  }

  /** Chunks without a reference, before the queued submissions are carried out. */
  get freeChunks(): number {
    return this.#control[CONTROL.freeChunks]!;
  }

  /**
   * Carries out what is submitted, then counts for every chunk of the slab the references that we own: all but those of
   * spans that wait in send queues. For checks, from outside a batch.
   */
  chunksOwed(): Int32Array {
    const owed = new Int32Array(this.#chunkCount);
    this.#flush();
    this.#native.chunksOwed(owed);
    return owed;
  }

  /** One counter of the control block, by CONTROL. */
  counter(word: number): number {
    return this.#control[word]!;
  }

  #reserve(words: number): void {
    if (this.#sendAt >= 0) this.#settle();
    if (this.#words + words <= SUBMISSION_WORDS) return;
    this.#native.submit(this.#words);
    this.#words = 0;
  }

  #submit2(operation: number, conn: number): void {
    this.#reserve(2);
    this.#submissions[this.#words] = operation;
    this.#submissions[this.#words + 1] = conn;
    this.#words += 2;
  }

  #submit3(operation: number, conn: number, operand: number): void {
    this.#reserve(3);
    this.#submissions[this.#words] = operation;
    this.#submissions[this.#words + 1] = conn;
    this.#submissions[this.#words + 2] = operand;
    this.#words += 3;
  }
}
