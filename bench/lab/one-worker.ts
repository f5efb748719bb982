// Sevenfold with one worker under the main workload, for programs that look into that worker.
// Owns starting and stopping the three: origin, proxy, load. Leaves what is looked at to allocation.ts and where.ts.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COMMAND_LINE } from '../contestants/sevenfold.js';
import type { LoadRequest } from '../load/load.js';
import { describeMachine, planCores } from '../machine.js';
import { startOrigin } from '../origins.js';
import { freePort, type StartedProcess, startProcess } from '../processes.js';
import { WORKLOADS } from '../workloads.js';

const CONNECTIONS = 64;

export interface OneWorker {
  readonly proxy: StartedProcess;
  /** For files of the measurement; goes away with `stop`. */
  readonly directory: string;
  /** So many seconds of the main workload, for `wrk.run`. */
  load(seconds: number): LoadRequest;
  stop(): Promise<void>;
}

/** Starts an origin and Sevenfold in front of it, Node with `nodeFlags`; `name` goes into the name of the directory. */
export async function startOneWorker(name: string, nodeFlags: readonly string[]): Promise<OneWorker> {
  const machine = describeMachine();
  const cores = planCores(machine.cores, 1, machine.tools.taskset !== undefined);
  const directory = mkdtempSync(join(tmpdir(), `sevenfold-${name}-`));
  const origin = await startOrigin('cheap', directory, cores.origin, machine.tools.nginx !== undefined);
  const port = await freePort();
  const addresses = ['--listen', `127.0.0.1:${port}`, '--backend', `127.0.0.1:${origin.port}`];
  const proxy = await startProcess({
    name: 'sevenfold',
    command: process.execPath,
    args: [...nodeFlags, COMMAND_LINE, 'run', ...addresses, '--workers', '1'],
    cores: cores.proxy,
    ready: { text: 'sevenfold ready' },
  });
  return {
    proxy,
    directory,
    load: (seconds) => ({
      scheme: 'http',
      host: '127.0.0.1',
      port,
      authority: 'bench.example.com',
      workload: WORKLOADS[0]!,
      pinned: false,
      connections: CONNECTIONS,
      seconds,
      cores: cores.load,
      threads: 1,
      directory,
    }),
    async stop() {
      await proxy.stop();
      await origin.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
