// Everything about servers and pools that time changes: ends of ejections, slow start, the refill of retry budgets.
// Owns those words, in the primary. Leaves closing gates to outlier.ts and health/, and membership to membership.ts.

import type { BalancePoolPlan, OutlierOptions, ServerPlan } from './options.js';
import { OUTLIER_DEFAULTS } from './options.js';
import { RETRY_ONE } from './retry.js';
import { GATE, POOL, SERVER, type ServerState, SLICE, WEIGHT_ONE } from './server-state.js';

/** A retry budget holds about what the last this many milliseconds paid in. */
const BUDGET_WINDOW_MS = 10_000;
/** Where slow start starts: a tenth of the weight. */
const SLOW_START_FROM = 0.1;

interface Kept {
  plan: BalancePoolPlan;
  /** Requests each worker had counted at the last tick. */
  requests: Int32Array;
  /** Part of a token that did not fill a whole one. */
  change: number;
}

/** Receives changes of failing servers, one call each. */
interface FailureNotes {
  /** The server with slot `index` is ejected for `lengthMs`. */
  ejected(pool: string, server: string, lengthMs: number, index: number): void;
  /** A server fails as often as would eject it, but the pool may eject no more. */
  failing(pool: string, server: string): void;
  /** A server reported as `failing` has answered. */
  answers(pool: string, server: string): void;
}

/** Whether a failing server was reported. Only after two ticks: within one, the worker may still be ejecting it. */
const FAILING = { NO: 0, SEEN: 1, REPORTED: 2 } as const;

/**
 * Call `tick(now)` every TICK_MS from the primary, with any monotonic clock in milliseconds. All state that must
 * outlive a reload is in shared memory or kept here by slot; `apply` may be called at any time.
 */
export class PoolTicker {
  readonly #state: ServerState;
  readonly #notes: FailureNotes | null;
  /** By server, one of FAILING. */
  #failing: Uint8Array;
  /** By slot. */
  #pools = new Map<number, Kept>();
  /** By server: since when it has been neither ejected nor forgiven. */
  #steadySinceMs: Float64Array;
  #lastTickMs: number;

  constructor(state: ServerState, nowMs: number, notes: FailureNotes | null = null) {
    this.#state = state;
    this.#notes = notes;
    this.#failing = new Uint8Array(state.capacity.servers);
    this.#steadySinceMs = new Float64Array(state.capacity.servers).fill(nowMs);
    this.#lastTickMs = nowMs;
  }

  /** Maintains these pools from now on, and no others. A pool that is new starts with a full retry budget. */
  apply(plans: readonly BalancePoolPlan[]): void {
    const before = this.#pools;
    this.#pools = new Map();
    this.#grow();
    for (const plan of plans) this.#pools.set(plan.slot, this.#keep(plan, before.get(plan.slot)));
  }

  /** Applies a new plan of one pool. */
  applyPool(plan: BalancePoolPlan): void {
    this.#grow();
    this.#pools.set(plan.slot, this.#keep(plan, this.#pools.get(plan.slot)));
  }

  #keep(plan: BalancePoolPlan, before: Kept | undefined): Kept {
    const known = before?.plan.name === plan.name ? before : undefined;
    this.#begin(plan.servers, known?.plan.servers ?? []);
    if (known !== undefined) return { ...known, plan };
    const { words } = this.#state;
    const full = (plan.retry.budgetPerSecond * RETRY_ONE * BUDGET_WINDOW_MS) / 1000;
    Atomics.store(words, this.#state.poolAt(plan.slot) + POOL.retryTokens, Math.floor(full));
    const requests = Int32Array.from({ length: this.#state.capacity.workers }, (_, worker) => {
      return words[this.#state.sliceAt(worker, plan.slot) + SLICE.requests]!;
    });
    return { plan, requests, change: 0 };
  }

  /** Forgets, for servers that are new here, what was noted of those that had their slots before. */
  #begin(servers: readonly ServerPlan[], before: readonly ServerPlan[]): void {
    const addresses = new Map(before.map(({ index, address }) => [index, address]));
    for (const { index, address } of servers) {
      if (addresses.get(index) === address) continue;
      this.#failing[index] = FAILING.NO;
      this.#steadySinceMs[index] = this.#lastTickMs;
    }
  }

  /** The shared state has grown by servers that were not here before. */
  #grow(): void {
    this.#state.refresh();
    const { servers } = this.#state.capacity;
    const known = this.#failing.length;
    if (servers === known) return;
    const [failing, steadySinceMs] = [this.#failing, this.#steadySinceMs];
    this.#failing = new Uint8Array(servers);
    this.#failing.set(failing);
    this.#steadySinceMs = new Float64Array(servers).fill(this.#lastTickMs, known);
    this.#steadySinceMs.set(steadySinceMs);
  }

  /** Does what is due by `nowMs`. */
  tick(nowMs: number): void {
    const sinceMs = Math.max(0, nowMs - this.#lastTickMs);
    this.#lastTickMs = nowMs;
    for (const kept of this.#pools.values()) {
      this.#refill(kept, sinceMs);
      let changed = false;
      for (const { index, name } of kept.plan.servers) {
        this.#tendEjection(index, name, kept.plan, nowMs);
        this.#reportFailing(index, name, kept.plan);
        if (this.#climb(index, kept.plan, nowMs)) changed = true;
      }
      if (changed) this.#state.changed(kept.plan.slot);
    }
  }

  /**
   * A server came back: clears GATE bits `bits` (DOWN, UNCHECKED) and starts it slowly if its pool says so. True when
   * that changed anything. The health checker calls it; the end of an ejection comes here by itself.
   */
  readmit(server: number, plan: BalancePoolPlan, bits: number, nowMs: number): boolean {
    if ((this.#state.gate(server) & bits) === 0) return false;
    // The weight first: no worker may see an open gate with the full weight.
    if (plan.balance.slowStartMs > 0) {
      const { words } = this.#state;
      const at = this.#state.serverAt(server);
      words[at + SERVER.slowStartFromMs] = clock(nowMs);
      words[at + SERVER.slowStarting] = 1;
      this.#climb(server, plan, nowMs);
    }
    return this.#state.openGate(server, bits);
  }

  /**
   * Ends an ejection, at its time or before: the server is on probation. False when it is not ejected, or so lately that
   * no tick has seen it.
   */
  endEjection(server: number, plan: BalancePoolPlan, nowMs: number): boolean {
    const { words } = this.#state;
    const at = this.#state.serverAt(server);
    if ((this.#state.gate(server) & GATE.EJECTED) === 0 || words[at + SERVER.ejectedStamped] === 0) return false;
    const options: OutlierOptions = plan.outlier ?? OUTLIER_DEFAULTS;
    words[at + SERVER.ejectedStamped] = 0;
    this.#steadySinceMs[server] = nowMs;
    // On probation: one more failure ejects it again, one success clears it.
    Atomics.store(words, at + SERVER.failuresInRow, Math.max(0, options.failures - 1));
    Atomics.store(words, at + SERVER.errorsInRow, Math.max(0, options.errors - 1));
    if (!this.readmit(server, plan, GATE.EJECTED, nowMs)) return false;
    Atomics.sub(words, this.#state.poolAt(plan.slot) + POOL.ejected, 1);
    return true;
  }

  /**
   * Ends an ejection because active checks have passed. They are believed once: a server that was ejected again soon after
   * it came back fails requests in a way that checks do not see, and stays out for its time. False when nothing changed.
   */
  checksPassed(server: number, plan: BalancePoolPlan, nowMs: number): boolean {
    const { words } = this.#state;
    return words[this.#state.serverAt(server) + SERVER.ejections]! <= 1 && this.endEjection(server, plan, nowMs);
  }

  #tendEjection(server: number, name: string, plan: BalancePoolPlan, nowMs: number): void {
    const { words } = this.#state;
    const at = this.#state.serverAt(server);
    const options: OutlierOptions = plan.outlier ?? OUTLIER_DEFAULTS;
    if ((this.#state.gate(server) & GATE.EJECTED) === 0) {
      if (words[at + SERVER.ejections] === 0) return;
      if (nowMs - this.#steadySinceMs[server]! < options.baseEjectionMs) return;
      this.#steadySinceMs[server] = nowMs;
      words[at + SERVER.ejections]! -= 1;
      return;
    }
    // Also where a worker will end the ejection: what is forgiven is time that the server stays in.
    this.#steadySinceMs[server] = nowMs;
    if (words[at + SERVER.ejectedStamped] === 0) {
      const ejections = words[at + SERVER.ejections]! + 1;
      const lengthMs = Math.min(options.baseEjectionMs * ejections, options.maxEjectionMs);
      words[at + SERVER.ejections] = ejections;
      words[at + SERVER.ejectedUntilMs] = clock(nowMs + lengthMs);
      words[at + SERVER.ejectedStamped] = 1;
      this.#notes?.ejected(plan.name, name, lengthMs, server);
      return;
    }
    if (((words[at + SERVER.ejectedUntilMs]! - clock(nowMs)) | 0) > 0 && plan.outlier !== null) return;
    this.endEjection(server, plan, nowMs);
  }

  /** Reports a server that fails but stays in use, and its first success afterwards. */
  #reportFailing(server: number, name: string, plan: BalancePoolPlan): void {
    const { words } = this.#state;
    const inRow = Atomics.load(words, this.#state.serverAt(server) + SERVER.failuresInRow);
    const seen = this.#failing[server]!;
    const threshold = plan.outlier?.failures ?? 0;
    if (threshold > 0 && inRow >= threshold && this.#state.gate(server) === 0) {
      if (seen === FAILING.SEEN) this.#notes?.failing(plan.name, name);
      this.#failing[server] = seen === FAILING.NO ? FAILING.SEEN : FAILING.REPORTED;
    } else if (inRow === 0 || seen === FAILING.SEEN) {
      if (seen === FAILING.REPORTED) this.#notes?.answers(plan.name, name);
      this.#failing[server] = FAILING.NO;
    }
  }

  /** Raises the weight of a slowly starting server. True when it moved. */
  #climb(server: number, plan: BalancePoolPlan, nowMs: number): boolean {
    const { words } = this.#state;
    const at = this.#state.serverAt(server);
    if (words[at + SERVER.slowStarting] === 0) return false;
    const full = words[at + SERVER.weight]! * WEIGHT_ONE;
    const elapsedMs = (clock(nowMs) - words[at + SERVER.slowStartFromMs]!) | 0;
    const { slowStartMs } = plan.balance;
    const done = elapsedMs >= slowStartMs;
    const part = done ? 1 : Math.max(SLOW_START_FROM, elapsedMs / slowStartMs);
    const weight = Math.max(1, Math.round(full * part));
    if (done) words[at + SERVER.slowStarting] = 0;
    if (words[at + SERVER.effectiveWeight] === weight) return false;
    words[at + SERVER.effectiveWeight] = weight;
    return true;
  }

  /** Pays in for the requests and the time since the last tick, and lets what is older than the window run out. */
  #refill(kept: Kept, sinceMs: number): void {
    const { words, capacity } = this.#state;
    const { plan, requests } = kept;
    let began = 0;
    for (let worker = 0; worker < capacity.workers; worker++) {
      const now = words[this.#state.sliceAt(worker, plan.slot) + SLICE.requests]!;
      began += (now - requests[worker]!) | 0;
      requests[worker] = now;
    }
    const tokensAt = this.#state.poolAt(plan.slot) + POOL.retryTokens;
    const stale = (Atomics.load(words, tokensAt) * Math.min(sinceMs, BUDGET_WINDOW_MS)) / BUDGET_WINDOW_MS;
    const paid = (began * plan.retry.budgetRatio + (plan.retry.budgetPerSecond * sinceMs) / 1000) * RETRY_ONE;
    const exact = paid - stale + kept.change;
    const whole = Math.trunc(exact);
    kept.change = exact - whole;
    Atomics.add(words, tokensAt, whole);
  }
}

/** Milliseconds as they are kept in a shared word: they wrap after 24 days, so compare differences. */
function clock(ms: number): number {
  return Math.round(ms) | 0;
}
