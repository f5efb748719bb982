// What all workers of a process share to count by key: the tables, the secret of their hashes, and the clock.
// Owns making them and one thread's view. Leaves what is counted to the filters.

import { randomBytes } from 'node:crypto';
import { KeyedHash } from '../base/keyed-hash.js';
import { ConcurrencyTable, concurrencyTableBytes } from './concurrency-table.js';
import { RateTable, rateTableBytes } from './rate-table.js';

/** What a thread gets to share them: made once by the primary, for all workers and as long as the process runs. */
export interface LimitBuffers {
  readonly rates: SharedArrayBuffer;
  readonly rateKeysMax: number;
  readonly concurrency: SharedArrayBuffer;
  /** Two words, new in each process: no client knows which keys share a place. */
  readonly secret: readonly [number, number];
}

export function createLimitBuffers(workers: number, rateKeysMax: number): LimitBuffers {
  const random = randomBytes(8);
  return {
    rates: new SharedArrayBuffer(rateTableBytes(rateKeysMax)),
    rateKeysMax,
    concurrency: new SharedArrayBuffer(concurrencyTableBytes(workers)),
    secret: [random.readInt32LE(0), random.readInt32LE(4)],
  };
}

/** Takes back what a worker held that died. For the primary. */
export function forgetWorker({ concurrency }: LimitBuffers, worker: number): void {
  new ConcurrencyTable(concurrency, worker).forgetWorker(worker);
}

/** The view of one worker. */
export class SharedLimits {
  readonly rates: RateTable;
  readonly concurrency: ConcurrencyTable;
  /** One hash for all keys: its result is read before the next key is hashed. */
  readonly hash: KeyedHash;
  /** From this thread's clock to the one that all threads share, in milliseconds. */
  readonly #offsetMs: number;

  constructor({ rates, rateKeysMax, concurrency, secret }: LimitBuffers, worker: number) {
    this.rates = new RateTable(rates, rateKeysMax);
    this.concurrency = new ConcurrencyTable(concurrency, worker);
    this.hash = new KeyedHash(secret[0], secret[1]);
    const [seconds, nanoseconds] = process.hrtime();
    this.#offsetMs = seconds * 1000 + nanoseconds / 1e6 - performance.now();
  }

  /** Milliseconds of a clock that never steps, the same in every thread. */
  nowMs(): number {
    return performance.now() + this.#offsetMs;
  }
}
