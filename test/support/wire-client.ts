// A client that sends exactly the bytes it is given and shows exactly the bytes it got.
// Owns one raw socket. Leaves reading messages to messages.ts. Every wait has a deadline that says what had arrived.

import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Place } from './addresses.js';
import { reset } from './endings.js';
import { type Message, readFinalResponse } from './messages.js';

/** How a connection ended: `end` (FIN), `reset` (RST), or `open` as long as it has not. */
export type Ending = 'open' | 'end' | 'reset';

const DEADLINE_MS = 15_000;

/** How a client connects. */
export interface ConnectOptions {
  readonly halfOpen?: boolean;
  readonly deadlineMs?: number;
  readonly localAddress?: string;
  /** Speak TLS: each `send` becomes a record of its own. */
  readonly tls?: ConnectionOptions;
  /** With `tls`: speak it over this, which is connected already or about to be. */
  readonly over?: Duplex;
}

export class WireClient {
  ending: Ending = 'open';
  private readonly pieces: string[] = [];
  private joined = '';
  private receivedBytes = 0;
  /** Offset of the first byte behind the first head; -1 as long as it has not come. */
  private headEnd = -1;
  private readonly waiting = new Set<() => void>();

  private constructor(
    /** The socket itself, for pausing and resetting. */
    readonly socket: Socket,
    private readonly deadlineMs: number,
  ) {
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.pieces.push(text);
      this.receivedBytes += text.length;
      this.wake();
    });
    socket.on('end', () => {
      if (this.ending === 'open') this.ending = 'end';
      this.wake();
    });
    socket.on('error', () => {
      if (this.ending === 'open') this.ending = 'reset';
      this.wake();
    });
    socket.on('close', () => {
      if (this.ending === 'open') this.ending = 'end';
      this.wake();
    });
  }

  /** Connects. `halfOpen` keeps our direction open after the other side's end. Rejects when nobody listens. */
  static connect(to: Place | { readonly path: string }, options: ConnectOptions = {}): Promise<WireClient> {
    return new Promise((resolve, reject) => {
      const target = 'path' in to ? { path: to.path } : { host: to.host, port: to.port };
      const local = options.localAddress === undefined ? {} : { localAddress: options.localAddress };
      const all = { ...target, ...local, allowHalfOpen: options.halfOpen ?? false };
      const over = options.over === undefined ? all : { socket: options.over };
      const socket = options.tls === undefined ? connect(all) : connectTls({ ...options.tls, ...over });
      socket.once('error', reject);
      socket.once(options.tls === undefined ? 'connect' : 'secureConnect', () => {
        socket.off('error', reject);
        resolve(new WireClient(socket, options.deadlineMs ?? DEADLINE_MS));
      });
    });
  }

  private wake(): void {
    for (const check of [...this.waiting]) check();
  }

  /** The port of our end. */
  get localPort(): number {
    return this.socket.localPort!;
  }

  /** All bytes received so far, one latin1 character each. */
  get received(): string {
    if (this.pieces.length > 0) {
      this.joined += this.pieces.join('');
      this.pieces.length = 0;
    }
    return this.joined;
  }

  /** How many bytes were received so far. */
  get receivedCount(): number {
    return this.receivedBytes;
  }

  /** How many bytes came behind the first head. Large bodies are waited for by it: it joins no text once the head is there. */
  get bodyCount(): number {
    if (this.headEnd < 0) {
      const at = this.received.indexOf('\r\n\r\n');
      if (at < 0) return 0;
      this.headEnd = at + 4;
    }
    return this.receivedBytes - this.headEnd;
  }

  /** True once the connection is over in both directions, or the other side has ended its own. */
  get ended(): boolean {
    return this.ending !== 'open';
  }

  /** Resolves when the kernel took the bytes, and also when the connection died first: what it did is seen by reading. */
  send(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.destroyed || !this.socket.writable) {
        resolve();
        return;
      }
      if (typeof bytes === 'string') this.socket.write(bytes, 'latin1', () => resolve());
      else this.socket.write(bytes, () => resolve());
    });
  }

  /**
   * Waits until `look` answers something; it is asked after every piece and once the connection ended.
   * Rejects at the deadline, and when the connection ended without an answer, with what had arrived.
   */
  until<T>(what: string, look: () => T | undefined, deadlineMs = this.deadlineMs): Promise<T> {
    return new Promise((resolve, reject) => {
      const done = (settle: () => void): void => {
        clearTimeout(timer);
        this.waiting.delete(check);
        settle();
      };
      const check = (): void => {
        try {
          const found = look();
          if (found !== undefined) done(() => resolve(found));
          else if (this.ended) {
            done(() => reject(new Error(`no ${what}: the connection ended (${this.ending}) first; ${this.soFar()}`)));
          }
        } catch (error) {
          done(() => reject(error));
        }
      };
      const timer = setTimeout(() => {
        const state = `connection ${this.ending}; ${this.soFar()}`;
        done(() => reject(new Error(`no ${what} within ${deadlineMs} ms; ${state}`)));
      }, deadlineMs);
      this.waiting.add(check);
      check();
    });
  }

  private soFar(): string {
    const text = this.received;
    const shown = text.length > 2000 ? `${text.slice(0, 1000)} … ${text.slice(-800)}` : text;
    return `received ${text.length} bytes: ${JSON.stringify(shown)}`;
  }

  /** The final responses to requests with these methods, in order. Fails when the connection ends before the last. */
  responses(methods: readonly string[]): Promise<Message[]> {
    const found: Message[] = [];
    let at = 0;
    return this.until(`${methods.length} responses`, () => {
      while (found.length < methods.length) {
        const answer = readFinalResponse(this.received, at, methods[found.length]!, this.ended);
        if (answer === undefined) return undefined;
        found.push(answer.final);
        at = answer.final.end;
      }
      return found;
    });
  }

  /** The one final response, without the informational ones before it. */
  async response(method = 'GET'): Promise<Message> {
    return (await this.fullResponse(method)).final;
  }

  /** The final response and the 1xx before it. */
  fullResponse(method = 'GET'): Promise<{ informational: Message[]; final: Message }> {
    return this.until('response', () => readFinalResponse(this.received, 0, method, this.ended));
  }

  /** Sends a request and waits for its response, leaving nothing in `received`. For keep-alive conversations. */
  async exchange(request: string, method = request.slice(0, request.indexOf(' '))): Promise<Message> {
    this.forget();
    await this.send(request);
    return this.response(method);
  }

  /** Drops what was received so far. */
  forget(): void {
    this.pieces.length = 0;
    this.joined = '';
    this.receivedBytes = 0;
    this.headEnd = -1;
  }

  /** Waits for the other side to end or reset the connection. */
  closed(deadlineMs = this.deadlineMs): Promise<Ending> {
    return this.until('close', () => (this.ended ? this.ending : undefined), deadlineMs);
  }

  /**
   * How the connection ended, for one opened with `halfOpen`. libuv says `end` for a reset that comes behind bytes: there
   * writing tells, which works behind an end and not behind a reset.
   */
  async trueEnding(): Promise<Ending> {
    if ((await this.closed()) === 'reset') return 'reset';
    return new Promise((resolve) => this.socket.write('x', (error) => resolve(error ? 'reset' : 'end')));
  }

  /** Ends our direction: the other side sees FIN. */
  end(): void {
    this.socket.end();
  }

  /** Leaves rudely: the other side sees RST. */
  reset(): void {
    reset(this.socket);
  }

  /** Closes both directions. */
  close(): void {
    this.socket.destroy();
  }
}

/** One connection, one request, one response; the connection is closed afterwards. */
export async function ask(to: Place, request: string, tls?: ConnectionOptions): Promise<Message> {
  const client = await WireClient.connect(to, tls === undefined ? {} : { tls });
  try {
    await client.send(request);
    return await client.response(request.slice(0, request.indexOf(' ')));
  } finally {
    client.close();
  }
}

/** A GET with a Host field and whatever lines are added. */
export function get(path = '/', ...lines: string[]): string {
  const host = lines.some((line) => /^host:/i.test(line)) ? [] : ['Host: test.example'];
  return [`GET ${path} HTTP/1.1`, ...host, ...lines, '', ''].join('\r\n');
}

/** What a proxy made of a request: how it came to the server behind it, if it did, and the response the client got. */
export interface Passed {
  readonly request: Message | undefined;
  readonly response: Message;
}

/** Asks as `ask` does at a proxy in front of `origin`. */
export async function askThrough(
  origin: { readonly requests: readonly Message[] },
  to: Place,
  request: string,
  options: ConnectOptions = {},
): Promise<Passed> {
  const count = origin.requests.length;
  const client = await WireClient.connect(to, options);
  try {
    await client.send(request);
    const response = await client.response(request.slice(0, request.indexOf(' ')));
    return { request: origin.requests[count], response };
  } finally {
    client.close();
  }
}
