// The log thread: turns what workers record into lines, on a thread of its own. Its death stops no traffic: the rings stay, and a new
// thread goes on reading them.
// Owns its rhythm and its messages. Leaves the work to writer.ts.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { AccessLogEvent } from '../events.js';
import type { LogSet } from './plan.js';
import { LogWake } from './ring.js';
import { LogTotals } from './totals.js';
import { type DestinationReport, LogWriter } from './writer.js';

/** What the thread is started with. */
export interface LogThreadData {
  readonly rings: readonly SharedArrayBuffer[];
  readonly wake: SharedArrayBuffer;
  readonly totals: SharedArrayBuffer;
  /** Sets of logs that workers write for already. */
  readonly sets: readonly LogSet[];
}

/** From the primary. Each message has an answer with its `id`. */
export type ToLogThread = { readonly id: number } & (
  | { readonly type: 'open'; readonly sets: readonly LogSet[] }
  | { readonly type: 'keepOnly'; readonly sets: readonly number[] }
  | { readonly type: 'reopen' }
  | { readonly type: 'report' }
  /** Writes out what is there, and ends. */
  | { readonly type: 'end' }
);

/** To the primary. */
export type FromLogThread =
  | { readonly type: 'answer'; readonly id: number; readonly error?: string; readonly report?: DestinationReport[] }
  | { readonly type: 'event'; readonly event: AccessLogEvent };

/** Longest sleep between two looks at the rings, in milliseconds: how late a line may be. */
const SLEEP_MS = 100;
/** The same while a destination has to be asked again. */
const AGAIN_MS = 5;
/** How long a slow destination is waited for at the end, in milliseconds. */
const LAST_TRY_MS = 1000;

async function run(port: MessagePort, data: LogThreadData): Promise<void> {
  const post = (message: FromLogThread): void => port.postMessage(message);
  const wake = new LogWake(data.wake);
  const writer = new LogWriter(data.rings, new LogTotals(data.totals), (event) => post({ type: 'event', event }));
  writer.open(data.sets);
  let ending = false;
  let endId = 0;
  port.on('message', (message: ToLogThread) => {
    const { id } = message;
    try {
      switch (message.type) {
        case 'open':
          writer.open(message.sets);
          break;
        case 'keepOnly':
          writer.keepOnly(new Set(message.sets));
          break;
        case 'reopen':
          writer.reopen();
          break;
        case 'report':
          writer.pass();
          post({ type: 'answer', id, report: writer.report() });
          return;
        case 'end':
          ending = true;
          endId = id;
          wake.wake();
          return;
      }
      post({ type: 'answer', id });
    } catch (error) {
      post({ type: 'answer', id, error: (error as Error).message });
    }
  });
  while (!ending) {
    writer.pass();
    await wake.sleep(writer.isWaiting ? AGAIN_MS : SLEEP_MS);
  }
  const until = performance.now() + LAST_TRY_MS;
  writer.pass();
  while (writer.isWaiting && performance.now() < until) {
    await wake.sleep(AGAIN_MS);
    writer.pass();
  }
  writer.close();
  post({ type: 'answer', id: endId });
  port.close();
}

if (parentPort !== null) void run(parentPort, workerData as LogThreadData);
