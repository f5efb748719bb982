// A thread with one waiting request and nothing else to do but wait for its turn.

import { parentPort, workerData } from 'node:worker_threads';
import { ServerState } from '../../../src/balance/server-state.js';
import { WaitingLine, wakeUps } from '../../../src/balance/waiting-line.js';

const { plan, buffer, worker } = workerData;
const state = new ServerState(buffer, worker);
const line = new WaitingLine<string>(plan, state);
// A worker's own sockets keep its loop alive; here a port does.
parentPort!.ref();
const arm = wakeUps(plan.slot, state, 60_000, () => {
  parentPort!.postMessage(`served ${line.front()}`);
  parentPort!.unref();
});
line.join('a');
arm();
parentPort!.postMessage('joined');
