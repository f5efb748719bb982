// How long a fuzzer runs, and where it starts: FUZZ_SECONDS and FUZZ_SEED.
//
// Without them, among all tests, each target runs 4 seconds from the same seed, so that a commit is not judged by what
// another commit would have failed at too. With FUZZ_SECONDS it explores: the clock gives the seed.

const secondsGiven = process.env.FUZZ_SECONDS;
const seconds = Number(secondsGiven ?? 4);
const seedGiven = process.env.FUZZ_SEED;

/** The seed of the first run; the next ones count up. Printed with every failure. */
export const firstSeed: number =
  seedGiven !== undefined ? Number(seedGiven) : secondsGiven !== undefined ? Date.now() >>> 0 : 1;

/**
 * Calls `run` with one seed after the other until the time is over; for FUZZ_SEED with that alone, once, or as long as
 * FUZZ_SECONDS says. Returns how often it ran. `share` of the time is enough for it.
 */
export async function eachSeed(run: (seed: number) => void | Promise<void>, share = 1): Promise<number> {
  const end = performance.now() + seconds * share * 1000;
  let ran = 0;
  do {
    const seed = seedGiven === undefined ? (firstSeed + ran) >>> 0 : firstSeed;
    try {
      await run(seed);
    } catch (error) {
      throw new Error(`FUZZ_SEED=${seed} replays this: ${(error as Error).message}`, { cause: error });
    }
    ran++;
  } while ((seedGiven === undefined || secondsGiven !== undefined) && performance.now() < end);
  return ran;
}
