// A request that a filter holds up: what is needed to go on with it, and what may go on.
// Owns that it goes on once, in a turn of its own, and not after the exchange has ended. Leaves going on to the worker.

import type { ReasonCode } from '../http/reasons.js';
import type { LocalReply, RefusalDetails, Wait } from './filter.js';

/** Goes on with an exchange whose wait is over. Called outside of any turn. */
type Resume = (wait: FilterWait) => void;

/*
 *   HELD ──proceed, reply, fail──► DUE ──the turn after──► OVER   the filter's word is taken
 *     │                             │
 *     └────────────the exchange ends┴──────────────────► OVER   whatever the filter still says does nothing
 */
const STATE = { HELD: 0, DUE: 1, OVER: 2 } as const;

export class FilterWait implements Wait {
  /** Milliseconds that the filter may take. */
  readonly ms: number;
  /** The filter to ask next, by its place in the phase. */
  next = 0;
  /** What the filter said: an answer, a reason, or null to go on. */
  said: LocalReply | ReasonCode | null = null;
  /** How the request is refused, with a reason. */
  details: RefusalDetails | undefined;
  /** Gives up what the filter waits for. */
  giveUp: (() => void) | undefined;
  readonly #resume: Resume;
  #state: number = STATE.HELD;

  constructor(ms: number, resume: Resume) {
    this.ms = ms;
    this.#resume = resume;
  }

  proceed(): void {
    this.#say(null);
  }

  reply(reply: LocalReply): void {
    this.#say(reply);
  }

  fail(reason: ReasonCode, details?: RefusalDetails): void {
    if (this.#state === STATE.HELD) this.details = details;
    this.#say(reason);
  }

  /** The exchange goes on, or (`left`) has ended for another cause: then what the filter waits for is given up. */
  end(left: boolean): void {
    if (this.#state === STATE.OVER) return;
    this.#state = STATE.OVER;
    if (left) this.giveUp?.();
  }

  /** Later, since the filter may speak inside a turn of another request. */
  #say(said: LocalReply | ReasonCode | null): void {
    if (this.#state !== STATE.HELD) return;
    this.#state = STATE.DUE;
    this.said = said;
    setImmediate(() => {
      if (this.#state === STATE.DUE) this.#resume(this);
    });
  }
}
