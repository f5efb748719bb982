import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { POOL, ServerState } from '../../../src/balance/server-state.js';
import { WaitingLine, wakeUps } from '../../../src/balance/waiting-line.js';
import { pool } from './fixtures.js';

function lines(queueMax = 10, workers = 2) {
  const made = pool({ limits: { queueMax, serverRequestsMax: 1 } });
  const line = (worker: number) => new WaitingLine<string>(made.plan, new ServerState(made.buffer, worker));
  return { ...made, lines: Array.from({ length: workers }, (_, i) => line(i)) };
}

test('serves one worker’s requests in the order they came', () => {
  const [line] = lines().lines;
  for (const item of ['a', 'b', 'c']) assert.equal(line!.join(item), true);
  const served: string[] = [];
  for (let item = line!.front(); item !== undefined; item = line!.front()) {
    served.push(item);
    line!.shift();
  }
  assert.deepEqual(served, ['a', 'b', 'c']);
  assert.equal(line!.busy(), false);
});

test('serves the oldest request of all workers first, wherever the room was freed', () => {
  const [here, there] = lines().lines as [WaitingLine<string>, WaitingLine<string>];
  here.join('1 here');
  there.join('2 there');
  there.join('3 there');
  here.join('4 here');
  const served: string[] = [];
  while (here.busy()) {
    for (const line of [there, here]) {
      const item = line.front();
      if (item === undefined) continue;
      served.push(item);
      line.shift();
    }
  }
  assert.deepEqual(served, ['1 here', '2 there', '3 there', '4 here']);
});

test('refuses a request when the line is full over all workers, and takes one again when somebody left', () => {
  const [here, there] = lines(2).lines as [WaitingLine<string>, WaitingLine<string>];
  assert.equal(here.join('a'), true);
  assert.equal(there.join('b'), true);
  assert.equal(here.join('c'), false);
  assert.equal(there.remove('b'), true);
  assert.equal(there.remove('b'), false);
  assert.equal(here.join('c'), true);
});

test('lets nobody wait when the queue is off', () => {
  assert.equal(lines(0).lines[0]!.join('a'), false);
});

test('passes the turn on when the request in front leaves', () => {
  const [here, there] = lines().lines as [WaitingLine<string>, WaitingLine<string>];
  here.join('a');
  there.join('b');
  assert.equal(there.front(), undefined);
  here.remove('a');
  assert.equal(there.front(), 'b');
});

test('does not wait for a dead worker’s requests', () => {
  const { buffer, lines: made } = lines();
  const [here, there] = made as [WaitingLine<string>, WaitingLine<string>];
  here.join('a');
  there.join('b');
  new ServerState(buffer).forgetWorker(0);
  assert.equal(there.front(), 'b');
  there.shift();
  assert.equal(there.busy(), false);
});

test('keeps the order when the ticket counter wraps', () => {
  const { state, plan, lines: made } = lines();
  const [here, there] = made as [WaitingLine<string>, WaitingLine<string>];
  state.words[state.poolAt(plan.slot) + POOL.ticket] = 2 ** 31 - 2;
  here.join('a');
  there.join('b');
  assert.equal(there.front(), undefined);
  assert.equal(here.front(), 'a');
  state.words[state.poolAt(plan.slot) + POOL.ticket] = -2;
  here.shift();
  there.shift();
  there.join('c');
  here.join('d');
  assert.equal(here.front(), undefined);
  assert.equal(there.front(), 'c');
});

test('offers freed room to the worker whose turn it is', () => {
  const [here, there] = lines().lines as [WaitingLine<string>, WaitingLine<string>];
  assert.equal(here.offer(), false, 'nobody waits');
  here.join('a');
  assert.equal(here.offer(), true);
  there.join('b');
  assert.equal(there.offer(), false, 'it is the other one’s turn');
});

test('wakes a worker that sleeps in its event loop when room is offered to it', async () => {
  const { plan, buffer } = lines();
  const script = new URL('./waiter.worker.ts', import.meta.url).href;
  const boot = `import('tsx/esm/api').then((t) => { t.register(); return import(${JSON.stringify(script)}); })`;
  const sleeper = new Worker(boot, { eval: true, workerData: { plan, buffer, worker: 1 } });
  assert.deepEqual(await once(sleeper, 'message'), ['joined']);
  new WaitingLine<string>(plan, new ServerState(buffer, 0)).offer();
  assert.deepEqual(await once(sleeper, 'message'), ['served a']);
  await once(sleeper, 'exit');
});

test('does not lose an offer that came before it was armed', async () => {
  const { plan, buffer } = lines();
  const here = new WaitingLine<string>(plan, new ServerState(buffer, 0));
  const there = new ServerState(buffer, 1);
  const waiting = new WaitingLine<string>(plan, there);
  const turn = new Promise<void>((resolve) => {
    const arm = wakeUps(plan.slot, there, 60_000, resolve);
    waiting.join('a');
    here.offer();
    arm();
  });
  await turn;
});
