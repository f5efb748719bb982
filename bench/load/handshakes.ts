// The load for handshakes, in a process of its own, pinned like any load. wrk opens connections, but does not say whether
// it resumes a session; this one does one or the other, and counts whatever was not as asked as failed.
// The client is handshake-client.ts; this is its face to the phases.
import { siblingScript } from '../origins.js';
import { runProcess } from '../processes.js';
import { requestBytes } from '../workloads.js';
import type { HandshakePlan } from './handshake-client.js';
import type { ClosedLoop, LoadResult } from './load.js';

export const handshakes: ClosedLoop = {
  name: 'node:tls',
  async run(request) {
    const { workload, signal, cores, directory: _, threads: __, authority, scheme, ...where } = request;
    if (workload.handshake === undefined || scheme !== 'https')
      throw new Error(`--workloads ${workload.id} asks for handshakes, which ${scheme}://${where.host} has none of`);
    const plan: HandshakePlan = {
      ...where,
      servername: authority,
      request: requestBytes(workload, authority).toString('latin1'),
      handshake: workload.handshake,
      key: workload.key,
    };
    const output = await runProcess(
      {
        name: 'the handshakes',
        command: process.execPath,
        args: [...process.execArgv, siblingScript('./handshakes-process', import.meta.url), JSON.stringify(plan)],
        cores,
      },
      signal,
    );
    const result: LoadResult = JSON.parse(output.split('\n').at(-1) ?? '');
    return result;
  },
};
