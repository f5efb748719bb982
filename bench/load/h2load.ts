// The closed loop over HTTP/2 by h2load, nghttp2's own generator: many streams on each connection.
// Its log has the latency of each request, of which we take percentiles.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProcess } from '../processes.js';
import { TLS_OFFER } from '../tls-offer.js';
import { type ClosedLoop, type LoadRequest, type LoadResult, PERCENTILES } from './load.js';

export const h2load: ClosedLoop = {
  name: 'h2load',
  async run(request) {
    const log = join(request.directory, `h2load-${request.workload.id}.tsv`);
    const output = await runProcess(
      {
        name: 'h2load',
        command: 'h2load',
        args: [...h2loadArguments(request), `--log-file=${log}`],
        cores: request.cores,
      },
      request.signal,
    );
    return parseH2load(output, readFileSync(log, 'latin1'));
  },
};

/** All arguments but the log: what is asked, over how many connections, by how many streams on each. */
export function h2loadArguments(request: LoadRequest): string[] {
  const { workload, host, port, authority } = request;
  // What describes a connection of HTTP/1 has no place here; the agent has a flag of its own, or h2load says its own name.
  const headers = workload.headers.filter(([name]) => name !== 'Connection');
  return [
    `-D${request.seconds}`,
    `-c${request.connections}`,
    `-t${Math.min(request.threads, request.connections)}`,
    `-m${workload.streams ?? 1}`,
    '--npn-list=h2',
    ...(request.pinned ? [`--tls13-ciphers=${TLS_OFFER.cipher}`, `--groups=${TLS_OFFER.group}`] : []),
    ...[[':authority', authority] as const, ...headers].flatMap(([name, value]) => [
      '-H',
      `${name.toLowerCase()}: ${value}`,
    ]),
    `${request.scheme}://${host}:${port}${workload.path}`,
  ];
}

const field = (pattern: RegExp, output: string): number => {
  const found = pattern.exec(output)?.[1];
  if (found === undefined) throw new Error(`h2load printed no figures, only: ${output.slice(-300)}`);
  return Number(found);
};

/** Reads the summary, and the log: start, status and microseconds of each request. */
export function parseH2load(output: string, log: string): LoadResult {
  const latencies = log
    .split('\n')
    .map((line) => Number(line.split('\t')[2]))
    .filter((us) => us >= 0)
    .sort((a, b) => a - b);
  const at = (percentile: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor((latencies.length * percentile) / 100))] ?? 0;
  return {
    requests: field(/ (\d+) succeeded/, output),
    badStatuses: field(/ (\d+) 4xx/, output) + field(/ (\d+) 5xx/, output),
    // What was under way as the time was over is none of them.
    socketErrors: field(/ (\d+) errored/, output) + field(/ (\d+) timeout/, output),
    seconds: field(/finished in ([\d.]+)s/, output),
    latencyUs: PERCENTILES.map(at),
  };
}
