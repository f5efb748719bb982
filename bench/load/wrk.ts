// The closed loop by wrk: the cheapest generator there is, so the proxy is what fills a core.
// Writes a Lua script per workload; its `done` hook prints the figures as JSON.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProcess } from '../processes.js';
import { opensslOffer } from '../tls-offer.js';
import type { Workload } from '../workloads.js';
import { type ClosedLoop, type LoadResult, PERCENTILES } from './load.js';

const MARK = 'sevenfold-bench ';

export const wrk: ClosedLoop = {
  name: 'wrk',
  async run(request) {
    const script = join(request.directory, `wrk-${request.workload.id}.lua`);
    writeFileSync(script, wrkScript(request.workload, request.authority));
    const output = await runProcess(
      {
        name: 'wrk',
        command: 'wrk',
        args: [
          `-t${Math.min(request.threads, request.connections)}`,
          `-c${request.connections}`,
          `-d${request.seconds}s`,
          '--timeout',
          '10s',
          '-s',
          script,
          `${request.scheme}://${request.host}:${request.port}${request.workload.path}`,
        ],
        cores: request.cores,
        ...(request.pinned && request.scheme === 'https' ? { env: opensslOffer(request.directory) } : {}),
      },
      request.signal,
    );
    return parseWrk(output);
  },
};

/** The Lua script: the request is fixed once, so nothing of it runs while requests are sent. */
export function wrkScript(workload: Workload, authority: string): string {
  const lines = [`wrk.method = ${quoted(workload.method)}`, `wrk.headers["Host"] = ${quoted(authority)}`];
  for (const [name, value] of workload.headers) lines.push(`wrk.headers[${quoted(name)}] = ${quoted(value)}`);
  if (workload.bodyBytes > 0) lines.push(`wrk.body = string.rep("x", ${workload.bodyBytes})`);
  lines.push(
    'done = function(summary, latency, requests)',
    '  local at = {}',
    `  for _, p in ipairs({ ${PERCENTILES.join(', ')} }) do at[#at + 1] = string.format("%d", latency:percentile(p)) end`,
    '  local e = summary.errors',
    `  print(string.format(${quoted(`${MARK}{"requests":%d,"us":%d,"status":%d,"socket":%d,"latencyUs":[%s]}`)},`,
    '    summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout, table.concat(at, ",")))',
    'end',
  );
  return `${lines.join('\n')}\n`;
}

/** Reads what the `done` hook printed; throws with the output's end when it is not there. */
export function parseWrk(output: string): LoadResult {
  const line = output.split('\n').find((candidate) => candidate.startsWith(MARK));
  if (line === undefined) throw new Error(`wrk printed no figures, only: ${output.slice(-300)}`);
  const told: { requests: number; us: number; status: number; socket: number; latencyUs: number[] } = JSON.parse(
    line.slice(MARK.length),
  );
  return {
    requests: told.requests,
    badStatuses: told.status,
    socketErrors: told.socket,
    seconds: told.us / 1e6,
    latencyUs: told.latencyUs,
  };
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
