// What counting one request and its attempt for metrics takes. On the compiled product, in plain JavaScript: a loader that
// compiles on the way makes these functions several times slower.

import { MetricsMemory } from '../../dist/observe/metrics/layout.js';
import { MetricsRecorder } from '../../dist/observe/metrics/recorder.js';
import { SeriesRegistry } from '../../dist/observe/metrics/series.js';

const REQUESTS = 20_000_000;
const POOLS = [0, 1];

const memory = new MetricsMemory({ workers: 1, serversMax: 1000 });
const wanted = [1, 2].flatMap((listenerNumber) =>
  POOLS.map((poolSlot) => {
    return { listener: `${listenerNumber}`, route: 'shop', pool: `${poolSlot}`, raw: false, listenerNumber, poolSlot };
  }),
);
const part = new SeriesRegistry(memory).place([0], [wanted], [], 100);
const recorder = new MetricsRecorder(memory.workers[0]);
recorder.apply(part);

/** As much of an exchange as is counted. */
function exchange(pool, ms) {
  const endUs = 1e9 + ms * 1000;
  return {
    rule: { series: part.byRoute[0] },
    client: { listener: { plan: { listener: 1 } } },
    pool: { plan: { slot: pool } },
    kind: 0,
    status: 200,
    times: Float64Array.of(1e9, 1e9, endUs),
    bytesIn: 500,
    bytesOut: 700,
    attempts: 1,
    attempt: { server: { index: pool }, status: 200, reason: null, times: Float64Array.of(1e9, 1e9, 1e9, endUs) },
  };
}

const exchanges = Array.from({ length: 64 }, (_, index) => exchange(POOLS[index % POOLS.length], 1 + (index % 7)));

function measure(count) {
  const heap = process.memoryUsage().heapUsed;
  const from = process.cpuUsage();
  for (let i = 0; i < REQUESTS; i++) count(exchanges[i & 63]);
  const { user, system } = process.cpuUsage(from);
  return {
    ns: ((user + system) * 1000) / REQUESTS,
    bytes: Math.max(0, process.memoryUsage().heapUsed - heap) / REQUESTS,
  };
}

let seen = 0;
const look = (x) => {
  seen += x.status;
};
const count = (x) => {
  recorder.attemptEnded(x, x.attempt);
  recorder.exchangeEnded(x);
};
measure(count);
const [empty, counted] = [measure(look), measure(count)];
console.log(
  `${(counted.ns - empty.ns).toFixed(1)} ns and ${counted.bytes.toFixed(2)} bytes of heap a request (${seen > 0 ? REQUESTS : 0} counted)`,
);
