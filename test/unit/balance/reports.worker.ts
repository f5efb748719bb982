// One of several threads that report failures of the same servers; reports how many servers it ejected.

import { parentPort, workerData } from 'node:worker_threads';
import { OutlierReports, RESULT } from '../../../src/balance/outlier.js';
import { ServerState } from '../../../src/balance/server-state.js';

const { plan, buffer, worker, gate } = workerData;
const reports = new OutlierReports(plan, new ServerState(buffer, worker));
if (Atomics.add(gate, 0, 1) === 3) Atomics.notify(gate, 0);
else
  for (let there = Atomics.load(gate, 0); there < 4; there = Atomics.load(gate, 0)) Atomics.wait(gate, 0, there, 100);
let ejected = 0;
for (let round = 0; round < 2000; round++)
  for (const server of plan.servers) if (reports.report(server.index, RESULT.FAILURE)) ejected++;
parentPort!.postMessage(ejected);
