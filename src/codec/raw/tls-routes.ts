// Which pool gets the connections of a raw listener: that of the server name they ask for by TLS, else the listener's own.

import type { Pool } from '../../exchange/pools.js';
import type { ListenerPlan } from '../../exchange/settings.js';
import { ServerNames } from '../../routing/server-names.js';
import { Split } from '../../routing/split.js';

/** The routes of one listener in one configuration. */
export class TlsRoutes {
  readonly #names = new ServerNames<Split>();
  readonly #pools: readonly Pool[];
  /** The index of the pool for all other names, -1 for none. */
  readonly #others: number;

  /** `pools` by index, as they change; `seed` is the worker's index: workers take turns at different places. */
  constructor({ tlsRoutes, pool }: ListenerPlan, pools: readonly Pool[], seed: number) {
    this.#pools = pools;
    this.#others = pool;
    for (const { hostnames, backendRefs } of tlsRoutes) {
      const split = new Split(backendRefs, seed);
      for (const hostname of hostnames) this.#names.add(hostname, split);
    }
  }

  /** The pool for a connection that asks for `sni`, which is empty when it asks for none; null when there is none. */
  choose(sni: string): Pool | null {
    const split = this.#names.find(sni);
    return this.#pools[split === undefined ? this.#others : split.pick()] ?? null;
  }
}
