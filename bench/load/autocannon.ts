// The closed loop by autocannon, where wrk is not installed: a process of its own, so it can be pinned.
import { siblingScript } from '../origins.js';
import { runProcess } from '../processes.js';
import type { ClosedLoop, LoadResult } from './load.js';

export const autocannon: ClosedLoop = {
  name: 'autocannon',
  async run(request) {
    const { signal, cores, directory: _, ...plan } = request;
    const output = await runProcess(
      {
        name: 'autocannon',
        command: process.execPath,
        args: [...process.execArgv, siblingScript('./autocannon-process', import.meta.url), JSON.stringify(plan)],
        cores,
      },
      signal,
    );
    const result: LoadResult = JSON.parse(output.split('\n').at(-1) ?? '');
    return result;
  },
};
