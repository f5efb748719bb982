// Stickiness: which server a client was at, read from the cookie or header it sends; what to tell it when that changes.
// Owns the opaque server names and their bytes. Leaves finding the request's fields, and sending ours, to the worker.

import { createHmac } from 'node:crypto';
import { equalsBytes } from '../base/bytes.js';
import { cookie, nextCookie } from '../base/cookies.js';
import { keyOfBytes } from './keys.js';
import type { BalancePoolPlan, SessionOptions } from './options.js';
import { GATE, SERVER, type ServerState } from './server-state.js';
import type { Attempted } from './view.js';

/** The client named no server of this pool. */
export const NO_SESSION = -1;

/** Characters of a server's opaque name: 96 bits in base64url. */
const NAME_BYTES = 16;
const QUOTE = 0x22;

/**
 * A server's opaque name: a keyed hash of pool and address, so it stays the same through reloads and restarts and on
 * every balancer with the same secret, and tells a client nothing. Nothing is stored.
 */
export function sessionToken(pool: string, address: string, secret: string): string {
  const hash = createHmac('sha256', `sevenfold session\0${secret}`).update(`${pool}\0${address}`).digest('base64url');
  return hash.slice(0, NAME_BYTES);
}

/** A pool's opaque name, for splits that clients stay on: made and kept as those of servers. */
export function splitToken(pool: string, secret: string): string {
  return createHmac('sha256', `sevenfold split\0${secret}`).update(pool).digest('base64url').slice(0, NAME_BYTES);
}

/** The sessions of one pool in one worker. Make a new one with each plan. */
export class Sessions {
  readonly #state: ServerState;
  readonly #cookieName: Uint8Array;
  readonly #isCookie: boolean;
  /** Open addressing, by key of the name: place → index into the arrays below, -1 free. */
  readonly #places: Int32Array;
  readonly #names: Uint8Array[] = [];
  readonly #servers: number[] = [];
  readonly #secret: string;
  /** By address. */
  readonly #tokens = new Map<string, string>();
  /** By server index: the whole line to add to an answer. */
  readonly #lines: (string | undefined)[] = [];

  /** `before` are those of the same pool under the plan before: tokens that stay are not made again. */
  constructor(plan: BalancePoolPlan, options: SessionOptions, state: ServerState, before: Sessions | null = null) {
    const known = before !== null && before.#secret === options.secret ? before.#tokens : null;
    this.#secret = options.secret;
    this.#state = state;
    this.#isCookie = options.type === 'Cookie';
    this.#cookieName = Buffer.from(options.name, 'latin1');
    let places = 16;
    while (places < plan.servers.length * 2) places *= 2;
    this.#places = new Int32Array(places).fill(-1);
    for (const server of plan.servers) {
      const name = known?.get(server.address) ?? sessionToken(plan.name, server.address, options.secret);
      this.#tokens.set(server.address, name);
      const bytes = Buffer.from(name, 'latin1');
      let place = keyOfBytes(bytes, 0, bytes.length) & (places - 1);
      while (this.#places[place] !== -1) place = (place + 1) & (places - 1);
      this.#places[place] = this.#names.length;
      this.#names.push(bytes);
      this.#servers.push(server.index);
      this.#lines[server.index] = lineFor(name, options);
    }
  }

  /**
   * The server a field value names, or NO_SESSION: all of a `Cookie` field's value when sessions are cookies, else the value of
   * the pool's own header. Of several cookies of the name the first that names a server counts. Hot: allocates nothing.
   */
  read(bytes: Uint8Array, at: number, length: number): number {
    if (!this.#isCookie) return this.#serverOf(bytes, at, length);
    const end = at + length;
    for (let from = at; nextCookie(bytes, from, end, this.#cookieName); from = cookie.next) {
      const server = this.#serverOfValue(bytes, cookie.valueAt, cookie.valueBytes);
      if (server >= 0) return server;
    }
    return NO_SESSION;
  }

  /**
   * Whether a client that is at `server` should be sent there again: it is open or only draining (sticky clients move
   * last), has room, and was not attempted for this request. If not, let the balancer pick. Hot.
   */
  stays(server: number, attempted: Attempted): boolean {
    if (server < 0) return false;
    const { words } = this.#state;
    const at = this.#state.serverAt(server);
    if ((Atomics.load(words, at + SERVER.gate) & ~GATE.DRAINING) !== 0) return false;
    const max = words[at + SERVER.inFlightMax]!;
    if (max !== 0 && Atomics.load(words, at + SERVER.inFlight) >= max) return false;
    return attempted.count === 0 || !attempted.has(server);
  }

  /**
   * The line to add to the answer, CRLF included, or null when there is nothing to tell: `was` is what `read` returned,
   * `is` the server that answered. A client whose server is merely full keeps its cookie and returns there. Hot.
   */
  line(was: number, is: number): string | null {
    if (was === is) return null;
    if (was >= 0 && (this.#state.gate(was) & ~GATE.DRAINING) === 0 && this.#isFull(was)) return null;
    return this.#lines[is] ?? null;
  }

  #isFull(server: number): boolean {
    const max = this.#state.words[this.#state.serverAt(server) + SERVER.inFlightMax]!;
    return max !== 0 && this.#state.inFlight(server) >= max;
  }

  /** The server that a cookie's value names, which a client may have put in quotes. */
  #serverOfValue(bytes: Uint8Array, at: number, length: number): number {
    const quoted = length >= 2 && bytes[at] === QUOTE && bytes[at + length - 1] === QUOTE;
    return quoted ? this.#serverOf(bytes, at + 1, length - 2) : this.#serverOf(bytes, at, length);
  }

  #serverOf(bytes: Uint8Array, at: number, length: number): number {
    if (length !== NAME_BYTES) return NO_SESSION;
    const mask = this.#places.length - 1;
    for (let place = keyOfBytes(bytes, at, length) & mask; ; place = (place + 1) & mask) {
      const entry = this.#places[place]!;
      if (entry === -1) return NO_SESSION;
      if (equalsBytes(bytes, at, length, this.#names[entry]!)) return this.#servers[entry]!;
    }
  }
}

/** The header line that tells a client its server's name (RFC 6265, 4.1 for cookies). */
export function lineFor(name: string, options: SessionOptions): string {
  if (options.type === 'Header') return `${options.name}: ${name}\r\n`;
  let line = `Set-Cookie: ${options.name}=${name}; Path=${options.path}`;
  if (options.maxAgeSeconds > 0) line += `; Max-Age=${options.maxAgeSeconds}`;
  if (options.secure) line += '; Secure';
  if (options.httpOnly) line += '; HttpOnly';
  return `${line}; SameSite=${options.sameSite}\r\n`;
}
