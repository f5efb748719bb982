// What watches exchanges: counters, an access log, metrics and traces.

import type { Attempt } from './attempt.js';
import type { Exchange } from './exchange.js';
import type { ClientSide } from './streams.js';

/**
 * All of these are pooled objects: nothing of them may be kept. Hot: it must not allocate, nor throw.
 */
export interface Observer {
  /**
   * GUARANTEED: exactly once for each exchange that began, when its outcome is known and before anything of it is given back. Its
   * attempts have ended before. The head may be gone long since: what is wanted of it is read in `headReleased`.
   */
  exchangeEnded(x: Exchange): void;
  /** GUARANTEED: exactly once for each request whose head is in hand, before it is given back: `x.head` can be read for the last time. */
  headReleased?(x: Exchange): void;
  /**
   * GUARANTEED: exactly once for each attempt that began, when its outcome is known: `reason` where it failed, else `status`. Copies
   * for mirrors are none of the exchange's attempts, and are not observed.
   */
  attemptEnded?(x: Exchange, attempt: Attempt): void;
  /** GUARANTEED: exactly once for each client connection that was accepted, behind the end of its last exchange. */
  connectionEnded?(client: ClientSide): void;
}

/** The observers of a worker by what they watch, so that what happens is shown to those alone that look at it. */
export class Observers {
  exchangeEnded: readonly Observer[] = [];
  headReleased: readonly Required<Pick<Observer, 'headReleased'>>[] = [];
  attemptEnded: readonly Required<Pick<Observer, 'attemptEnded'>>[] = [];
  connectionEnded: readonly Required<Pick<Observer, 'connectionEnded'>>[] = [];

  constructor(observers: readonly Observer[]) {
    this.set(observers);
  }

  /** Lets one more observer watch, behind the others, or no longer. */
  watch(observer: Observer, watches: boolean): void {
    const others = this.exchangeEnded.filter((other) => other !== observer);
    this.set(watches ? [...others, observer] : others);
  }

  /** Makes `observers` those that watch from here on, in this order. */
  set(observers: readonly Observer[]): void {
    this.exchangeEnded = observers;
    this.headReleased = observers.filter(has('headReleased'));
    this.attemptEnded = observers.filter(has('attemptEnded'));
    this.connectionEnded = observers.filter(has('connectionEnded'));
  }
}

function has<Name extends keyof Observer>(name: Name) {
  return (observer: Observer): observer is Observer & Required<Pick<Observer, Name>> => observer[name] !== undefined;
}
