// Time as the health checker and discovery see it, so that tests can turn the clock themselves.
// Owns nothing but the seam.

/** A monotonic clock in milliseconds, and calls at a later moment of it. */
export interface Timers {
  now(): number;
  /** Calls `then` once, `ms` from now; the returned function calls it off. */
  after(ms: number, then: () => void): () => void;
}

/** The real ones. They do not keep the process alive. */
export const realTimers: Timers = {
  now: () => performance.now(),
  after(ms, then) {
    const timer = setTimeout(then, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
