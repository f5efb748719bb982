// RequestMirror: which requests are copied to another pool. Leaves sending copies to the worker.

import type { Filter, FilterRun } from '../../exchange/filter.js';
import type { Plan } from './plan.js';

/** Every mirror gets its copy, those of outer layers too. */
export const requestMirror = {
  type: 'RequestMirror',
  namesPools: true,
  make(layers, { copyTo }): Filter {
    const mirrors = layers.flat().map(({ pool, percent }) => ({ share: new Share(percent / 100), copy: copyTo(pool) }));
    return {
      attemptHead: (x) => {
        // Once, however many attempts there are. What is to become a tunnel has no copy.
        if (x.sent || x.upgrade) return;
        for (const { share, copy } of mirrors) if (share.takes()) copy(x);
      },
    };
  },
} satisfies FilterRun<Plan>;

/** Exactly a share of the requests, evenly spread. */
class Share {
  readonly #share: number;
  #owed = 0;

  constructor(share: number) {
    this.#share = share;
  }

  /** True when this request is one of those to be copied. */
  takes(): boolean {
    this.#owed += this.#share;
    if (this.#owed < 1) return false;
    this.#owed -= 1;
    return true;
  }
}
