// A split of a rule's requests that a client stays on: it is led by weight once, and to the same pool from then on.
// Owns knowing the pool again. Leaves turns by weight to routing/split.ts.

import { lineFor, splitToken } from '../balance/session.js';
import { WeightedChoice } from '../balance/weighted-choice.js';
import { cookie, nextCookie } from '../base/cookies.js';
import { FIELD_ID } from '../http/fields.js';
import { FIELD, type Head } from '../http/head.js';
import type { BackendRefPlan, StickyPlan } from '../routing/plan.js';
import type { Split } from '../routing/split.js';
import { keyBy } from './affinity.js';
import type { Context } from './context.js';
import type { Exchange } from './exchange.js';

/** A pool that takes part, and its share. */
interface Share {
  readonly name: string;
  readonly ref: BackendRefPlan;
}

/** Chooses the pool of the request: its index in the plan, -1 for none. */
export interface StickySplit {
  choose(w: Context, x: Exchange): number;
}

/** `split` gives a client that is not known yet its pool. */
export function stickySplit(plan: StickyPlan, shares: readonly Share[], split: Split): StickySplit {
  return plan.by === 'hashKey' ? new HashSplit(plan, shares) : new SessionSplit(plan, shares, split);
}

/** By a key of the request. Nothing is stored, here or with the client. */
class HashSplit implements StickySplit {
  readonly #type: Extract<StickyPlan, { by: 'hashKey' }>['type'];
  readonly #name: Uint8Array;
  readonly #choice: WeightedChoice;
  readonly #pools: readonly number[];

  constructor({ type, name }: Extract<StickyPlan, { by: 'hashKey' }>, shares: readonly Share[]) {
    this.#type = type;
    this.#name = Buffer.from(type === 'Header' ? name.toLowerCase() : name, 'latin1');
    this.#pools = shares.map(({ ref }) => ref.pool);
    this.#choice = new WeightedChoice(
      shares.map((share) => share.name),
      shares.map(({ ref }) => ref.weight),
    );
  }

  choose(w: Context, x: Exchange): number {
    const index = this.#choice.pick(keyBy(w, x, this.#type, this.#name));
    return index < 0 ? -1 : this.#pools[index]!;
  }
}

/** By a cookie or header that names the pool, opaquely: the same after a reload, a restart and on every balancer. */
class SessionSplit implements StickySplit {
  readonly #name: Uint8Array;
  readonly #isCookie: boolean;
  readonly #pools: readonly number[];
  readonly #names: readonly Uint8Array[];
  readonly #lines: readonly string[];
  readonly #split: Split;

  /** A pool of weight 0 has no name that is known again: its clients move. */
  constructor(plan: Extract<StickyPlan, { by: 'session' }>, shares: readonly Share[], split: Split) {
    this.#isCookie = plan.type === 'Cookie';
    this.#name = Buffer.from(this.#isCookie ? plan.name : plan.name.toLowerCase(), 'latin1');
    const open = shares.filter(({ ref }) => ref.weight > 0);
    const names = open.map(({ name }) => splitToken(name, plan.secret));
    this.#pools = open.map(({ ref }) => ref.pool);
    this.#names = names.map((name) => Buffer.from(name, 'latin1'));
    this.#lines = names.map((name) => lineFor(name, plan));
    this.#split = split;
  }

  choose(w: Context, x: Exchange): number {
    const known = this.#read(w.memory, x.head!);
    if (known >= 0) return this.#pools[known]!;
    const pool = this.#split.pick();
    x.splitLine = this.#lines[this.#pools.indexOf(pool)] ?? '';
    return pool;
  }

  /** Which pool the request names; -1 for none. */
  #read(memory: Uint8Array, head: Head): number {
    if (!this.#isCookie) {
      const name = this.#name;
      let field = head.nextNamed(memory, 0, name);
      for (; field >= 0; field = head.nextNamed(memory, field + FIELD.WORDS, name)) {
        const known = this.#known(memory, head.valueAt(field), head.valueBytes(field));
        if (known >= 0) return known;
      }
      return -1;
    }
    for (let field = head.next(FIELD_ID.COOKIE); field >= 0; field = head.next(FIELD_ID.COOKIE, field + FIELD.WORDS)) {
      const end = head.valueAt(field) + head.valueBytes(field);
      for (let at = head.valueAt(field); nextCookie(memory, at, end, this.#name); at = cookie.next) {
        const known = this.#known(memory, cookie.valueAt, cookie.valueBytes);
        if (known >= 0) return known;
      }
    }
    return -1;
  }

  #known(memory: Uint8Array, at: number, bytes: number): number {
    return this.#names.findIndex((name) => name.length === bytes && name.every((byte, i) => memory[at + i] === byte));
  }
}
