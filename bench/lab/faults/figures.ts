// What a fault cost, from the record of requests around it.
// Owns the definitions. Leaves running the fault to run.ts and the page to page.ts.

import type { Seen } from './load.js';

/** When the fault began and ended, in the load's milliseconds. */
export interface Window {
  fromMs: number;
  healedMs: number;
}

export interface Figures {
  requests: number;
  failedGets: number;
  failedPosts: number;
  /** How the failures looked, with their number. */
  failures: Record<string, number>;
  /** Longest GET, in milliseconds. */
  slowestGetMs: number;
  /** From the start of the fault to the start of the last request that the faulty server answered, failed or held up
   *  while the fault lasted, in milliseconds; null when requests kept going there to its end. */
  leftMs: number | null;
  /** Share of the requests begun under the fault that the faulty server answered, held up or failed. */
  share: number;
  /** From the end of the fault to the first good answer of the server, in milliseconds; null when none came. */
  returnedMs: number | null;
}

/** A request that takes this long was held up by a server, in milliseconds: a try may take a second
 *  to connect and two to be answered. A busy machine alone seldom takes as long. */
const HELD_UP_MS = 900;
/** Traffic has not left when a request still went there within this time of the fault's end, in milliseconds. */
const STILL_THERE_MS = 300;

/** The figures of one fault at `origin`. */
export function figuresOf(seen: readonly Seen[], { fromMs, healedMs }: Window, origin: string): Figures {
  // A request may have begun just before the fault and been hit by it all the same.
  const hit = seen.filter((one) => one.startMs + one.tookMs >= fromMs);
  const failed = hit.filter((one) => one.failure !== null);
  const during = hit.filter((one) => one.startMs >= fromMs && one.startMs < healedMs);
  const touched = during.filter((one) => one.origin === origin || one.failure !== null || one.tookMs >= HELD_UP_MS);
  const last = Math.max(fromMs, ...touched.map((one) => one.startMs));
  const back = seen.filter((one) => one.startMs >= healedMs && one.origin === origin && one.failure === null);
  const failures: Record<string, number> = {};
  for (const { failure } of failed) failures[failure!] = (failures[failure!] ?? 0) + 1;
  return {
    requests: hit.length,
    failedGets: failed.filter((one) => one.method === 'GET').length,
    failedPosts: failed.filter((one) => one.method === 'POST').length,
    failures,
    slowestGetMs: Math.max(0, ...hit.filter((one) => one.method === 'GET').map((one) => one.tookMs)),
    leftMs: healedMs - last < STILL_THERE_MS ? null : last - fromMs,
    share: during.length === 0 ? 0 : touched.length / during.length,
    returnedMs: back.length === 0 ? null : Math.min(...back.map((one) => one.startMs)) - healedMs,
  };
}
