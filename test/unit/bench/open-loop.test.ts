// The load generator itself: percentiles against a known delay distribution, and a stall that must not be hidden.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { after, test } from 'node:test';
import { type OpenLoopPlan, runOpenLoop } from '../../../bench/load/open-loop-client.js';
import { createSocketOrigin } from '../../../bench/origins/socket-origin.js';

const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert(address !== null && typeof address === 'object');
  return address.port;
}

function plan(port: number, path: string, more: Partial<OpenLoopPlan>): OpenLoopPlan {
  return {
    scheme: 'http',
    host: '127.0.0.1',
    port,
    request: Buffer.from(`GET ${path} HTTP/1.1\r\nHost: bench.example.com\r\n\r\n`),
    connections: 64,
    ratePerSecond: 400,
    seconds: 3,
    closes: false,
    graceSeconds: 2,
    ...more,
  };
}

/** A loop that was never later than this has disturbed no answer in a hundred. */
const LOOP_LATE_MS = 12;
const RUNS_MAX = 6;

type Run = Awaited<ReturnType<typeof runOpenLoop>> & {
  /** How late the loop was at worst: the server, which is timed, and the generator run on it. */
  readonly lateMs: number;
};

/** The run that a busy machine disturbed least, of RUNS_MAX at most; what it was late by is not the generator's. */
async function undisturbed(path: string, more: Partial<OpenLoopPlan>): Promise<Run> {
  let best: Run | undefined;
  for (let run = 1; run <= RUNS_MAX && (best === undefined || best.lateMs > LOOP_LATE_MS); run++) {
    const port = await listening(createSocketOrigin()); // its own: a stall comes once
    const loop = monitorEventLoopDelay({ resolution: 1 });
    loop.enable();
    const result = await runOpenLoop(plan(port, path, more));
    loop.disable();
    const lateMs = loop.max / 1e6;
    if (best === undefined || lateMs < best.lateMs) best = { ...result, lateMs };
  }
  return best!;
}

test('reports the percentiles of a known delay distribution within 5 %', async () => {
  const { latency, socketErrors, unsent, lateMs } = await undisturbed('/uniform/200/400', { connections: 256 });
  assert.equal(latency.totalCount, 1200);
  assert.equal(socketErrors + unsent, 0);
  for (const percentile of [50, 75, 90, 99]) {
    const expectedMs = 200 + 2 * percentile;
    const reportedMs = latency.getValueAtPercentile(percentile) / 1000;
    const said = `p${percentile}: ${reportedMs.toFixed(1)} ms, expected ${expectedMs} ms; the loop was ${lateMs.toFixed(1)} ms late`;
    // A late loop makes answers late, never early: as the request is read, as the answer is due, and as it is read.
    assert(reportedMs > expectedMs * 0.95, said);
    assert(reportedMs < expectedMs * 1.05 + (lateMs > LOOP_LATE_MS ? 3 * lateMs : 0), said);
  }
});

test('shows a stalled origin at p99.9 at a fixed rate, with every request that the stall held up', async () => {
  // Frozen for 300 ms once: at 500/s about 150 of 1,000 requests are due meanwhile. One connection would have sent one
  // request into the stall and waited; a closed loop would have called it a single outlier.
  const { latency, lateMs } = await undisturbed('/stall/1000/300', {
    connections: 4,
    ratePerSecond: 500,
    seconds: 1.8,
  });
  assert.equal(latency.totalCount, 900);
  const worstMs = latency.getValueAtPercentile(99.9) / 1000;
  assert(worstMs > 270 && worstMs < 600 + lateMs, `p99.9 is ${worstMs} ms; the loop was ${lateMs} ms late`);
  const p90Ms = latency.getValueAtPercentile(90) / 1000;
  assert(p90Ms > 100, `p90 is ${p90Ms} ms, but a sixth of all requests were due during the stall`);
  const p50Ms = latency.getValueAtPercentile(50) / 1000;
  assert(p50Ms < 20 + lateMs, `p50 is ${p50Ms} ms; the loop was ${lateMs} ms late`);
});

test('counts requests that were due and never sent, with the time they had waited', async () => {
  const port = await listening(createServer(() => {}));
  const { latency, unsent, socketErrors } = await runOpenLoop(
    plan(port, '/small', { connections: 2, ratePerSecond: 100, seconds: 0.5, graceSeconds: 0.3 }),
  );
  assert.equal(latency.totalCount, 50);
  assert.equal(unsent, 48);
  assert.equal(socketErrors, 2);
  assert(latency.minNonZeroValue >= 250_000, `the last request waited ${latency.minNonZeroValue} µs, expected 300,000`);
});

test('opens a connection per request when asked to, and answers each', async () => {
  const origin = createSocketOrigin();
  let opened = 0;
  origin.on('connection', () => opened++);
  const port = await listening(origin);
  const { latency, socketErrors } = await runOpenLoop(
    plan(port, '/small', { connections: 8, ratePerSecond: 200, seconds: 0.5, closes: true }),
  );
  assert.equal(latency.totalCount, 100);
  assert.equal(socketErrors, 0);
  assert.equal(opened, 100);
});

test('counts a request as lost when its connection ends without an answer', async () => {
  let seen = 0;
  const port = await listening(
    createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => {
        if (++seen % 2 === 0) socket.destroy();
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    }),
  );
  const { latency, socketErrors } = await runOpenLoop(
    plan(port, '/', { connections: 4, ratePerSecond: 100, seconds: 0.4 }),
  );
  assert.equal(socketErrors, 20);
  assert.equal(latency.totalCount, 20);
});
