// A client that sends random requests in random pieces, and checks everything it gets.
// Owns one connection at a time. What it finds wrong goes into the book of the round.

import type { Socket } from 'node:net';
import { endAfterReading, reset } from '../../support/endings.js';
import { fieldValues } from '../../support/messages.js';
import type { Random } from '../random.js';
import { responseBody } from './body.js';
import { type Book, type Delivery, type Entry, LAG_MS } from './book.js';
import { type Doors, enter, type Way } from './doors.js';
import { type Front, NO_FRONT, randomFront } from './front.js';
import { type Head, Reader } from './reader.js';
import { type Line, type Mood, randomEntry } from './requests.js';
import { checkSession, type Jar } from './session.js';
import { TunnelEnd, upward } from './tunnel.js';

/** Whatever happens, a connection is over after this long: every wait of the proxy is bounded below it. */
const PATIENCE_MS = 15_000;

/** How a client goes about one connection. */
interface Manner {
  /** Sends a request only when the one before is answered. */
  readonly lockstep: boolean;
  /** After so many bytes it leaves; -1: never. */
  readonly leavesAt: number;
  readonly leaves: 'reset' | 'close' | 'end' | 'stall';
  /** Ends its side behind the last request. */
  readonly halfCloses: boolean;
  /** Milliseconds for which it reads nothing, once, after its first byte. */
  readonly deafMs: number;
  /** Milliseconds it waits for 100 Continue before it sends the body; without lockstep it never does. */
  readonly expectsMs: number;
}

/** One client: a few connections, one after the other, with names that begin with `name`. */
export async function runClient(book: Book, doors: Doors, mood: Mood, dice: Random, name: string): Promise<void> {
  const connections = 1 + dice.below(3);
  const jar: Jar = { session: null };
  for (let i = 0; i < connections; i++) await new Connection(book, doors, mood, dice, `${name}.${i}`, jar).run();
}

class Connection {
  readonly #entries: Entry[] = [];
  readonly #manner: Manner;
  readonly #trace: string[] = [];
  readonly #reader: Reader;
  readonly #secure: boolean;
  readonly #fronted: boolean;
  readonly #front: Front;
  #way!: Way;
  #written = 0;
  /** Index of the request whose answer is due. */
  #due = 0;
  /** The final head of the answer under way. */
  #head: Head | null = null;
  #status = 0;
  #bodyBytes = 0;
  /** No answer may follow: the last one said so, or the client did. */
  #closing = false;
  #ended: 'no' | 'end' | 'reset' = 'no';
  /** The client did something that excuses the proxy for ending the connection. */
  #excused = false;
  #wasDeaf = false;
  /** Requests up to this index may send their bodies: a server has said 100. */
  #continued = -1;
  /** Behind a 101. */
  #tunnel: TunnelEnd | null = null;
  #wake: () => void = () => {};

  constructor(
    private readonly book: Book,
    private readonly doors: Doors,
    private readonly mood: Mood,
    private readonly dice: Random,
    name: string,
    private readonly jar: Jar,
  ) {
    const count = 1 + dice.below(dice.pick([1, 3, 6]));
    const line: Line = { old: dice.below(12) === 0, session: jar.session };
    this.#secure = !line.old && dice.below(3) === 0 && doors.others !== null;
    this.#fronted = dice.below(4) === 0 && doors.others !== null;
    this.#front = this.#fronted ? randomFront(dice) : NO_FRONT;
    for (let i = count - 1; i >= 0; i--) {
      this.#entries.unshift(randomEntry(dice, mood, line, `${name}.${i}`, this.#entries[0]?.request ?? null));
    }
    let poisoned = this.#front.refused;
    for (const entry of this.#entries) {
      entry.poisoned = poisoned;
      poisoned ||= entry.request.ends || !entry.request.keepAlive;
      book.add(entry);
    }
    const total = this.#entries.reduce((sum, { request }) => sum + request.bytes.length, 0);
    const rude = mood.rude && dice.below(4) === 0;
    this.#manner = {
      lockstep: dice.below(3) === 0,
      leavesAt: rude ? dice.below(total + 1) : -1,
      leaves: dice.pick(['reset', 'close', 'end', 'stall']),
      halfCloses: !rude && dice.below(8) === 0 && this.#entries.at(-1)!.request.tunnel === null,
      deafMs: mood.rude && dice.below(8) === 0 ? 50 + dice.below(400) : 0,
      expectsMs: dice.pick([0, 60, 60, mood.rude ? 60 : 300]),
    };
    this.#reader = new Reader('response', {
      head: (head) => this.#onHead(head),
      body: (text) => this.#onBody(text),
      end: () => this.#onEnd(),
    });
  }

  /** What happened, for the trace of a violation. */
  #note(what: string): void {
    this.#trace.push(`${this.book.at()} ${what}`);
  }

  #fail(what: string): void {
    const { lockstep, leavesAt, leaves, halfCloses, deafMs } = this.#manner;
    this.book.fail(`client ${what}`, [
      `${this.#secure ? 'TLS, ' : ''}${this.#fronted ? `${JSON.stringify(this.#front.bytes)}, ` : ''}${lockstep ? 'lockstep' : 'pipelined'}${leavesAt >= 0 ? `, ${leaves} at ${leavesAt}` : ''}${halfCloses ? ', half-closes' : ''}${deafMs > 0 ? `, deaf ${deafMs} ms` : ''}; written ${this.#written}`,
      ...this.#entries.map((entry, i) => `${i === this.#due ? '> ' : '  '}${entry}`),
      ...this.#trace.slice(-40),
    ]);
  }

  async run(): Promise<void> {
    this.#note('connects');
    const socket = this.#connect();
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('end', () => {
      if (this.#tunnel === null) this.#onEof('end');
      else this.#tunnel.hearEnd();
    });
    socket.on('error', () => this.#onEof('reset'));
    socket.on('close', () => this.#onEof('end'));
    const patience = setTimeout(() => {
      this.#fail(`waited ${PATIENCE_MS} ms in vain`);
      socket.destroy();
    }, PATIENCE_MS);
    try {
      await this.#send();
      await this.#until(() => this.#ended !== 'no' || (this.#due === this.#entries.length && !this.#closing));
      if (this.#closing) await this.#until(() => this.#ended !== 'no');
    } finally {
      clearTimeout(patience);
      this.#excused = true;
      if (this.#ended === 'no') socket.destroy();
      socket.destroy();
      await closed;
    }
  }

  #connect(): Socket {
    const cut = this.dice.below(this.#front.bytes.length + 1);
    const exact = this.#entries.some(({ request }) => request.minor === 0);
    const front = this.#fronted ? this.#front : null;
    this.#way = enter(this.doors, { secure: this.#secure, exact, front, cut }, (text) => this.#onData(text));
    const { wire, socket } = this.#way;
    // Whom servers have to take for the client where no header names one.
    wire.once('connect', () => {
      const client = this.#front.client ?? { address: wire.localAddress!, port: wire.localPort! };
      for (const entry of this.#entries) entry.client = client;
    });
    return socket;
  }

  async #until(done: () => boolean): Promise<void> {
    while (!done()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends all requests, as the manner says. */
  async #send(): Promise<void> {
    for (const [i, { request }] of this.#entries.entries()) {
      if (this.#manner.lockstep) {
        await this.#until(() => this.#due === i || this.#ended !== 'no' || this.#closing);
        if (this.#closing) return;
        const { headBytes, bytes } = request;
        const waits = request.expects && this.#manner.expectsMs > 0;
        if (!(await this.#write(i, waits ? bytes.slice(0, headBytes) : bytes))) return;
        if (waits && !((await this.#mayContinue(i)) && (await this.#write(i, bytes.slice(headBytes), headBytes)))) {
          return;
        }
      }
    }
    if (!this.#manner.lockstep && !(await this.#write(0, this.#entries.map(({ request }) => request.bytes).join('')))) {
      return;
    }
    const last = this.#entries.at(-1)!.request;
    if (last.tunnel !== null && last.tunnel.early > 0 && this.#ended === 'no') {
      this.#way.socket.write(upward(last.id).slice(0, last.tunnel.early), 'latin1');
    }
    if (this.#manner.halfCloses && this.#ended === 'no') {
      // What is not answered within a second may be given up.
      if (this.mood.trouble || this.mood.limited) this.#excused = true;
      this.#note('ends its side');
      endAfterReading(this.#way.socket);
    }
  }

  /** Waits for 100 Continue, not for ever. False: the request was answered already, so it sends no body, and leaves. */
  async #mayContinue(i: number): Promise<boolean> {
    let waits = true;
    const timer = setTimeout(() => {
      waits = false;
      this.#wake();
    }, this.#manner.expectsMs);
    await this.#until(
      () => !waits || this.#continued >= i || this.#due > i || this.#head !== null || this.#ended !== 'no',
    );
    clearTimeout(timer);
    this.#note(
      this.#continued >= i ? 'may send the body' : waits ? 'need not send the body' : 'sends the body unasked',
    );
    if (this.#continued >= i || !waits || this.dice.below(2) === 0) return this.#ended === 'no';
    this.#excuse();
    await this.#until(() => this.#due > i || this.#ended !== 'no');
    this.#closing = true;
    this.#way.socket.end();
    return false;
  }

  /** Writes `bytes`, which begin `skipped` bytes into request `first`, in pieces. False: it left, or the connection is over. */
  async #write(first: number, bytes: string, skipped = 0): Promise<boolean> {
    const { dice } = this;
    const cuts = Array.from({ length: dice.below(dice.pick([1, 4, 10])) }, () => dice.below(bytes.length + 1));
    for (let i = first, at = -skipped; at < bytes.length && i < this.#entries.length; i++) {
      const { request } = this.#entries[i]!;
      if (dice.below(4) === 0) cuts.push(at + request.headBytes);
      at += request.bytes.length;
      if (dice.below(4) === 0) cuts.push(at);
    }
    cuts.sort((a, b) => a - b);
    let from = 0;
    for (const to of [...cuts.filter((cut) => cut > 0 && cut < bytes.length), bytes.length]) {
      if (to === from) continue;
      if (from > 0) await this.#pause();
      if (this.#ended !== 'no' || !this.#way.socket.writable) return false;
      const { leavesAt } = this.#manner;
      const left = leavesAt >= 0 && this.#written + (to - from) >= leavesAt;
      const piece = bytes.slice(from, left ? from + Math.max(0, leavesAt - this.#written) : to);
      this.#put(piece);
      if (left) {
        await this.#leave();
        return false;
      }
      from = to;
    }
    return true;
  }

  /** Writes to the socket, and into the book what of which request. */
  #put(piece: string): void {
    let at = this.#written;
    this.#written += piece.length;
    let start = 0;
    for (const entry of this.#entries) {
      const end = start + entry.request.bytes.length;
      if (at >= start && at < this.#written && end > at) {
        entry.written = Math.min(this.#written, end) - start;
        if (this.#written >= end) entry.wholeAt = performance.now();
        at = Math.min(this.#written, end);
      }
      start = end;
    }
    if (piece.length > 0) this.#way.socket.write(piece, 'latin1');
    this.#note(`sent ${piece.length} bytes, ${this.#written} in all`);
  }

  #pause(): Promise<void> {
    const ms = this.dice.pick([0, 0, 1, 3, 20]);
    return new Promise((resolve) => {
      if (ms === 0) setImmediate(resolve);
      else setTimeout(resolve, ms);
    });
  }

  /** From now on this client is no judge of the proxy, nor are its servers. */
  #excuse(): void {
    this.#excused = true;
    for (const entry of this.#entries) entry.left = true;
  }

  /** Goes, in the middle of what it had to say. */
  async #leave(): Promise<void> {
    this.#excuse();
    this.#note(`leaves: ${this.#manner.leaves}`);
    if (this.#manner.leaves !== 'stall') await this.#pause();
    switch (this.#manner.leaves) {
      case 'reset':
        this.#onEof('reset');
        reset(this.#way.wire, this.#way.socket);
        break;
      case 'close':
        this.#onEof('reset');
        this.#way.socket.destroy();
        break;
      case 'end':
        this.#way.socket.end();
        this.#closing = true;
        break;
      case 'stall':
        // Says nothing more: the proxy has to end this.
        this.#closing = true;
    }
  }

  #onData(text: string): void {
    if (this.#head === null) this.#note(`got ${text.length} bytes: ${JSON.stringify(text.slice(0, 60))}`);
    try {
      this.#reader.feed(text);
    } catch (error) {
      this.#fail(`got bytes that are no response: ${(error as Error).message}`);
      this.#way.socket.destroy();
    }
    if (this.#manner.deafMs > 0 && !this.#wasDeaf) {
      this.#wasDeaf = true;
      this.#excuse();
      this.#way.socket.pause();
      setTimeout(() => this.#way.socket.resume(), this.#manner.deafMs);
    }
    this.#wake();
  }

  #onHead(head: Head): 'none' | 'fields' | 'eof' | 'tunnel' {
    const status = Number(head.startLine.slice(9, 12));
    const entry = this.#entries[this.#due];
    if (entry === undefined) {
      this.#fail(`got an answer to nothing: ${head.startLine}`);
      return 'fields';
    }
    if (this.#front.refused) this.#fail(`got an answer without a PROXY header: ${head.startLine}`);
    if (entry.written === 0) this.#fail(`got an answer before it asked: ${head.startLine}`);
    if (status === 101) {
      this.#enterTunnel(entry, head);
      return 'tunnel';
    }
    if (status < 200) {
      if (entry.request.minor === 0) this.#fail('of HTTP/1.0 got an interim response');
      if (status === 100 && !entry.request.expects) this.#fail('got a 100 that it did not ask for');
      if (status === 100) this.#continued = this.#due;
      return 'none';
    }
    if (this.#closing && this.#due > 0 && !this.#excused) this.#fail('got an answer behind the one that was the last');
    this.#head = head;
    this.#status = status;
    this.#bodyBytes = 0;
    const bodiless = status === 204 || status === 304 || entry.request.method === 'HEAD';
    if (this.#isLocal(head)) this.#checkLocal(entry, head);
    else this.#checkServers(entry, head);
    const connection = fieldValues(head, 'connection').join().toLowerCase();
    if (connection.includes('close')) this.#closing = true;
    if (entry.request.minor === 0 && !connection.includes('keep-alive')) this.#closing = true;
    if (bodiless) return 'none';
    return head.framing === 'none' ? 'eof' : 'fields';
  }

  /** A server said 101. */
  #enterTunnel(entry: Entry, head: Head): void {
    const { id, request } = entry;
    const behaviour = this.#delivery(entry, head)?.behaviour;
    if (request.tunnel === null || behaviour?.upgrades !== true || fieldValues(head, 'x-id').join() !== id) {
      this.#fail(`got ${head.startLine} that no server sent for ${id}`);
      this.#way.socket.destroy();
      return;
    }
    if (fieldValues(head, 'upgrade').join() !== 'fuzz') this.#fail('got a 101 without what it switches to');
    this.#note(`${id}: in its tunnel`);
    this.#closing = true;
    entry.tunnelled = true;
    this.#tunnel = new TunnelEnd('client', request.tunnel, id, this.#way.socket, this.#way.wire, (what) =>
      this.#fail(what),
    );
    if (request.tunnel.breaks === 'client') this.#excuse();
    this.#tunnel.speak();
  }

  /** The tunnel is gone: whole, unless one of its ends went, or was silent for too long. */
  #leaveTunnel(entry: Entry, tunnel: TunnelEnd): void {
    entry.outcome = tunnel.whole ? 'tunnel' : 'cut tunnel';
    this.#due++;
    this.#note(`${tunnel}`);
    if (!tunnel.whole && !this.#excused && !this.#anyBroken && !this.book.lagged && !this.book.deaths)
      this.#fail(`lost its tunnel: ${tunnel}`);
  }

  #isLocal(head: Head): boolean {
    return fieldValues(head, 'x-id').length === 0;
  }

  /** The attempt that this is the answer to. */
  #delivery(entry: Entry, head: Head): Delivery | undefined {
    return entry.attempts[Number(fieldValues(head, 'x-attempt').join()) - 1];
  }

  /** A local reply: one that this request may get. */
  #checkLocal(entry: Entry, head: Head): void {
    const { request } = entry;
    if (request.local.includes(this.#status)) return;
    const excuses: number[] = [];
    if (this.mood.trouble) excuses.push(503, 504);
    if (this.mood.trouble && !this.#isAnswered(entry)) excuses.push(502);
    if (this.mood.tight || (this.mood.limited && request.target.startsWith('/limited'))) excuses.push(503);
    if (request.target === '' && request.local.length > 0) excuses.length = 0;
    // Many pieces some milliseconds apart add up: the end of a request and its 408 may pass each other.
    const slow = this.mood.rude && performance.now() - entry.wholeAt < LAG_MS;
    if (this.#excused || this.book.lagged || slow) excuses.push(408);
    if (!excuses.includes(this.#status)) this.#fail(`got a local reply it should not get: ${head.startLine}`);
  }

  /** An answer of a server: to this request, and as that server sent it. */
  #checkServers(entry: Entry, head: Head): void {
    const id = fieldValues(head, 'x-id').join();
    if (id !== entry.id) {
      this.#fail(`got the answer to ${id} in place of that to ${entry.id}`);
      return;
    }
    const behaviour = this.#delivery(entry, head)?.behaviour;
    if (behaviour === undefined) this.#fail('got an answer of no attempt');
    else if (behaviour.does !== 'answer') this.#fail('got an answer where the server gave none');
    else if (behaviour.status !== this.#status) this.#fail(`got ${this.#status}, the server sent ${behaviour.status}`);
    if (entry.request.sticky) {
      const server = this.#delivery(entry, head)?.server ?? 'none';
      const wrong = checkSession(this.book, this.jar, entry, head, server, !this.mood.trouble);
      if (wrong !== null) this.#fail(wrong);
    }
    const edited = fieldValues(head, 'x-edited').join();
    if (entry.request.target.startsWith('/edited') && !edited.endsWith(` ${entry.client!.address}`)) {
      this.#fail(`got an answer for ${edited}, it is ${entry.client!.address}`);
    }
  }

  /** A server sent the whole answer, well or early, to the last attempt: the client has to get it. */
  #isAnswered({ attempts }: Entry): boolean {
    const last = attempts.at(-1);
    return last?.said === true && !last.behaviour.upgrades && last.behaviour.status < 500 && !this.#isBroken(last);
  }

  #onBody(text: string): void {
    const entry = this.#entries[this.#due];
    if (this.#tunnel !== null) this.#tunnel.hear(text);
    if (entry === undefined || this.#head === null) return;
    const from = this.#bodyBytes;
    this.#bodyBytes += text.length;
    if (this.#isLocal(this.#head)) return;
    if (text !== responseBody(entry.id).slice(from, from + text.length)) {
      this.#fail(`got another body, at byte ${from}: ${JSON.stringify(text.slice(0, 200))}`);
      this.#way.socket.destroy();
    }
  }

  /** The answer under way is complete, by its framing or by the end of the connection. */
  #onEnd(): void {
    const entry = this.#entries[this.#due];
    if (entry === undefined || this.#head === null) return;
    const head = this.#head;
    this.#head = null;
    entry.outcome = `${this.#isLocal(head) ? 'local ' : ''}${this.#status}`;
    if (!this.#isLocal(head)) {
      const behaviour = this.#delivery(entry, head)?.behaviour;
      // Nobody can tell a body that ends with its connection from one that was cut by an ordinary end.
      const silent = behaviour?.framing === 'eof' && behaviour.after === 'end';
      const whole = Math.max(behaviour?.length ?? 0, 0);
      const expected = entry.request.method === 'HEAD' ? 0 : whole;
      if (behaviour !== undefined && behaviour.cutAt >= 0 && !silent) this.#fail('got a cut answer as a whole one');
      else if (this.#bodyBytes !== expected && !(silent && this.#bodyBytes === behaviour?.cutAt)) {
        this.#fail(`got ${this.#bodyBytes} bytes as the whole body, the server sent ${expected}`);
      }
    }
    if (entry.request.ends) this.#expectClose(head);
    this.#note(`${entry.id}: ${entry.outcome}`);
    this.#due++;
    this.#wake();
  }

  /** Whoever sends what cannot be read to its end is not listened to any more. */
  #expectClose(head: Head): void {
    if (!this.#closing)
      this.#fail(`got ${head.startLine} without Connection: close for a request that cannot be trusted`);
  }

  #onEof(how: 'end' | 'reset'): void {
    if (this.#ended !== 'no') return;
    this.#way.flush();
    this.#ended = how;
    this.#note(how === 'end' ? 'the connection ended' : 'the connection was reset');
    if (this.#reader.untilEof && how === 'end') this.#onEnd();
    const entry = this.#entries[this.#due];
    if (this.#tunnel !== null) this.#leaveTunnel(this.#entries.at(-1)!, this.#tunnel);
    else if (this.#head !== null && entry !== undefined) this.#checkCut(entry, this.#head);
    else if (entry !== undefined && !this.#closing && !this.#mayLose) {
      this.#fail('lost its connection without an answer');
    }
    this.#wake();
  }

  /** The connection may end before this request is answered. */
  get #mayLose(): boolean {
    // Where idle connections are closed soon, one may be just as its client asks.
    const idle = this.mood.rude && this.#manner.lockstep;
    const early = this.#entries.some(({ attempts }) => attempts.some(({ behaviour }) => behaviour.early));
    const drained = this.book.draining && this.#entries[this.#due]?.deliveries.length === 0;
    return (
      this.book.deaths ||
      this.#excused ||
      this.#front.refused ||
      early ||
      drained ||
      idle ||
      this.book.lagged ||
      this.#anyBroken
    );
  }

  /** An answer broke off: the server has to have broken it off. */
  #checkCut(entry: Entry, head: Head): void {
    entry.outcome = `cut ${this.#status}`;
    if (this.#excused || this.book.deaths) return;
    if (this.#isLocal(head)) {
      this.#fail('got half a local reply');
      return;
    }
    const tooLarge = entry.request.local.includes(413);
    if (!this.#anyBroken && !tooLarge && !this.book.lagged)
      this.#fail('got half an answer of a server that sent it whole');
  }

  /**
   * An answer to one of the requests of this connection was broken off. Its reset overtakes what the client has not read
   * yet, so an earlier answer may seem cut as well.
   */
  get #anyBroken(): boolean {
    return this.#entries.some(({ attempts }) => attempts.some((delivery) => this.#isBroken(delivery)));
  }

  /** A server that broke its answer off, or may have done so by a reset behind it. */
  #isBroken(delivery: Delivery | undefined): boolean {
    if (!this.mood.trouble || delivery?.behaviour.does !== 'answer') return false;
    if (delivery.dropped) return true;
    const { behaviour } = delivery;
    return behaviour.cutAt >= 0 || behaviour.after === 'end' || behaviour.after === 'reset';
  }
}
