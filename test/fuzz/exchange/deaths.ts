// Workers that die in the middle of a round: one after the other, by an exception or as their thread exits.
// Owns which thread lives. Leaves what dies with a worker to the book of the round.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratchDirectory } from '../../support/addresses.js';
import type { RunningProxy } from '../../support/proxy.js';
import type { Random } from '../random.js';

const preload = new URL('../../support/dies-on-demand.mjs', import.meta.url).href;

/** The proxy gives up a worker that dies 20 times within a minute. */
const PAUSE_MS = 3_500;

export const DEATH = /^sevenfold: worker \d+ died \(.*\) and is started again$/;

export class Deaths {
  readonly #file = join(scratchDirectory(), 'deaths');
  /** Numbers of the threads that live: they count from 1, in the order in which they are started. */
  readonly #threads: number[];
  #next: number;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(workers: number) {
    this.#threads = Array.from({ length: workers }, (_, i) => i + 1);
    this.#next = workers + 1;
    writeFileSync(this.#file, '');
  }

  /** With what the proxy has to be started. */
  get environment(): Readonly<Record<string, string>> {
    return { NODE_OPTIONS: `--import=${preload}`, SEVENFOLD_DIES_FILE: this.#file };
  }

  /** Another worker may die now without the proxy giving up. */
  get due(): boolean {
    return performance.now() - this.#lastMs > PAUSE_MS;
  }

  /** Kills a worker, and waits until the proxy has noticed. */
  async kill(proxy: RunningProxy, dice: Random): Promise<void> {
    this.#lastMs = performance.now();
    const which = dice.below(this.#threads.length);
    const from = proxy.process.stderr.length;
    writeFileSync(this.#file, `${this.#threads[which]} ${dice.pick(['throw', 'exit'])}\n`);
    await proxy.process.until('the death of a worker', () =>
      proxy.process.stderr.slice(from).includes('is started again\n') ? true : undefined,
    );
    this.#threads[which] = this.#next++;
  }
}
