// A worker in the thread of its test, with real sockets: for what can only be brought about from inside.
// Owns the worker and its listeners. What a process can show is tested in test/e2e.

import { Membership } from '../../../src/balance/membership.js';
import { createServerState, ServerState } from '../../../src/balance/server-state.js';
import { checkValue } from '../../../src/config/load.js';
import { compileRoutes } from '../../../src/config/routes.js';
import { createLimitBuffers } from '../../../src/limits/shared-limits.js';
import { createRing, LogWake } from '../../../src/observe/log/ring.js';
import { MetricsMemory } from '../../../src/observe/metrics/layout.js';
import { Listeners } from '../../../src/primary/listeners.js';
import { placePools, snapshotOf, unplacedPool } from '../../../src/primary/snapshot.js';
import type { Snapshot } from '../../../src/worker/snapshot.js';
import { Worker } from '../../../src/worker/worker.js';
import { freePlace, type Place, written } from '../../support/addresses.js';
import { endpointOf } from '../../support/endpoints.js';
import type { Cleanup } from '../engine/lab.js';

export interface OneWorker {
  readonly worker: Worker;
  readonly place: Place;
  readonly snapshot: Snapshot;
  /** Where its pools were placed. */
  readonly membership: Membership;
}

/** Starts a worker that listens at a free place; `document` is a configuration without listeners. It ends with the test. */
export function useWorker(t: Cleanup, document: object): OneWorker {
  const place = freePlace();
  const loaded = compileRoutes(checkValue({ listeners: [{ address: written(place) }], ...document }));
  const { config, routes } = loaded;
  const servers = createServerState({ workers: 1 });
  const listeners = new Listeners(false);
  const open = listeners.open(config.listeners, new Map(), new Map(), routes.listenerFilters);
  const listed = (pool: string) =>
    config.pools[pool]!.servers.map(({ address, weight, backup }) => {
      return { name: address, address, endpoint: endpointOf(address), weight, backup };
    });
  const unplaced = Object.values(config.pools).map((pool, index) => unplacedPool(pool, index, listed));
  const membership = new Membership(new ServerState(servers));
  const pools = placePools(unplaced, membership, []);
  const snapshot = snapshotOf(1, loaded, open, pools, { pools: new Map(), tunnels: new Map() }, 256 * 1024 * 1024);
  const metrics = new MetricsMemory({ workers: 1, serversMax: 100 }).workers[0]!;
  const limits = createLimitBuffers(1, 1024);
  const worker = new Worker({
    index: 0,
    snapshot,
    servers,
    metrics,
    limits,
    logRing: createRing(),
    logWake: new LogWake().shared,
    acceptShared: true,
    onDrained: () => {},
  });
  t.after(() => {
    worker.close();
    listeners.closeOthers([]);
  });
  return { worker, place, snapshot, membership };
}
