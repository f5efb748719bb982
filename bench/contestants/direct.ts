// No proxy: what the origin and the load generator can do between themselves.
// The yardstick for throughput; it has no CPU of its own to measure.
import type { Contestant } from './contestant.js';

export const direct: Contestant = {
  id: 'direct',
  family: 'direct',
  mode: 'direct',
  scheme: 'http',
  mainOnly: false,
  missing: () => undefined,
  start: async ({ originPort }) => ({
    host: '127.0.0.1',
    port: originPort,
    process: undefined,
    pid: undefined,
    stop: async () => {},
  }),
};
