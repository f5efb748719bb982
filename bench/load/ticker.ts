// The clock of the open loop: a thread that sleeps to the microsecond and wakes the event loop when a request is due.
// Timers of the event loop count whole milliseconds, which is ten times a proxied request.
import { Worker } from 'node:worker_threads';

/** When to tick, on the clock of process.hrtime. */
export interface TickerPlan {
  readonly startNs: bigint;
  readonly intervalNs: number;
  readonly count: number;
}

/** Starts the thread; it sends one message per tick, and late ticks at once. Ends by itself or by terminate(). */
export function startTicker(plan: TickerPlan): Worker {
  // The thread's program travels as text, so that it runs the same from sources as when compiled.
  return new Worker(`(${tick.toString()})(require('node:worker_threads'))`, { eval: true, workerData: plan });
}

/** Runs in the thread: uses nothing but its argument and globals, and declares no function of its own. */
function tick(threads: Pick<typeof import('node:worker_threads'), 'parentPort' | 'workerData'>): void {
  const { startNs, intervalNs, count }: TickerPlan = threads.workerData;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  for (let at = 0; at < count; at++) {
    const waitNs = Number(startNs - process.hrtime.bigint()) + at * intervalNs;
    if (waitNs > 0) Atomics.wait(cell, 0, 0, waitNs / 1e6);
    threads.parentPort?.postMessage(null);
  }
}
