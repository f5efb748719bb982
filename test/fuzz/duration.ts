// How long a fuzzer runs, and where it starts: FUZZ_SECONDS (default 4 per target) and FUZZ_SEED.

const seconds = Number(process.env.FUZZ_SECONDS ?? 4);
const seedGiven = process.env.FUZZ_SEED;

/** The seed of the first run; the next ones count up. Printed with every failure. */
export const firstSeed: number = seedGiven === undefined ? Date.now() >>> 0 : Number(seedGiven);

/**
 * Calls `run` with one seed after the other until the time is over; for FUZZ_SEED with that alone, once, or as long as
 * FUZZ_SECONDS says. Returns how often it ran.
 */
export async function eachSeed(run: (seed: number) => void | Promise<void>): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let ran = 0;
  do {
    const seed = seedGiven === undefined ? (firstSeed + ran) >>> 0 : firstSeed;
    try {
      await run(seed);
    } catch (error) {
      throw new Error(`FUZZ_SEED=${seed} replays this: ${(error as Error).message}`, { cause: error });
    }
    ran++;
  } while ((seedGiven === undefined || process.env.FUZZ_SECONDS !== undefined) && performance.now() < end);
  return ran;
}
