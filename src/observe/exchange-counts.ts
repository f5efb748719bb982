// Counts exchanges as they end: how many, with which class of status, and why those failed that did.

import type { ReasonCounts } from '../exchange/counters.js';
import type { Exchange } from '../exchange/exchange.js';
import type { Observer } from '../exchange/observer.js';

/** Classes of statuses: 0 for exchanges that ended without a response, 1 to 5 by the first digit. */
const CLASSES = 6;

export class ExchangeCounts implements Observer {
  /** Exchanges that ended. */
  ended = 0;
  /** The same by the class of the status that the client got; 0: none, it was cut, or was no request. */
  readonly byClass = new Array<number>(CLASSES).fill(0);
  /** Reasons of those that failed; failures of connections are counted there too. */
  readonly #reasons: ReasonCounts;

  /** `reasons` gets the failures of exchanges, beside those that others count in it. */
  constructor(reasons: ReasonCounts) {
    this.#reasons = reasons;
  }

  exchangeEnded(x: Exchange): void {
    this.ended++;
    const place = Math.min(Math.floor(x.status / 100), CLASSES - 1);
    this.byClass[place]!++;
    if (x.reason !== null) this.#reasons.add(x.reason);
  }
}
