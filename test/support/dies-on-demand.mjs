// Loaded before everything else in every thread of the product (NODE_OPTIONS=--import): worker threads die when told.
// Owns the dying. A line `THREAD HOW` in the file SEVENFOLD_DIES_FILE kills that worker thread, by `throw` or by `exit`.

import { readFileSync, watch } from 'node:fs';
import { isMainThread, threadId } from 'node:worker_threads';

const file = process.env.SEVENFOLD_DIES_FILE;
if (!isMainThread && file !== undefined) {
  watch(file, () => {
    const [thread, how] = readFileSync(file, 'utf8').trim().split(' ');
    if (Number(thread) !== threadId) return;
    if (how === 'exit') process.exit(3);
    setImmediate(() => {
      throw new Error('told to die');
    });
  }).unref();
}
