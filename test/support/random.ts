// Seeded choices for tests that try many cases: a failure is replayed with the seed it prints.

/** SEVENFOLD_SEED, or a new one in long runs (SEVENFOLD_LONG=1), or always the same: a short run should not surprise. */
export const seed: number = Number(
  process.env.SEVENFOLD_SEED ?? (process.env.SEVENFOLD_LONG === '1' ? Date.now() % 1_000_000_000 : 7),
);

/** mulberry32: small, seeded, good enough to choose bytes. Answers integers from 0 to `below` - 1. */
export function randomFrom(start: number): (below: number) => number {
  let state = start | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}
