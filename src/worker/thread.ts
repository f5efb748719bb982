// The thread of a worker: one long task that Piscina runs, from its first snapshot to the end of its drain.
// Owns the messages between primary and worker. Leaves everything else to worker.ts.

import type { MessagePort } from 'node:worker_threads';
import { addon } from '../engine/addon.js';
import type { LimitBuffers } from '../limits/shared-limits.js';
import type { WorkerMemory } from '../observe/metrics/layout.js';
import { type ConnectionRow, type ExchangeRow, lookAtConnections, lookAtExchanges } from './look.js';
import type { Snapshot, SnapshotChange } from './snapshot.js';
import { Worker } from './worker.js';

/** What a worker is started with. */
export interface WorkerTask {
  index: number;
  snapshot: Snapshot;
  /** The shared server state. */
  servers: SharedArrayBuffer;
  /** What it counts in for metrics. */
  metrics: WorkerMemory;
  /** What all workers share to count by key. */
  limits: LimitBuffers;
  /** Where it records what the access log gets, and what wakes the log thread. */
  logRing: SharedArrayBuffer;
  logWake: SharedArrayBuffer;
  acceptShared: boolean;
  /** The core to run on, or null for any. */
  core: number | null;
  port: MessagePort;
}

/** What a worker has under way. */
export interface Seen {
  exchanges: ExchangeRow[];
  connections: ConnectionRow[];
}

/** From the primary. */
export type ToWorker =
  | { type: 'apply'; change: SnapshotChange }
  | { type: 'drain' }
  | { type: 'report' }
  | { type: 'look'; id: number; most: number; olderMs: number };

/** What a worker reports: what it counts and holds, and the heap of its thread. */
export type WorkerReport = ReturnType<Worker['report']> & ReturnType<typeof heap>;

/** To the primary. */
export type FromWorker =
  | { type: 'ready' }
  | { type: 'applied'; generation: number }
  | { type: 'report'; report: WorkerReport }
  | ({ type: 'seen'; id: number } & Seen);

/** Runs a worker until it has drained, and returns how many client connections that cut. Rejects when it cannot start. */
export default function run(task: WorkerTask): Promise<number> {
  return new Promise((resolve) => {
    if (task.core !== null) addon().pinThread(task.core);
    const { port } = task;
    const post = (message: FromWorker): void => port.postMessage(message);
    const worker = new Worker({
      index: task.index,
      snapshot: task.snapshot,
      servers: task.servers,
      metrics: task.metrics,
      limits: task.limits,
      logRing: task.logRing,
      logWake: task.logWake,
      acceptShared: task.acceptShared,
      onDrained: (cut) => {
        port.close();
        resolve(cut);
      },
    });
    port.on('message', (message: ToWorker) => {
      switch (message.type) {
        case 'apply':
          worker.apply(message.change);
          post({ type: 'applied', generation: message.change.generation });
          break;
        case 'drain':
          worker.drain();
          break;
        case 'look': {
          const { id, most, olderMs } = message;
          const exchanges = lookAtExchanges(worker, most, olderMs);
          post({ type: 'seen', id, exchanges, connections: lookAtConnections(worker, most) });
          break;
        }
        case 'report':
          post({ type: 'report', report: { ...worker.report(), ...heap() } });
          break;
      }
    });
    post({ type: 'ready' });
  });
}

/** What this thread's heap holds, in bytes. */
function heap(): { heapUsed: number; external: number } {
  const { heapUsed, external } = process.memoryUsage();
  return { heapUsed, external };
}
