// The book of one round: every request that clients send, what servers do with it, what came of it.
// Owns the rules that must hold between the two sides. Both sides write into it as things happen.

import type { Framing, Request } from './requests.js';

/** How a server treats a request. One for each attempt; the last one is for all further ones. */
export interface Behaviour {
  readonly does: 'answer' | 'end' | 'reset' | 'silence' | 'halfHead' | 'nonsense';
  readonly status: number;
  readonly framing: Framing;
  /** Bytes of the body; -1 for a status or method that has none. */
  readonly length: number;
  /** The body is broken off behind so many bytes; -1: it is whole. */
  readonly cutAt: number;
  /** How the connection ends after a cut, or after a whole answer; `keep`: it does not. */
  readonly after: 'keep' | 'sayClose' | 'end' | 'reset' | 'extra';
  /** Answers a request for a tunnel with 101. When false, such a request gets an ordinary response. */
  readonly upgrades: boolean;
  /** Answers as soon as the head is there. */
  readonly early: boolean;
  /** Says 100 Continue to a request that expects it. */
  readonly continues: boolean;
  /** 1xx responses before the final one. */
  readonly interims: number;
  /** The body in so many pieces, so many milliseconds apart. */
  readonly pieces: number;
  readonly gapMs: number;
  /** Milliseconds before anything is said. */
  readonly waitMs: number;
  /** Milliseconds for which nothing is received after the head. */
  readonly deafMs: number;
}

/** One arrival of a request at a server. */
export interface Delivery {
  readonly server: string;
  readonly mirror: boolean;
  readonly behaviour: Behaviour;
  bodyBytes: number;
  complete: boolean;
  /** The server was stopped in the middle of it. */
  dropped: boolean;
  /** All of the answer has left the server. */
  said: boolean;
}

/** One request, from both sides. */
export class Entry {
  readonly deliveries: Delivery[] = [];
  /** Bytes of this request that its client has written to the socket. */
  written = 0;
  /** When the last of them was written; far away until then. */
  wholeAt = Number.POSITIVE_INFINITY;
  /** Nothing behind it on its connection was to be served: a request before it had to end the connection. */
  poisoned = false;
  /** What the client got: a status, `cut`, `none`. */
  outcome = 'none';
  /** Its client went, or was slow, so nothing has to arrive. */
  left = false;
  /** Its client has its tunnel. */
  tunnelled = false;
  /** The client that servers have to be told of; null: not known yet. */
  client: { readonly address: string; readonly port: number } | null = null;

  constructor(
    readonly request: Request,
    /** By attempt. */
    readonly behaviours: readonly Behaviour[],
  ) {}

  get id(): string {
    return this.request.id;
  }

  /** Arrivals at servers that are to answer, not at mirrors. */
  get attempts(): readonly Delivery[] {
    return this.deliveries.filter(({ mirror }) => !mirror);
  }

  toString(): string {
    const arrived = this.deliveries.map(
      ({ server, mirror, behaviour, bodyBytes, complete, dropped }) =>
        `${mirror ? 'mirror ' : ''}${server}: ${behaviourText(behaviour)}, ${bodyBytes} body bytes${complete ? '' : ', incomplete'}${dropped ? ', dropped' : ''}`,
    );
    return `${this.request} -> ${this.outcome}${this.poisoned ? ' (poisoned)' : ''} [${arrived.join(' | ')}]`;
  }
}

function behaviourText(b: Behaviour): string {
  if (b.does !== 'answer') return b.does;
  const parts = [`${b.status} ${b.framing} ${b.length}`];
  if (b.cutAt >= 0) parts.push(`cut at ${b.cutAt}`);
  if (b.after !== 'keep') parts.push(b.after);
  if (b.upgrades) parts.push('upgrades');
  if (b.early) parts.push('early');
  if (!b.continues) parts.push('no 100');
  if (b.interims > 0) parts.push(`${b.interims} interims`);
  if (b.pieces > 1) parts.push(`${b.pieces} pieces`);
  if (b.deafMs > 0) parts.push(`deaf ${b.deafMs} ms`);
  return parts.join(' ');
}

const PULSE_MS = 10;

/** A pause of this process that comes near to the shortest timeouts. */
export const LAG_MS = 150;

export class Book {
  readonly entries = new Map<string, Entry>();
  readonly violations: string[] = [];
  /** The server of each session that was given to a client, by its name. */
  readonly sessions = new Map<string, string>();
  /** The proxy was asked to end. */
  draining = false;
  /** A worker of the proxy is made to die in this round: any connection may end with it. */
  deaths = false;
  readonly #startedAt = performance.now();
  #over = false;

  /**
   * `short`: the proxy has timeouts that a pause of this process may reach. `tight`: its slab is full at times, so that what
   * has come is not received: such a timeout may pass then without any pause.
   */
  constructor(
    private readonly short = false,
    private readonly tight = false,
  ) {}

  #beat = performance.now();
  #longestMs = 0;
  readonly #pulse = setInterval(() => {
    this.#longestMs = this.lagMs;
    this.#beat = performance.now();
  }, PULSE_MS).unref();

  /** The longest time in which this process did nothing: as long, clients and servers were silent against their will. */
  get lagMs(): number {
    return Math.max(this.#longestMs, performance.now() - this.#beat - PULSE_MS);
  }

  /** A pause of this process, or a full slab, may have looked like a client or a server that stalls. */
  get lagged(): boolean {
    return this.short && (this.tight || this.lagMs > LAG_MS);
  }

  add(entry: Entry): void {
    this.entries.set(entry.id, entry);
  }

  /** Takes down that a rule was broken. `trace` is what led to it. */
  fail(what: string, trace: readonly string[] = []): void {
    if (!this.#over) this.violations.push([`${this.at()} ${what}`, ...trace].join('\n    '));
  }

  /** Milliseconds since the round began, for traces. */
  at(): string {
    return `${Math.round(performance.now() - this.#startedAt)} ms`;
  }

  /** What the round did, as far as it goes by itself: deliveries that no method allows. */
  close(): void {
    for (const entry of this.entries.values()) {
      const { request, attempts } = entry;
      if (!request.idempotent && attempts.length > 1) this.fail(`delivered twice: ${entry}`);
      if (request.target === '' && entry.deliveries.length > 0)
        this.fail(`delivered though it had to be refused: ${entry}`);
      if (entry.poisoned && entry.deliveries.length > 0) this.fail(`delivered behind a refused request: ${entry}`);
    }
    this.#over = true;
    clearInterval(this.#pulse);
  }

  /** Totals, to see that a round does what it is for. */
  get summary(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { outcome } of this.entries.values()) counts[outcome] = (counts[outcome] ?? 0) + 1;
    return counts;
  }
}
