// Active health checks: asks every server of every checked pool, again and again, and closes or opens its gate.
// Owns the schedule. Leaves one check to probe.ts, thresholds to verdict.ts, and slow start to the ticker.

import type { BalancePoolPlan, ServerPlan } from '../balance/options.js';
import type { PoolTicker } from '../balance/pool-maintenance.js';
import { GATE, type ServerState } from '../balance/server-state.js';
import type { EventSink } from '../observe/events.js';
import type { CheckedPoolPlan, HealthCheckOptions } from './options.js';
import { type CheckResult, checkText, type Probe } from './probe.js';
import type { Timers } from './timers.js';
import { Verdict } from './verdict.js';

interface HealthCheckerParts {
  state: ServerState;
  ticker: PoolTicker;
  timers: Timers;
  probe: Probe;
  /** 0 to below 1, for jitter. */
  random: () => number;
  /** Takes what becomes of servers. */
  emit: EventSink;
}

/** One server under check. */
interface Watch {
  plan: BalancePoolPlan;
  options: HealthCheckOptions;
  server: ServerPlan;
  verdict: Verdict;
  /** Checks in a row that began while it was ejected, and passed. */
  passedEjected: number;
  /** The next check is waited for; its time may be moved. */
  waits: boolean;
  /** Calls off what comes next: the next check, or the one under way. */
  cancel: () => void;
}

/** Checks from the primary. `apply` starts it and changes it; `stop` ends it. */
export class HealthChecker {
  readonly #parts: HealthCheckerParts;
  /** By the server's slot. */
  readonly #watches = new Map<number, Watch>();
  /** By name. */
  readonly #pools = new Map<string, CheckedPoolPlan>();
  #unchecked = 0;
  #waiting: (() => void)[] = [];

  constructor(parts: HealthCheckerParts) {
    this.#parts = parts;
  }

  /** Checks these pools from now on, and no others. A server that stays keeps its verdict and its schedule, with the new options. */
  apply(plans: readonly CheckedPoolPlan[]): void {
    const gone = new Map(this.#pools);
    for (const plan of plans) {
      gone.delete(plan.name);
      this.#applyPool(plan);
    }
    for (const plan of gone.values()) {
      this.#pools.delete(plan.name);
      this.#endOthers(plan, new Set());
    }
    this.#settle();
  }

  /** Applies a new plan of one pool. */
  applyPool(plan: CheckedPoolPlan): void {
    this.#applyPool(plan);
    this.#settle();
  }

  #applyPool(plan: CheckedPoolPlan): void {
    const before = this.#pools.get(plan.name);
    this.#pools.set(plan.name, plan);
    const { healthCheck } = plan;
    const wanted = new Set<number>();
    for (const server of healthCheck === null ? [] : plan.servers) {
      wanted.add(server.index);
      const known = this.#watches.get(server.index);
      if (known !== undefined && known.server.address === server.address)
        Object.assign(known, { plan, server, options: healthCheck });
      else this.#start(plan, healthCheck!, server);
    }
    if (before !== undefined) this.#endOthers(before, wanted);
  }

  /** Ends the checks of a pool's servers that are not among `wanted`. */
  #endOthers({ name, servers }: CheckedPoolPlan, wanted: ReadonlySet<number>): void {
    for (const { index } of servers) {
      const watch = this.#watches.get(index);
      if (watch !== undefined && !wanted.has(index) && watch.plan.name === name) this.#end(index, watch);
    }
  }

  /** A server was ejected for the requests it failed: the next check, which may show that it is well, is due sooner. */
  hurry(index: number): void {
    const watch = this.#watches.get(index);
    if (watch === undefined || !watch.waits) return;
    watch.cancel();
    this.#checkLater(watch, watch.options.doubtIntervalMs);
  }

  /** Fulfilled once every server has had its first check: after one timeout at most. */
  firstRound(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#settle();
    });
  }

  /** Ends all checks. Gates stay as they are. */
  stop(): void {
    for (const [index, watch] of this.#watches) this.#end(index, watch);
    this.#settle();
  }

  #start(plan: BalancePoolPlan, options: HealthCheckOptions, server: ServerPlan): void {
    const before = this.#watches.get(server.index);
    if (before !== undefined) this.#end(server.index, before);
    const watch: Watch = {
      plan,
      options,
      server,
      verdict: new Verdict(),
      passedEjected: 0,
      waits: false,
      cancel: () => {},
    };
    this.#watches.set(server.index, watch);
    this.#unchecked++;
    this.#check(watch);
  }

  #end(index: number, watch: Watch): void {
    if (watch.verdict.state === 'UNCHECKED') this.#unchecked--;
    watch.cancel();
    this.#watches.delete(index);
  }

  #check(watch: Watch): void {
    const { timers, probe } = this.#parts;
    const aborter = new AbortController();
    const { timeoutMs } = watch.options;
    const ejected = this.#isEjected(watch);
    watch.waits = false;
    const stopTimeout = timers.after(timeoutMs, () => aborter.abort(`no answer within ${timeoutMs} ms`));
    let calledOff = false;
    watch.cancel = () => {
      calledOff = true;
      stopTimeout();
      aborter.abort('no longer checked');
    };
    void probe(watch.server, watch.options, aborter.signal).then((result) => {
      stopTimeout();
      if (calledOff) return;
      this.#conclude(watch, result);
      this.#endEjection(watch, ejected && result.passed);
      const { intervalMs, doubtIntervalMs } = watch.options;
      const soon = watch.verdict.inDoubt || (watch.verdict.state === 'UP' && this.#isEjected(watch));
      this.#checkLater(watch, soon ? Math.min(doubtIntervalMs, intervalMs) : intervalMs);
    });
  }

  #checkLater(watch: Watch, intervalMs: number): void {
    const { timers, random } = this.#parts;
    const ms = intervalMs * (1 + watch.options.jitter * (2 * random() - 1));
    watch.waits = true;
    watch.cancel = timers.after(ms, () => this.#check(watch));
  }

  #isEjected({ server }: Watch): boolean {
    return (this.#parts.state.gate(server.index) & GATE.EJECTED) !== 0;
  }

  /** Counts a check of an ejected server. As many passed ones in a row as bring back a server that is down end the ejection. */
  #endEjection(watch: Watch, passed: boolean): void {
    watch.passedEjected = passed ? watch.passedEjected + 1 : 0;
    if (watch.passedEjected < watch.options.healthyThreshold) return;
    const { ticker, timers, emit } = this.#parts;
    if (!ticker.checksPassed(watch.server.index, watch.plan, timers.now())) return;
    const { plan, server, passedEjected } = watch;
    emit({ type: 'server.returned', pool: plan.name, server: server.name, checksPassed: passedEjected });
    watch.passedEjected = 0;
  }

  #conclude(watch: Watch, result: CheckResult): void {
    const { verdict, options, plan, server } = watch;
    const first = verdict.state === 'UNCHECKED';
    if (!verdict.note(result.passed, options.healthyThreshold, options.unhealthyThreshold)) return;
    const { state, ticker, timers, emit } = this.#parts;
    if (result.passed) {
      ticker.readmit(server.index, plan, GATE.DOWN | GATE.UNCHECKED, timers.now());
    } else {
      // In this order: between the two the server must not look open.
      state.closeGate(server.index, GATE.DOWN);
      state.openGate(server.index, GATE.UNCHECKED);
    }
    // That all is well at the start is no news.
    if (!first || !result.passed) {
      emit({
        type: result.passed ? 'server.up' : 'server.down',
        pool: plan.name,
        server: server.name,
        sent: checkText(server, options),
        found: result.says,
      });
    }
    if (first) {
      this.#unchecked--;
      this.#settle();
    }
  }

  #settle(): void {
    if (this.#unchecked > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
