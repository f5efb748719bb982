// Runs random exchanges through a real proxy for a while: pipelining, aborts, failing servers, retries, limits, reloads,
// tunnels, PROXY headers, sessions, workers that die, a slab that is full; and a drain at the end.
// Every response belongs to its request, no server gets what no client sent, and nothing is left behind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eachSeed, firstSeed } from './duration.js';
import { World, type WorldOptions } from './exchange/world.js';

/** The last two are more of the same, so they run for half the time. */
const WORLDS: readonly [what: string, options: WorldOptions, share: number][] = [
  ['1 worker', { workers: 1 }, 1],
  ['2 workers', { workers: 2 }, 1],
  ['2 workers, of which some die,', { workers: 2, deaths: true }, 0.5],
  ['a slab that is full', { workers: 1, tight: true }, 0.5],
];

for (const [what, options, share] of WORLDS) {
  test(`random exchanges through ${what} keep requests and responses together`, async (t) => {
    const world = await World.start(options);
    t.after(() => world.close());
    const outcomes: Record<string, number> = {};
    let lastSeed = firstSeed;
    const ran = await eachSeed(async (seed) => {
      lastSeed = seed;
      for (const [outcome, count] of Object.entries(await world.round(seed))) {
        outcomes[outcome] = (outcomes[outcome] ?? 0) + count;
      }
    }, share);
    if (options.tight === true) assert.ok(world.slabFull > 0, 'the slab was never full');
    const drained = await world.drain(lastSeed).catch((error) => {
      throw new Error(`FUZZ_SEED=${lastSeed} replays this, in the drain: ${error.message}`, { cause: error });
    });
    t.diagnostic(`drained: ${JSON.stringify(drained)}`);
    t.diagnostic(`the slab was full ${world.slabFull} times`);
    t.diagnostic(`${ran} rounds from seed ${firstSeed}: ${JSON.stringify(outcomes)}`);
  });
}
