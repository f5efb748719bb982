// The logs of one listener, made ready for its requests: which of them want one that has ended.

import { type Exchange, TIME } from '../../exchange/exchange.js';
import type { ListenerLogs } from '../../exchange/listener.js';
import type { ListenerLogsPlan, LogFilterPlan } from '../../exchange/log-plan.js';
import { REASONS, type ReasonCode } from '../../http/reasons.js';
import type { CapturedHeader } from './capture.js';

/** The status of an exchange in logs: what the client got, else that of the reason why it got none; 0 for neither. */
export function loggedStatus({ status, reason }: Exchange): number {
  return status === 0 && reason !== null ? REASONS[reason].status : status;
}

export class PreparedLogs implements ListenerLogs {
  readonly set: number;
  readonly headers: readonly CapturedHeader[];
  readonly #filters: readonly Filter[];

  constructor({ set, filters, headers }: ListenerLogsPlan) {
    this.set = set;
    this.headers = headers.map(({ name, redact }) => ({ name: Buffer.from(name, 'latin1'), redact }));
    this.#filters = filters.map((plan) => new Filter(plan));
  }

  /** A bit for each log that wants the exchange, which has ended. Hot. */
  choose(x: Exchange): number {
    let wanted = 0;
    for (let i = 0; i < this.#filters.length; i++) if (this.#filters[i]!.wants(x)) wanted |= 1 << i;
    return wanted;
  }
}

class Filter {
  readonly #plan: LogFilterPlan;
  readonly #all: boolean;
  readonly #routes: ReadonlySet<string> | null;
  readonly #reasons: ReadonlySet<ReasonCode> | null;
  readonly #durationUsMin: number;

  constructor(plan: LogFilterPlan) {
    const { statuses, durationMsMin, retried, routes, reasons, sample } = plan;
    this.#plan = plan;
    this.#routes = routes.length === 0 ? null : new Set(routes);
    this.#reasons = reasons.length === 0 ? null : new Set(reasons as readonly ReasonCode[]);
    this.#durationUsMin = durationMsMin * 1000;
    this.#all =
      statuses.length + routes.length + reasons.length === 0 && !retried && durationMsMin === 0 && sample === 1;
  }

  wants(x: Exchange): boolean {
    if (this.#all) return true;
    const { statuses, retried, sample } = this.#plan;
    if (statuses.length > 0 && !isAmong(statuses, loggedStatus(x))) return false;
    if (this.#durationUsMin > 0 && x.times[TIME.ended]! - x.times[TIME.begun]! < this.#durationUsMin) return false;
    if (retried && x.attempts < 2) return false;
    if (this.#reasons !== null && (x.reason === null || !this.#reasons.has(x.reason))) return false;
    if (this.#routes !== null && !this.#isRouted(x)) return false;
    return sample === 1 || Math.random() < sample;
  }

  #isRouted({ rule }: Exchange): boolean {
    return rule !== null && (this.#routes!.has(rule.plan.route) || this.#routes!.has(rule.plan.name));
  }
}

function isAmong(statuses: LogFilterPlan['statuses'], status: number): boolean {
  for (let i = 0; i < statuses.length; i++) {
    const { from, to } = statuses[i]!;
    if (status >= from && status <= to) return true;
  }
  return false;
}
