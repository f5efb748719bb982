// One pool's servers as one worker's balancer sees them: those open right now, kept in flat arrays.
// Owns following the shared state and the fallbacks (backup servers, panic). Leaves the choice among the open ones to the balancers.

import type { BalancePoolPlan } from './options.js';
import { GATE, POOL, SERVER, type ServerState } from './server-state.js';

/** No server can take the request: none is open, or all open ones were attempted. */
export const NO_SERVER = -1;
/** Servers are open, but each has as many requests in flight as it may have: wait (limits.ts) or answer 503. */
export const ALL_BUSY = -2;

const TRIED_MAX = 16;

/** The servers one request was sent to already. One per request object, cleared and used again. */
export class Attempted {
  readonly #servers = new Int32Array(TRIED_MAX);
  count = 0;

  clear(): void {
    this.count = 0;
  }

  /** Remembers `server`. Past 16 the oldest is forgotten: no request has that many attempts. */
  add(server: number): void {
    this.#servers[this.count % TRIED_MAX] = server;
    this.count++;
  }

  /** Forgets servers that are not among `members`: their indexes may come to mean others. */
  keep(members: ReadonlySet<number>): void {
    const known = Math.min(this.count, TRIED_MAX);
    let kept = 0;
    for (let i = 0; i < known; i++) if (members.has(this.#servers[i]!)) this.#servers[kept++] = this.#servers[i]!;
    this.count = kept;
  }

  has(server: number): boolean {
    const known = Math.min(this.count, TRIED_MAX);
    for (let i = 0; i < known; i++) if (this.#servers[i] === server) return true;
    return false;
  }
}

/**
 * The open servers of a pool. Arrays are made once, sized for every member; `refresh` fills them again when the pool's
 * version moved. A position counts among the open ones, a member among all as the plan lists them.
 */
export class PoolView {
  readonly state: ServerState;
  readonly words: Int32Array;
  /** Open servers, as many as the arrays below hold. Backups are included only when no other server is open. */
  count = 0;
  /** By position: the server's index in the shared state. */
  readonly servers: Int32Array;
  /** By position: its first word in the shared state. */
  readonly ats: Int32Array;
  /** By position: which member of the plan it is. */
  readonly members: Int32Array;
  /** By position: its effective weight, never below 1. */
  readonly weights: Int32Array;
  /** Sum of the weights of the open servers. */
  weightTotal = 0;
  /** All open servers have the same weight: balancers may take shortcuts. */
  equalWeights = true;
  readonly plan: BalancePoolPlan;
  readonly #versionAt: number;
  #version = -1;
  readonly #panicUsesAll: boolean;

  constructor(plan: BalancePoolPlan, state: ServerState) {
    this.plan = plan;
    this.state = state;
    this.words = state.words;
    const size = plan.servers.length;
    this.servers = new Int32Array(size);
    this.ats = new Int32Array(size);
    this.members = new Int32Array(size);
    this.weights = new Int32Array(size);
    this.#versionAt = state.poolAt(plan.slot) + POOL.version;
    this.#panicUsesAll = plan.balance.panic === 'try';
  }

  /** Reads the members anew if anything changed since the last call. True when it did. Hot: one load when nothing did. */
  refresh(): boolean {
    const version = Atomics.load(this.words, this.#versionAt);
    if (version === this.#version) return false;
    // The version is taken first: a change that comes while reading moves it again and is read at the next pick.
    this.#version = version;
    this.#read();
    return true;
  }

  /** Gives each member what `before` kept for its server; 0 where that is new. `kept` and `into` are by member. */
  takeOver<Kept extends Int32Array | Float64Array>(before: PoolView, kept: Kept, into: Kept): void {
    const byServer = new Map(before.plan.servers.map(({ index }, member) => [index, kept[member]!]));
    for (const [member, { index }] of this.plan.servers.entries()) into[member] = byServer.get(index) ?? 0;
  }

  /** Whether the server at `position` has room for another request. */
  hasRoom(position: number): boolean {
    const at = this.ats[position]!;
    const max = this.words[at + SERVER.inFlightMax]!;
    return max === 0 || Atomics.load(this.words, at + SERVER.inFlight) < max;
  }

  /**
   * The choice when the balancer found no open server: a backup not yet attempted with room, then a server not yet
   * attempted that is only ejected, each in the plan's order; else ALL_BUSY when one is merely full, else NO_SERVER.
   * Ejection is a guess from past failures: with no other server left, an attempt is better than an error. Cold.
   */
  otherwise(attempted: Attempted): number {
    for (let i = 0; i < this.count; i++) if (!attempted.has(this.servers[i]!)) return ALL_BUSY;
    const backup = attempted.count === 0 ? NO_SERVER : this.#notAttempted(attempted, GATE.OPEN, true);
    if (backup !== NO_SERVER) return backup;
    const ejected = this.#notAttempted(attempted, GATE.EJECTED, false);
    return ejected !== NO_SERVER ? ejected : this.#notAttempted(attempted, GATE.EJECTED, true);
  }

  /** The first server of one tier that was not attempted, with exactly this gate and room; ALL_BUSY when there are only full ones. */
  #notAttempted(attempted: Attempted, gate: number, backup: boolean): number {
    let busy = false;
    for (const server of this.plan.servers) {
      if (server.backup !== backup || this.state.gate(server.index) !== gate || attempted.has(server.index)) continue;
      const at = this.state.serverAt(server.index);
      const max = this.words[at + SERVER.inFlightMax]!;
      if (max === 0 || Atomics.load(this.words, at + SERVER.inFlight) < max) return server.index;
      busy = true;
    }
    return busy ? ALL_BUSY : NO_SERVER;
  }

  #read(): void {
    this.#fill(false, GATE.OPEN);
    if (this.count === 0) this.#fill(true, GATE.OPEN);
    if (this.count === 0 && this.#panicUsesAll) {
      const excusable = GATE.DOWN | GATE.EJECTED | GATE.UNCHECKED;
      this.#fill(false, excusable);
      if (this.count === 0) this.#fill(true, excusable);
    }
  }

  /** Takes the members of one tier whose gate has no bit beyond `excused`. */
  #fill(backup: boolean, excused: number): void {
    const { words, state } = this;
    const { servers } = this.plan;
    let count = 0;
    let total = 0;
    let equal = true;
    for (let member = 0; member < servers.length; member++) {
      const server = servers[member]!;
      if (server.backup !== backup) continue;
      const at = state.serverAt(server.index);
      if ((Atomics.load(words, at + SERVER.gate) & ~excused) !== 0) continue;
      const weight = Math.max(1, words[at + SERVER.effectiveWeight]!);
      this.servers[count] = server.index;
      this.ats[count] = at;
      this.members[count] = member;
      this.weights[count] = weight;
      if (weight !== this.weights[0]) equal = false;
      total += weight;
      count++;
    }
    this.count = count;
    this.weightTotal = total;
    this.equalWeights = equal;
  }
}
