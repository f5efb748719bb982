// Starts the open loop in a process of its own, pinned like any load, and reads its figures.
// The generator is open-loop-client.ts; this is its face to the phases.
import { siblingScript } from '../origins.js';
import { runProcess } from '../processes.js';
import type { OpenLoopFigures } from '../result.js';
import type { LoadRequest } from './load.js';

/** What the process is told on its command line, and what it prints, in JSON. */
export interface OpenLoopOrder
  extends Pick<LoadRequest, 'scheme' | 'host' | 'port' | 'authority' | 'workload' | 'connections' | 'seconds'> {
  readonly ratePerSecond: number;
}
export type OpenLoopAnswer = Omit<OpenLoopFigures, 'contestant' | 'workload' | 'round' | 'ratePerSecond'>;

/** Percentiles of the plotted curve; those that too few requests stand behind are left out of a run's points. */
export const CURVE = [1, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 99.995, 99.999] as const;

/** One open loop at `ratePerSecond` against what `request` describes. */
export async function openLoop(request: LoadRequest, ratePerSecond: number): Promise<OpenLoopAnswer> {
  const { scheme, host, port, authority, workload, connections, seconds } = request;
  const order: OpenLoopOrder = { scheme, host, port, authority, workload, connections, seconds, ratePerSecond };
  const output = await runProcess(
    {
      name: 'the open loop',
      command: process.execPath,
      args: [...process.execArgv, siblingScript('./open-loop-process', import.meta.url), JSON.stringify(order)],
      cores: request.cores,
    },
    request.signal,
  );
  const answer: OpenLoopAnswer = JSON.parse(output.split('\n').at(-1) ?? '');
  return answer;
}
