// Ids that tell requests apart over workers and restarts: 32 hexadecimal digits.
// The first half is drawn at random when a worker starts, the second counts its requests.

import { randomBytes } from 'node:crypto';
import { Constant, type Writer } from '../engine/text.js';

const COUNTER_MAX = 2 ** 52;

const HIGH = 0x100000000;

export class RequestIds {
  /** The first half of every id. */
  readonly prefix = randomBytes(8).toString('hex');
  /** The prefix and the high half of the counter, which changes once in four thousand million requests. */
  #front = new Constant(`${this.prefix}00000000`);
  #high = 0;
  #count = 0;

  /** The number of a new request. */
  next(): number {
    this.#count = this.#count + 1 === COUNTER_MAX ? 1 : this.#count + 1;
    return this.#count;
  }

  /** Writes the id of request `number`. Hot. */
  write(writer: Writer, number: number): void {
    const high = Math.floor(number / HIGH);
    if (high !== this.#high) {
      this.#high = high;
      this.#front = new Constant(this.prefix + high.toString(16).padStart(8, '0'));
    }
    writer.put(this.#front);
    writer.hex8(number >>> 0);
  }

  /** The same as text. */
  text(number: number): string {
    return this.prefix + number.toString(16).padStart(16, '0');
  }
}
