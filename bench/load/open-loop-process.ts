// The process of the open loop: `open-loop-process ORDER`, ORDER being an OpenLoopOrder in JSON. Prints an OpenLoopAnswer.
import { requestBytes } from '../workloads.js';
import { PERCENTILES } from './load.js';
import { CURVE, type OpenLoopAnswer, type OpenLoopOrder } from './open-loop.js';
import { runOpenLoop } from './open-loop-client.js';

const GRACE_SECONDS = 2;

const order: OpenLoopOrder = JSON.parse(process.argv[2] ?? '{}');
const times = await runOpenLoop({
  scheme: order.scheme,
  host: order.host,
  port: order.port,
  request: requestBytes(order.workload, order.authority),
  connections: order.connections,
  ratePerSecond: order.ratePerSecond,
  seconds: order.seconds,
  closes: order.workload.closes,
  graceSeconds: GRACE_SECONDS,
});
const { latency, lateness } = times;
const answer: OpenLoopAnswer = {
  requests: latency.totalCount,
  badStatuses: times.badStatuses,
  socketErrors: times.socketErrors,
  unsent: times.unsent,
  latencyUs: PERCENTILES.map((percentile) => latency.getValueAtPercentile(percentile)),
  latenessUs: PERCENTILES.map((percentile) => lateness.getValueAtPercentile(percentile)),
  curve: CURVE.filter((percentile) => latency.totalCount * (1 - percentile / 100) >= 5).map(
    (percentile) => [percentile, latency.getValueAtPercentile(percentile)] as const,
  ),
};
console.log(JSON.stringify(answer));
