// One of several threads that pick from the same shared state; reports how often it picked each server.

import { parentPort, workerData } from 'node:worker_threads';
import { createBalancer } from '../../../src/balance/balancer.js';
import { ServerState } from '../../../src/balance/server-state.js';
import { Attempted } from '../../../src/balance/view.js';
import { keys } from './fixtures.js';

const { plan, buffer, worker, picks, gate } = workerData;
const state = new ServerState(buffer, worker);
const balancer = createBalancer(plan, state, worker);
const next = keys(worker);
const attempted = new Attempted();
const counts = Array<number>(plan.servers.length).fill(0);
const held: number[] = [];
/** Picks between two meetings of all threads. */
const STRETCH = 500;
const THREADS = 4;

/** Waits until every thread has come here as often as this one. `gate` counts all arrivals. */
function meet(times: number): void {
  const all = THREADS * times;
  if (Atomics.add(gate, 0, 1) === all - 1) Atomics.notify(gate, 0);
  else
    for (let there = Atomics.load(gate, 0); there < all; there = Atomics.load(gate, 0))
      Atomics.wait(gate, 0, there, 100);
}

for (let i = 0; i < picks; i++) {
  // They start together, and none runs far ahead: one that lost its core would keep its requests in flight meanwhile.
  if (i % STRETCH === 0) meet(i / STRETCH + 1);
  const server = balancer.pick(next(), attempted);
  counts[server]! += 1;
  state.requestBegins(server);
  held.push(server);
  if (held.length > 31) state.requestEnds(held.shift()!);
}
for (const server of held) state.requestEnds(server);
parentPort!.postMessage(counts);
