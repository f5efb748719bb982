// The claim that an access log costs at most 6 % of the CPU of a request: Sevenfold with a JSON log to a file against one without,
// in interleaved pairs, and that every request has its line. Run as a program: `make bench-log`. Needs wrk.
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { COMMAND_LINE } from '../contestants/sevenfold.js';
import { wrk } from '../load/wrk.js';
import { describeMachine, planCores } from '../machine.js';
import { startOrigin } from '../origins.js';
import { treeCpu } from '../proc.js';
import { freePort, type StartedProcess, startProcess } from '../processes.js';
import { ratioInterval } from '../stats.js';
import { WORKLOADS } from '../workloads.js';
import { isKnown } from './against.js';

const CONNECTIONS = 64;

interface Contestant {
  readonly port: number;
  readonly process: StartedProcess;
  readonly file: string | undefined;
  requests: number;
}

/** Lines of a log, each of which has to be an object of JSON. */
async function linesOf(file: string): Promise<number> {
  let lines = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    JSON.parse(line);
    lines++;
  }
  return lines;
}

interface LogCounts {
  readonly recorded: number;
  readonly dropped: number;
  readonly destinations: readonly { readonly written: number; readonly dropped: number }[];
}

/** What a process says of its logs on SIGUSR2, and the exchanges that ended. */
async function reportOf(proxy: StartedProcess): Promise<{ ended: number; logs: LogCounts }> {
  const line = new Promise<string>((resolve) => proxy.onLine((text) => text.startsWith('{"engine"') && resolve(text)));
  proxy.signal('SIGUSR2');
  const { engine, accessLogs } = JSON.parse(await line) as {
    engine: readonly { readonly exchangesEnded: number }[];
    accessLogs: LogCounts;
  };
  return { ended: engine.reduce((sum, { exchangesEnded }) => sum + exchangesEnded, 0), logs: accessLogs };
}

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '2' },
      format: { type: 'string', default: 'json' },
      workload: { type: 'string', default: 'browser' },
    },
  });
  const machine = describeMachine();
  const cores = planCores(machine.cores, 1, machine.tools.taskset !== undefined);
  const directory = mkdtempSync(join(tmpdir(), 'sevenfold-log-'));
  const origin = await startOrigin('cheap', directory, cores.origin, machine.tools.nginx !== undefined);
  const workload = WORKLOADS.find(({ id }) => id === values.workload) ?? WORKLOADS[0]!;
  const start = async (name: string, file: string | undefined): Promise<Contestant> => {
    const port = await freePort();
    const config = join(directory, `${name}.yaml`);
    const document = {
      listeners: [{ address: `127.0.0.1:${port}` }],
      routes: [{ rules: [{ pool: 'main' }] }],
      pools: { main: { servers: [{ address: `127.0.0.1:${origin.port}` }] } },
      ...(file === undefined ? {} : { accessLog: [{ format: values.format, to: { file } }] }),
    };
    writeFileSync(config, JSON.stringify(document));
    const process_ = await startProcess({
      name,
      command: process.execPath,
      args: [COMMAND_LINE, 'run', '-c', config, '--workers', '1'],
      cores: cores.proxy,
      ready: { text: 'sevenfold ready' },
    });
    return { port, process: process_, file, requests: 0 };
  };
  const logging = await start('logging', join(directory, 'access.log'));
  const silent = await start('silent', undefined);
  try {
    /** CPU of the whole process by request, in microseconds. */
    const measure = async (one: Contestant): Promise<number> => {
      const before = treeCpu(one.process.pid);
      const { requests } = await wrk.run({
        scheme: 'http',
        host: '127.0.0.1',
        port: one.port,
        authority: 'bench.example.com',
        workload,
        pinned: false,
        connections: CONNECTIONS,
        seconds: Number(values.seconds),
        cores: cores.load,
        threads: 1,
        directory,
      });
      // What was recorded last is written within 100 ms, and is part of the price.
      await new Promise((resolve) => setTimeout(resolve, 250));
      const after = treeCpu(one.process.pid);
      one.requests += requests;
      return (after.userUs + after.systemUs - before.userUs - before.systemUs) / requests;
    };
    const ratios: number[] = [];
    const us: [logging: number, silent: number][] = [];
    const end = performance.now() + Number(values.minutes) * 60_000;
    for (let round = -1; performance.now() < end && !isKnown(ratioInterval(ratios)); round++) {
      const first = await measure(round % 2 === 0 ? logging : silent);
      const second = await measure(round % 2 === 0 ? silent : logging);
      const pair: [number, number] = round % 2 === 0 ? [first, second] : [second, first];
      if (round < 0) continue;
      us.push(pair);
      ratios.push(pair[0] / pair[1]);
    }
    const interval = ratioInterval(ratios);
    const mean = (of: 0 | 1): string => (us.reduce((sum, pair) => sum + pair[of], 0) / us.length).toFixed(2);
    if (interval === undefined) throw new Error('no pair was measured: give it more --minutes');
    const range = `${interval.low.toFixed(3)} to ${interval.high.toFixed(3)}`;
    console.log(`CPU per request, ${values.format} log to a file over none, ${workload.title}:`);
    console.log(`  ${interval.ratio.toFixed(3)} (95 %: ${range}), ${mean(0)} / ${mean(1)} µs, ${interval.pairs} pairs`);
    const { ended, logs } = await reportOf(logging.process);
    await logging.process.stop();
    const lines = values.format === 'json' ? await linesOf(logging.file!) : (logs.destinations[0]?.written ?? 0);
    const dropped = logs.dropped + (logs.destinations[0]?.dropped ?? 0);
    console.log(`  ${ended} requests, ${lines} lines, ${dropped} dropped`);
    return lines + dropped === ended ? 0 : 1;
  } finally {
    await logging.process.stop();
    await silent.process.stop();
    await origin.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await main(process.argv.slice(2));
}
