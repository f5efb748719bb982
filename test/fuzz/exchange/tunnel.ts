// One end of a tunnel: what follows a 101. Says its part in pieces, and checks what the other end says.
// Owns the bytes behind the 101 and the ends of both directions. Leaves whether a tunnel may be cut to client and server.

import type { Socket } from 'node:net';
import { endAfterReading, reset } from '../../support/endings.js';
import type { Random } from '../random.js';
import { Text } from './body.js';

/** What goes through a tunnel, and how it ends. */
export interface TunnelPlan {
  /** Bytes from the client, and from the server. */
  readonly up: number;
  readonly down: number;
  /** Each side in so many pieces, so many milliseconds apart. */
  readonly pieces: number;
  readonly gapMs: number;
  /** Who ends its side by itself; the other side ends once it has heard everything. */
  readonly ends: 'client' | 'server' | 'both';
  /** Bytes that the client sends before it knows that there is a tunnel. */
  readonly early: number;
  /** The side that resets the tunnel, after half of what it has to say. */
  readonly breaks: 'none' | 'client' | 'server';
}

const SIZES = [0, 1, 30, 1000, 16_400, 70_000, 250_000];

/** A random plan. `calm`: no server fails. `sure`: the request cannot be answered in another way. */
export function randomTunnel(dice: Random, calm: boolean, rude: boolean, sure: boolean): TunnelPlan {
  const up = dice.pick(SIZES);
  const breaks = dice.below(4) === 0 ? dice.pick(['client', 'server'] as const) : 'none';
  return {
    up,
    down: dice.pick(SIZES),
    pieces: 1 + dice.below(6),
    gapMs: dice.pick([0, 1, 5, 40]),
    ends: dice.pick(['client', 'server', 'both']),
    early: sure && dice.below(3) === 0 ? dice.below(Math.min(up, 5000) + 1) : 0,
    breaks: (breaks === 'client' && !rude) || (breaks === 'server' && calm) ? 'none' : breaks,
  };
}

/** What the client of tunnel `id` says: requests that must never be served. */
export const upward = (id: string): Text =>
  new Text(`GET /trap/tunnel-of-${id} HTTP/1.1\r\nHost: a.example\r\nX-Id: tunnel-of-${id}\r\n\r\n`);

/** What its server says: responses that belong to no request. */
export const downward = (id: string): Text =>
  new Text(`HTTP/1.1 298 Trap\r\nX-Id: tunnel-of-${id}\r\nContent-Length: 0\r\n\r\n`);

export class TunnelEnd {
  #said = 0;
  #heard = 0;
  #heardEnd = false;
  #saidEnd = false;
  /** This side has reset the tunnel. */
  broke = false;
  readonly #says: Text;
  readonly #hears: Text;
  readonly #saysBytes: number;
  readonly #hearsBytes: number;

  constructor(
    private readonly side: 'client' | 'server',
    private readonly plan: TunnelPlan,
    id: string,
    private readonly socket: Socket,
    /** Below TLS; else the same. */
    private readonly wire: Socket,
    private readonly fail: (what: string) => void,
  ) {
    const client = side === 'client';
    [this.#says, this.#hears] = client ? [upward(id), downward(id)] : [downward(id), upward(id)];
    [this.#saysBytes, this.#hearsBytes] = client ? [plan.up, plan.down] : [plan.down, plan.up];
    if (client) this.#said = plan.early;
  }

  /** Both directions have ended, with every byte there. */
  get whole(): boolean {
    return this.#saidEnd && this.#heardEnd && this.#heard === this.#hearsBytes;
  }

  toString(): string {
    const ended = `${this.#saidEnd ? ', ended' : ''}${this.#heardEnd ? ', heard the end' : ''}`;
    return `tunnel: said ${this.#said} of ${this.#saysBytes}, heard ${this.#heard} of ${this.#hearsBytes}${ended}`;
  }

  /** Says the next piece, and so on. */
  speak(): void {
    if (this.socket.destroyed || this.broke || this.#saidEnd) return;
    const { pieces, gapMs, breaks } = this.plan;
    if (breaks === this.side && this.#said >= this.#saysBytes / 2) {
      this.broke = true;
      reset(this.wire, this.socket);
      return;
    }
    const to = Math.min(this.#saysBytes, this.#said + Math.ceil(this.#saysBytes / pieces));
    if (to > this.#said) this.socket.write(this.#says.slice(this.#said, to), 'latin1');
    this.#said = to;
    if (to === this.#saysBytes) this.#endIfDue();
    else if (gapMs === 0) setImmediate(() => this.speak());
    else setTimeout(() => this.speak(), gapMs);
  }

  hear(text: string): void {
    const from = this.#heard;
    this.#heard += text.length;
    if (text !== this.#hears.slice(from, this.#heard)) {
      this.fail(`heard other bytes in its tunnel, at byte ${from}: ${JSON.stringify(text.slice(0, 200))}`);
      this.socket.destroy();
    } else if (this.#heard > this.#hearsBytes) this.fail(`heard more than was said: ${this}`);
    this.#endIfDue();
  }

  /** The other side has ended. */
  hearEnd(): void {
    this.#heardEnd = true;
    this.#endIfDue();
  }

  /** Ends this side where it is its turn. The end of the other side before its last byte is for the owner to judge. */
  #endIfDue(): void {
    if (this.#saidEnd || this.broke || this.#said < this.#saysBytes) return;
    const first = this.plan.ends === 'both' || this.plan.ends === this.side;
    if (!first && !this.#heardEnd) return;
    this.#saidEnd = true;
    endAfterReading(this.socket);
  }
}
