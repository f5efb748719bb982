// What progress.ts has seen of a connection. A file of its own, so that connections.ts knows no step.

/** Nothing was looked at yet. */
export const UNSEEN = -1;

/** What was seen of a connection whose peer does not take all that waits for it. */
export class Movement {
  /** Ticks in which something has to move; 0 for no limit. */
  ticks = 0;
  /** The tick at which something moved last, as far as was seen. */
  at = 0;
  /** Acknowledged bytes at the last look. */
  bytes = UNSEEN;
  /** Since when the rate is measured, and from how many bytes; tick 0 is not yet. */
  rateAt = 0;
  rateBytes = 0;
}
