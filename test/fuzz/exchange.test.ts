// Runs random exchanges through a real proxy for a while: pipelining, aborts, failing servers, retries, limits, reloads.
// Every response belongs to its request, no server gets what no client sent, and nothing is left behind.

import { test } from 'node:test';
import { eachSeed, firstSeed } from './duration.js';
import { World } from './exchange/world.js';

for (const workers of [1, 2]) {
  test(`random exchanges through ${workers} ${workers === 1 ? 'worker' : 'workers'} keep requests and responses together`, async (t) => {
    const world = await World.start(workers);
    t.after(() => world.close());
    const outcomes: Record<string, number> = {};
    const ran = await eachSeed(async (seed) => {
      for (const [outcome, count] of Object.entries(await world.round(seed))) {
        outcomes[outcome] = (outcomes[outcome] ?? 0) + count;
      }
    });
    t.diagnostic(`${ran} rounds from seed ${firstSeed}: ${JSON.stringify(outcomes)}`);
  });
}
