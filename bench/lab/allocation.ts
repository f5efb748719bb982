// The claim that the hot path allocates nothing: growth of one worker's heap by request, between garbage collections.
// Run as a program: `make bench-allocation`; exits with 1 above the limit. Needs wrk.
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { wrk } from '../load/wrk.js';
import type { StartedProcess } from '../processes.js';
import { type Spread, spreadOf } from '../stats.js';
import { startOneWorker } from './one-worker.js';

/** The promise: bytes of heap by keep-alive request. */
const LIMIT_BYTES = 16;
const REQUESTS_MIN = 200_000;
const ROUNDS_MAX = 12;

/** What a worker says about itself on SIGUSR2. */
export interface WorkerReport {
  readonly requests: number;
  readonly heapUsed: number;
}

export interface Allocation {
  readonly bytesPerRequest: Spread;
  /** Requests of the rounds that counted: those without a garbage collection. */
  readonly requests: number;
}

/**
 * Heap growth by request from pairs of reports, beside `restBytes` that a round without requests leaves; a pair with a
 * collection between them says nothing.
 */
export function allocationOf(
  pairs: ReadonlyArray<{ readonly before: WorkerReport; readonly after: WorkerReport; readonly collected: boolean }>,
  restBytes: number,
): Allocation | undefined {
  const counted = pairs.filter(({ before, after, collected }) => !collected && after.requests > before.requests);
  const growth = counted.map(
    ({ before, after }) => (after.heapUsed - before.heapUsed - restBytes) / (after.requests - before.requests),
  );
  const bytesPerRequest = spreadOf(growth);
  if (bytesPerRequest === undefined) return undefined;
  return {
    bytesPerRequest,
    requests: counted.reduce((sum, { before, after }) => sum + after.requests - before.requests, 0),
  };
}

/** Asks a running Sevenfold for the report of its only worker. */
export async function askReport(proxy: StartedProcess): Promise<WorkerReport> {
  const line = new Promise<string>((resolve) => proxy.onLine((text) => text.startsWith('{"engine"') && resolve(text)));
  proxy.signal('SIGUSR2');
  const told: { engine: WorkerReport[] } = JSON.parse(await line);
  const report = told.engine[0];
  if (report === undefined) throw new Error('Sevenfold reported no worker on SIGUSR2');
  return report;
}

async function measure(): Promise<Allocation | undefined> {
  // A wide nursery, so that whole rounds fit between two collections; each one is traced and its round dropped.
  const { proxy, load: request, stop } = await startOneWorker('allocation', ['--trace-gc', '--max-semi-space-size=64']);
  try {
    let collections = 0;
    proxy.onLine((line) => {
      if (/: (Scavenge|Mark-Compact)/.test(line)) collections++;
    });
    const load = (seconds: number) => wrk.run(request(seconds));
    await load(3);
    // What a round leaves on the heap without a request: timers, metrics, the reports themselves.
    const rests: number[] = [];
    for (let i = 0; i < 3; i++) {
      const collectionsBefore = collections;
      const before = await askReport(proxy);
      await setTimeout(1000);
      const after = await askReport(proxy);
      if (collections === collectionsBefore) rests.push(after.heapUsed - before.heapUsed);
    }
    const restBytes = Math.max(0, spreadOf(rests)?.median ?? 0);
    const pairs: Array<{ before: WorkerReport; after: WorkerReport; collected: boolean }> = [];
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const collectionsBefore = collections;
      const before = await askReport(proxy);
      await load(1);
      pairs.push({ before, after: await askReport(proxy), collected: collections > collectionsBefore });
      const so = allocationOf(pairs, restBytes);
      if (so !== undefined && so.requests >= REQUESTS_MIN && so.bytesPerRequest.rounds >= 3) break;
    }
    return allocationOf(pairs, restBytes);
  } finally {
    await stop();
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const found = await measure();
  if (found === undefined) {
    console.log(
      `every round had a garbage collection in it: the worker allocates far more than ${LIMIT_BYTES} bytes per request`,
    );
    process.exitCode = 1;
  } else {
    const { median, min, max, rounds } = found.bytesPerRequest;
    console.log(
      `heap growth per keep-alive request: ${median.toFixed(1)} bytes (${min.toFixed(1)}..${max.toFixed(1)}, ${rounds} rounds, ${found.requests} requests); limit ${LIMIT_BYTES}`,
    );
    if (median >= LIMIT_BYTES) process.exitCode = 1;
  }
}
