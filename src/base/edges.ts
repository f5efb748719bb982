// The edges of a state machine as a table: a change of state that is not drawn is found as it happens.

import { AssertionError } from './assert.js';

/** States at most, and the width of a row. */
const ROW = 16;

/** The drawn edges of one machine, whose states are small numbers by name. */
export class Edges<S extends Readonly<Record<string, number>>> {
  readonly #machine: string;
  readonly #names: string[] = [];
  /** 1 where an edge is drawn, by ROW * from + to. */
  readonly #drawn = new Uint8Array(ROW * ROW);

  /** `machine` names it in messages; `drawn` gives every state the states that may follow it. */
  constructor(machine: string, states: S, drawn: Readonly<Record<keyof S, readonly (keyof S)[]>>) {
    this.#machine = machine;
    for (const [name, from] of Object.entries(states)) {
      this.#names[from] = name;
      for (const next of drawn[name]!) this.#drawn[ROW * from + states[next]!] = 1;
    }
  }

  /** Throws an AssertionError unless an edge leads from `from` to `to`. Hot. */
  check(from: number, to: number): void {
    if (this.#drawn[ROW * from + to] !== 1) throw new AssertionError(this.#says(from, to));
  }

  #says(from: number, to: number): string {
    return `${this.#machine}: no edge leads from ${this.#names[from] ?? from} to ${this.#names[to] ?? to}`;
  }
}
