// The edges of a state machine as a table: a change of state that is not drawn is found as it happens.

import { AssertionError } from './assert.js';

/** The drawn edges of one machine, whose states are small numbers by name. */
export class Edges<S extends Readonly<Record<string, number>>> {
  readonly #machine: string;
  readonly #names: string[] = [];
  /** By state: the bits of the states that may follow it. */
  readonly next: readonly number[];

  /** `machine` names it in messages; `drawn` gives every state the states that may follow it. */
  constructor(machine: string, states: S, drawn: Readonly<Record<keyof S, readonly (keyof S)[]>>) {
    this.#machine = machine;
    const next: number[] = [];
    for (const [name, from] of Object.entries(states)) {
      this.#names[from] = name;
      next[from] = drawn[name]!.reduce((bits, state) => bits | (1 << states[state]!), 0);
    }
    this.next = next;
  }

  /**
   * Throws an AssertionError unless an edge leads from `from` to `to`. Hot, and so short that compilers inline it wherever a
   * state changes: a dozen times for each request.
   */
  check(from: number, to: number): void {
    if (!((this.next[from]! >> to) & 1)) throw this.missing(from, to);
  }

  /** What is thrown where no edge leads from `from` to `to`. */
  missing(from: number, to: number): AssertionError {
    const [before, after] = [from, to].map((state) => this.#names[state] ?? state);
    return new AssertionError(`${this.#machine}: no edge leads from ${before} to ${after}`);
  }
}
