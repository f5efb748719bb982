// A server that does with every request what the book says, and checks that it is one that a client sent.
// Owns one listening place. What it finds wrong goes into the book of the round.

import { createServer, type Server, type Socket } from 'node:net';
import { TLSSocket, type TlsOptions } from 'node:tls';
import { type Place, written } from '../../support/addresses.js';
import { reset } from '../../support/endings.js';
import { fieldValue, fieldValues } from '../../support/messages.js';
import { readHeader } from '../../support/proxy-header.js';
import { requestBody, responseBody } from './body.js';
import type { Behaviour, Book, Delivery, Entry } from './book.js';
import { shortened } from './front.js';
import { type Head, Reader } from './reader.js';
import { TunnelEnd } from './tunnel.js';

/** What a server as a whole does. */
export type Manner = 'serves' | 'refuses' | 'resets' | 'ignores';

export class FuzzServer {
  readonly address: string;
  /** Open connections, and what is written to: TLS above them, or themselves. */
  readonly #streams = new Map<Socket, Socket>();
  readonly #visits = new Set<Visit>();
  #manner: Manner = 'serves';
  #server: Server | null = null;

  constructor(
    readonly name: string,
    readonly place: Place,
    /** It gets copies of requests only. */
    readonly mirror: boolean,
    /** The book of the round. */
    readonly book: () => Book,
    /** It speaks TLS. */
    readonly tls: TlsOptions | null = null,
    /** Every connection begins with a PROXY header. */
    readonly named = false,
  ) {
    this.address = written(place);
  }

  /** Changes what it does with new connections. `drop`: those that are open are reset. */
  async turn(manner: Manner, drop = false): Promise<void> {
    this.#manner = manner;
    if (drop) for (const visit of this.#visits) visit.drop();
    if (drop) for (const [socket, stream] of this.#streams) reset(socket, stream);
    if (manner === 'refuses' && this.#server !== null) {
      this.#server.close();
      this.#server = null;
    } else if (manner !== 'refuses' && this.#server === null) {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
      this.#server = server;
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: this.place.host, port: this.place.port, backlog: 1024 }, resolve);
      });
    }
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const socket of this.#streams.keys()) socket.destroy();
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    this.#streams.set(socket, socket);
    socket.on('close', () => this.#streams.delete(socket));
    socket.on('error', () => {});
    if (this.#manner === 'resets') reset(socket);
    else if (this.#manner === 'ignores') socket.pause();
    else {
      const stream = this.tls === null ? socket : new TLSSocket(socket, { ...this.tls, isServer: true });
      this.#streams.set(socket, stream);
      const visit = new Visit(this, stream, socket);
      this.#visits.add(visit);
      socket.on('close', () => this.#visits.delete(visit));
    }
  }
}

/** One connection from the proxy. */
class Visit {
  readonly #reader: Reader;
  readonly #trace: string[] = [];
  #entry: Entry | null = null;
  #delivery: Delivery | null = null;
  /** The answer to the last request is not complete. */
  #answering = false;
  #answered = false;
  /** Behind a 101; while it is not begun the reader waits for it already. */
  #tunnel: TunnelEnd | null = null;
  /** What came before the end of the PROXY header; null: it was read. */
  #front: string | null;
  /** The client that it named. */
  #client = '';

  constructor(
    private readonly server: FuzzServer,
    private readonly socket: Socket,
    /** Below TLS; else the same. */
    private readonly wire: Socket,
  ) {
    this.#front = server.named ? '' : null;
    this.#reader = new Reader('request', {
      head: (head) => this.#head(head),
      body: (text) => this.#body(text),
      end: () => this.#end(),
    });
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      try {
        this.#reader.feed(this.#behindFront(text));
      } catch (error) {
        this.#fail(`got bytes that are no request: ${(error as Error).message}`);
        socket.destroy();
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => this.#closed());
    socket.on('end', () => {
      // A request that was cut: nothing of it may be taken for whole.
      if (this.#tunnel !== null) this.#tunnel.hearEnd();
      else if (!this.#answering) socket.end();
    });
  }

  /** The connection is reset from outside, whatever goes on. */
  drop(): void {
    if (this.#delivery !== null) this.#delivery.dropped = true;
  }

  /** The bytes of requests among `text`: those behind the PROXY header. */
  #behindFront(text: string): string {
    if (this.#front === null) return text;
    this.#front += text;
    const header = readHeader(this.#front);
    if (header === undefined) return '';
    const { ends, end } = header;
    this.#client = ends === null ? 'unknown' : `${shortened(ends.from)} ${ends.fromPort}`;
    const rest = this.#front.slice(end);
    this.#front = null;
    return rest;
  }

  /** A tunnel has to have been whole at its end, unless one of its ends went or may have been silent too long, or its client never got it. */
  #closed(): void {
    const [tunnel, entry] = [this.#tunnel, this.#entry];
    if (tunnel === null || entry === null || tunnel.whole || tunnel.broke) return;
    const { lagged, deaths } = this.server.book();
    if (!entry.tunnelled || entry.left || this.#delivery!.dropped || lagged || deaths) return;
    this.#fail(`lost its tunnel: ${tunnel}`);
  }

  #fail(what: string): void {
    this.server
      .book()
      .fail(`server ${this.server.name} ${what}`, [
        ...this.#trace,
        ...(this.#entry === null ? [] : [`now: ${this.#entry}`]),
      ]);
  }

  #head(head: Head): 'fields' | 'tunnel' {
    const id = fieldValues(head, 'x-id').join();
    const book = this.server.book();
    const entry = book.entries.get(id);
    const [method, target] = head.startLine.split(' ');
    if (this.#answering) this.#fail(`got ${head.startLine} while it was answering`);
    if (entry === undefined) {
      this.#entry = null;
      this.#delivery = null;
      this.#fail(`got a request that no client sent: ${head.startLine}, X-Id ${JSON.stringify(id)}`);
      this.socket.destroy();
      return 'fields';
    }
    if (this.#entry !== null) this.#trace.push(`before: ${this.#entry}`);
    this.#entry = entry;
    const { request } = entry;
    const behaviour = entry.behaviours[Math.min(entry.attempts.length, entry.behaviours.length - 1)]!;
    this.#delivery = {
      server: this.server.name,
      mirror: this.server.mirror,
      behaviour,
      bodyBytes: 0,
      complete: false,
      dropped: false,
      said: false,
    };
    entry.deliveries.push(this.#delivery);
    if (!request.servers.includes(this.server.name[0]!)) {
      this.#fail(`of another pool got a request: ${entry}`);
    }
    if (method !== request.method || target !== request.target) {
      this.#fail(`got ${head.startLine}, expected ${request.method} ${request.target}`);
    }
    if (entry.written < request.headBytes) this.#fail(`got a request whose head was not sent to its end: ${entry}`);
    if (head.framing === 'length' && head.length !== request.bodyBytes) {
      this.#fail(`got Content-Length ${head.length}, expected ${request.bodyBytes}`);
    }
    if (head.framing === 'none' && request.bodyBytes > 0) this.#fail('got no body where there is one');
    if (fieldValue(head, 'host') !== 'a.example') this.#fail(`got Host ${fieldValue(head, 'host')}`);
    this.#checkClient(entry, head);
    this.#answered = false;
    if (behaviour.deafMs > 0) {
      this.socket.pause();
      setTimeout(() => this.socket.resume(), behaviour.deafMs);
    }
    const expects = fieldValues(head, 'expect').join();
    if (expects !== '' && !request.expects) this.#fail(`got Expect: ${expects}, which its client did not say`);
    if (expects !== '' && behaviour.continues && !behaviour.early) this.socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    const asksFor = fieldValues(head, 'upgrade').join();
    if (asksFor !== (request.tunnel === null ? '' : 'fuzz')) this.#fail(`got Upgrade ${JSON.stringify(asksFor)}`);
    if (this.#upgrades) {
      this.#delivery.complete = true;
      this.#answer();
      return 'tunnel';
    }
    if (behaviour.early || behaviour.does === 'reset') this.#answer();
    return 'fields';
  }

  /** The request under way asks for a tunnel, and gets it. */
  get #upgrades(): boolean {
    const behaviour = this.#delivery?.behaviour;
    return this.#entry?.request.tunnel != null && behaviour?.does === 'answer' && behaviour.upgrades;
  }

  /** Who the client is, as the request and the connection it came on say. */
  #checkClient(entry: Entry, head: Head): void {
    const { client } = entry;
    if (client === null) {
      this.#fail('got a request of a client that is not connected');
      return;
    }
    const forwarded = fieldValues(head, 'x-forwarded-for').join();
    if (forwarded !== client.address) this.#fail(`got X-Forwarded-For ${forwarded}, the client is ${client.address}`);
    const named = `${client.address} ${client.port}`;
    if (this.server.named && this.#client !== named) {
      this.#fail(`got a request of ${named} on a connection for ${this.#client}`);
    }
  }

  #body(text: string): void {
    if (this.#entry === null || this.#delivery === null) return;
    if (this.#upgrades) {
      if (this.#tunnel === null) this.#fail('got bytes of a tunnel before it said 101');
      else this.#tunnel.hear(text);
      return;
    }
    const from = this.#delivery.bodyBytes;
    this.#delivery.bodyBytes += text.length;
    if (text !== requestBody(this.#entry.id).slice(from, from + text.length)) {
      this.#fail(`got a body that was not sent, at byte ${from}: ${JSON.stringify(text.slice(0, 200))}`);
      this.socket.destroy();
    }
    if (this.#entry.written < this.#entry.request.headBytes) this.#fail('got a body before its client sent one');
  }

  #end(): void {
    if (this.#entry === null || this.#delivery === null) return;
    this.#delivery.complete = true;
    const { request } = this.#entry;
    if (this.#delivery.bodyBytes !== request.bodyBytes) {
      this.#fail(`got ${this.#delivery.bodyBytes} bytes as the whole body, expected ${request.bodyBytes}`);
    }
    if (!this.#answered) this.#answer();
  }

  /** Does what the behaviour of this attempt says. */
  #answer(): void {
    this.#answered = true;
    this.#answering = true;
    const [entry, { behaviour }] = [this.#entry!, this.#delivery!];
    const attempt = entry.attempts.length;
    if (behaviour.waitMs === 0) this.#begin(entry, behaviour, attempt);
    else setTimeout(() => this.#begin(entry, behaviour, attempt), behaviour.waitMs);
  }

  #begin(entry: Entry, b: Behaviour, attempt: number): void {
    switch (b.does) {
      case 'reset':
        reset(this.wire, this.socket);
        return;
      case 'end':
        this.socket.end();
        return;
      case 'silence':
        return;
      case 'halfHead':
        this.socket.end('HTTP/1.1 200 OK\r\nContent-');
        return;
      case 'nonsense':
        this.socket.end('this is no HTTP\r\n\r\n');
        return;
      case 'answer':
        if (this.#upgrades) this.#switch(entry, attempt);
        else this.#write(entry, b, attempt);
    }
  }

  /** Says 101, and what the tunnel has for the client. */
  #switch(entry: Entry, attempt: number): void {
    const { id, request } = entry;
    this.#tunnel = new TunnelEnd('server', request.tunnel!, id, this.socket, this.wire, (what) => this.#fail(what));
    const lines = ['HTTP/1.1 101 As Asked', 'Connection: Upgrade', 'Upgrade: fuzz', `X-Id: ${id}`];
    this.socket.write(`${lines.join('\r\n')}\r\nX-Attempt: ${attempt}\r\n\r\n`);
    if (request.tunnel!.breaks === 'server') this.#delivery!.dropped = true;
    this.#tunnel.speak();
    if (this.socket.readableEnded) this.#tunnel.hearEnd();
  }

  #write(entry: Entry, b: Behaviour, attempt: number): void {
    const bodiless = b.length < 0;
    const eof = b.framing === 'eof' && !bodiless;
    const lines = [`HTTP/1.1 ${b.status} As Planned`, `X-Id: ${entry.id}`, `X-Attempt: ${attempt}`];
    if (bodiless) lines.push(...(entry.request.method === 'HEAD' && b.status === 200 ? ['Content-Length: 77'] : []));
    else if (b.framing === 'counted') lines.push(`Content-Length: ${b.length}`);
    else if (b.framing === 'chunked') lines.push('Transfer-Encoding: chunked');
    if (b.after === 'sayClose' || eof) lines.push('Connection: close');
    const interims =
      entry.request.minor === 1 ? 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'.repeat(b.interims) : '';
    const head = `${interims}${lines.join('\r\n')}\r\n\r\n`;
    const whole = Math.max(b.length, 0);
    const bytes = b.cutAt >= 0 ? b.cutAt : whole;
    const text = responseBody(entry.id);
    const framed = (from: number, to: number): string =>
      b.framing === 'chunked' && to > from
        ? `${(to - from).toString(16)}\r\n${text.slice(from, to)}\r\n`
        : text.slice(from, to);
    const tail = b.framing === 'chunked' && !bodiless && b.cutAt < 0 ? '0\r\n\r\n' : '';
    const count = Math.max(1, Math.min(b.pieces, bytes));
    const pieces = Array.from({ length: count }, (_, i) =>
      framed(Math.floor((bytes * i) / count), Math.floor((bytes * (i + 1)) / count)),
    );
    if (bodiless) pieces.length = 0;
    pieces[0] = `${head}${pieces[0] ?? ''}`;
    pieces[pieces.length - 1] += tail;
    if (b.after === 'extra')
      pieces[pieces.length - 1] += 'HTTP/1.1 200 OK\r\nX-Id: extra\r\nContent-Length: 2\r\n\r\nno';
    this.#send(pieces, 0, b, eof);
  }

  #send(pieces: readonly string[], at: number, b: Behaviour, eof: boolean): void {
    if (this.socket.destroyed) return;
    const last = at === pieces.length - 1;
    const delivery = this.#delivery!;
    if (last) this.#answering = false;
    this.socket.write(pieces[at]!, 'latin1', (error) => {
      if (last && error == null) delivery.said = true;
    });
    if (at < pieces.length - 1) {
      if (b.gapMs === 0) setImmediate(() => this.#send(pieces, at + 1, b, eof));
      else setTimeout(() => this.#send(pieces, at + 1, b, eof), b.gapMs);
      return;
    }
    // A whole answer may be on its way still when the reset follows: that is what makes it one more way to fail.
    if (b.after === 'reset') reset(this.wire, this.socket);
    else if (b.after !== 'keep' || eof || this.socket.readableEnded) this.socket.end();
  }
}
