// The process that runs autocannon: `autocannon-process PLAN`, PLAN being a LoadRequest in JSON. Prints a LoadResult.
import autocannon from 'autocannon';
import { nodeOffer } from '../tls-offer.js';
import type { LoadRequest, LoadResult } from './load.js';

const plan: LoadRequest = JSON.parse(process.argv[2] ?? '{}');
const { workload } = plan;
const result = await autocannon({
  url: `${plan.scheme}://${plan.host}:${plan.port}${workload.path}`,
  method: workload.method,
  headers: { host: plan.authority, ...Object.fromEntries(workload.headers) },
  ...(workload.bodyBytes > 0 ? { body: 'x'.repeat(workload.bodyBytes) } : {}),
  connections: plan.connections,
  duration: plan.seconds,
  timeout: 10,
  ...(plan.pinned && plan.scheme === 'https' ? { tlsOptions: nodeOffer() } : {}),
  ...(plan.threads > 1 ? { workers: plan.threads } : {}),
});
const { latency } = result;
const told: LoadResult = {
  requests: result.requests.total,
  badStatuses: result.non2xx,
  socketErrors: result.errors,
  seconds: (result.finish.getTime() - result.start.getTime()) / 1000,
  latencyUs: [latency.p50, latency.p75, latency.p90, latency.p99, latency.p99_9, latency.p99_99].map((ms) => ms * 1000),
};
console.log(JSON.stringify(told));
