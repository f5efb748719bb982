// Requests that wait for a server with room: one line per pool over all workers, first come first served.
// Owns the order, the bound and waking the worker whose turn it is. Leaves deadlines and answers to the worker.

import type { BalancePoolPlan } from './options.js';
import { POOL, type ServerState, SLICE } from './server-state.js';

/*
 * Each waiting request draws a ticket from a shared counter; each worker keeps its own in order and publishes the
 * oldest. Only the worker that holds the oldest of all may take freed room, so a busy worker cannot starve a quiet one:
 *
 *   ALL_BUSY ─► join ─┬─ false: the line is full ─► 503 with Retry-After
 *                     └─ true ─► WAITING ─┬─ front() returns it ─► pick, requestBegins ─┬─ room ─► shift()
 *                                ▲        │                                             └─ none: it stays in front
 *                                │        ├─ its deadline passes ─► remove() ─► 503
 *                                │        └─ its client leaves ───► remove()
 *                                └─ somebody else's is older: wait for their turn, then wake()
 *
 * The worker that frees a place offers it (`offer`). If the worker it wakes cannot use it, or died, the next offer or
 * sweep wakes again: sweep every line that is not empty, a few times a second.
 */

/** The line of one pool in one worker. `T` is the worker's own request object. Joining may allocate; it is the slow path. */
export class WaitingLine<T> {
  readonly #words: Int32Array;
  readonly #state: ServerState;
  readonly #poolSlot: number;
  readonly #waitingAt: number;
  readonly #ticketAt: number;
  readonly #ownAt: number;
  #max: number;
  readonly #items: T[] = [];
  readonly #tickets: number[] = [];

  constructor(plan: BalancePoolPlan, state: ServerState) {
    this.#state = state;
    this.#words = state.words;
    this.#poolSlot = plan.slot;
    this.#waitingAt = state.poolAt(plan.slot) + POOL.waiting;
    this.#ticketAt = state.poolAt(plan.slot) + POOL.ticket;
    this.#ownAt = state.sliceAt(state.worker, plan.slot);
    this.#max = plan.limits.queueMax;
  }

  /** Applies a new plan of the same pool. Requests that wait keep their places. */
  apply(plan: BalancePoolPlan): void {
    this.#max = plan.limits.queueMax;
  }

  /** Requests waiting here, in this worker. */
  get length(): number {
    return this.#items.length;
  }

  /** Whether anybody waits for this pool, in any worker: then a new request has to join, not to overtake. Hot: one load. */
  busy(): boolean {
    return Atomics.load(this.#words, this.#waitingAt) > 0;
  }

  /** Puts a request at the end. False, and nothing changed, when the line holds all it may. */
  join(item: T): boolean {
    const words = this.#words;
    if (Atomics.add(words, this.#waitingAt, 1) >= this.#max) {
      Atomics.sub(words, this.#waitingAt, 1);
      return false;
    }
    words[this.#ownAt + SLICE.waiting]! += 1;
    // 0 means an empty line, so a ticket that wraps to 0 is skipped.
    let ticket = (Atomics.add(words, this.#ticketAt, 1) + 1) | 0;
    if (ticket === 0) ticket = (Atomics.add(words, this.#ticketAt, 1) + 1) | 0;
    this.#items.push(item);
    this.#tickets.push(ticket);
    if (this.#items.length === 1) this.#publish();
    return true;
  }

  /** The request whose turn it is, if it is one of this worker's; it stays in the line. */
  front(): T | undefined {
    return this.#items.length > 0 && this.#oldestWorker() === this.#state.worker ? this.#items[0] : undefined;
  }

  /** Takes the one in front out, after it got its room. */
  shift(): void {
    this.#takeOut(0);
  }

  /** Takes a request out, wherever it stands. False when it was not waiting. */
  remove(item: T): boolean {
    const place = this.#items.indexOf(item);
    if (place < 0) return false;
    this.#takeOut(place);
    return true;
  }

  /**
   * Says that room was freed: call it after `requestEnds` and after shifting, while `busy`. True when the turn is this
   * worker's: go on with `front`. Otherwise the worker whose turn it is gets woken, if there is one.
   */
  offer(): boolean {
    if (!this.busy()) return false;
    const worker = this.#oldestWorker();
    if (worker === this.#state.worker) return true;
    if (worker >= 0) wake(this.#state, worker, this.#poolSlot);
    return false;
  }

  #takeOut(place: number): void {
    this.#items.splice(place, 1);
    this.#tickets.splice(place, 1);
    this.#words[this.#ownAt + SLICE.waiting]! -= 1;
    Atomics.sub(this.#words, this.#waitingAt, 1);
    if (place === 0) this.#publish();
  }

  #publish(): void {
    Atomics.store(this.#words, this.#ownAt + SLICE.oldestTicket, this.#tickets[0] ?? 0);
  }

  /** The worker that holds the oldest ticket, or -1. Looks at one word per worker. */
  #oldestWorker(): number {
    const words = this.#words;
    let oldest = 0;
    let holder = -1;
    for (let worker = 0; worker < this.#state.capacity.workers; worker++) {
      const ticket = Atomics.load(words, this.#state.sliceAt(worker, this.#poolSlot) + SLICE.oldestTicket);
      if (ticket === 0 || (holder >= 0 && ((ticket - oldest) | 0) >= 0)) continue;
      oldest = ticket;
      holder = worker;
    }
    return holder;
  }
}

function wake(state: ServerState, worker: number, poolSlot: number): void {
  const at = state.sliceAt(worker, poolSlot) + SLICE.wake;
  Atomics.add(state.words, at, 1);
  Atomics.notify(state.words, at);
}

/** What `Atomics.waitAsync` returns (ECMAScript 2024; Node 20 has it, the language level here does not declare it). */
type WaitAsync = (
  words: Int32Array,
  at: number,
  value: number,
  timeoutMs: number,
) => { async: boolean; value: 'not-equal' | 'timed-out' | Promise<'ok' | 'timed-out'> };

/**
 * Calls `turn` when another worker offers this one a place in the pool of this slot. Returns a function that arms it for one
 * wake-up, at most `timeoutMs` ahead: arm it whenever the line is not empty. Arming twice is arming once.
 */
export function wakeUps(poolSlot: number, state: ServerState, timeoutMs: number, turn: () => void): () => void {
  const waitAsync = (Atomics as unknown as { waitAsync: WaitAsync }).waitAsync;
  const at = state.sliceAt(state.worker, poolSlot) + SLICE.wake;
  let armed = false;
  let seen = Atomics.load(state.words, at);
  const woken = (): void => {
    armed = false;
    seen = Atomics.load(state.words, at);
    turn();
  };
  return () => {
    if (armed) return;
    armed = true;
    const wait = waitAsync(state.words, at, seen, timeoutMs);
    if (typeof wait.value === 'string') queueMicrotask(woken);
    else void wait.value.then(woken);
  };
}
