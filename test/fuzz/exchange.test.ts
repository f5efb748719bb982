// Runs random exchanges through a real proxy for a while: pipelining, aborts, failing servers, retries, limits, reloads,
// tunnels, PROXY headers, sessions; and a drain at the end.
// Every response belongs to its request, no server gets what no client sent, and nothing is left behind.

import { test } from 'node:test';
import { eachSeed, firstSeed } from './duration.js';
import { World } from './exchange/world.js';

for (const workers of [1, 2]) {
  test(`random exchanges through ${workers} ${workers === 1 ? 'worker' : 'workers'} keep requests and responses together`, async (t) => {
    const world = await World.start(workers);
    t.after(() => world.close());
    const outcomes: Record<string, number> = {};
    let lastSeed = firstSeed;
    const ran = await eachSeed(async (seed) => {
      lastSeed = seed;
      for (const [outcome, count] of Object.entries(await world.round(seed))) {
        outcomes[outcome] = (outcomes[outcome] ?? 0) + count;
      }
    });
    const drained = await world.drain(lastSeed).catch((error) => {
      throw new Error(`FUZZ_SEED=${lastSeed} replays this, in the drain: ${error.message}`, { cause: error });
    });
    t.diagnostic(`drained: ${JSON.stringify(drained)}`);
    t.diagnostic(`${ran} rounds from seed ${firstSeed}: ${JSON.stringify(outcomes)}`);
  });
}
