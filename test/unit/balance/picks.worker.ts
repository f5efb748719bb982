// One of several threads that pick from the same shared state; reports how often it picked each server.

import { parentPort, workerData } from 'node:worker_threads';
import { createBalancer } from '../../../src/balance/balancer.js';
import { ServerState } from '../../../src/balance/server-state.js';
import { Tried } from '../../../src/balance/view.js';
import { keys } from './fixtures.js';

const { plan, buffer, worker, picks, gate } = workerData;
const state = new ServerState(buffer, worker);
const balancer = createBalancer(plan, state, worker);
const next = keys(worker);
const tried = new Tried();
const counts = Array<number>(plan.servers.length).fill(0);
const held: number[] = [];
// All start together, or the first would be done before the last is loaded.
if (Atomics.add(gate, 0, 1) === 3) Atomics.notify(gate, 0);
else
  for (let there = Atomics.load(gate, 0); there < 4; there = Atomics.load(gate, 0)) Atomics.wait(gate, 0, there, 100);
for (let i = 0; i < picks; i++) {
  const server = balancer.pick(next(), tried);
  counts[server]! += 1;
  state.requestBegins(server);
  held.push(server);
  if (held.length > 31) state.requestEnds(held.shift()!);
}
for (const server of held) state.requestEnds(server);
parentPort!.postMessage(counts);
