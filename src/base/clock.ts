// The monotonic clock of one thread: read once for each batch of events, so that a time costs a load. A module is loaded once in
// each thread, so every thread has its own.
// Owns what the clock said last. Who runs the thread says when it is read.

import { performance } from 'node:perf_hooks';

/** Microseconds on CLOCK_MONOTONIC, the clock of the whole machine. In an array, so that writing it allocates nothing. */
const last = new Float64Array(1);

/** What CLOCK_MONOTONIC shows where `performance.now()` of this thread is 0, in microseconds. */
const originUs = (() => {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1e3 - performance.now() * 1e3;
})();

/** The time of the batch under way, or of what was read last: microseconds on the clock of the machine. Hot. */
export function nowUs(): number {
  return last[0]!;
}

/** Sets that time to what another has read of the same clock. Hot. */
export function setNowUs(us: number): void {
  last[0] = us;
}

/** Reads the clock: outside of batches. */
export function readClock(): number {
  last[0] = originUs + performance.now() * 1e3;
  return last[0];
}
