// The Node proxies that a user would otherwise take: http-proxy, httpxy and @fastify/http-proxy, each in the program
// of peers/ that sets it up at its best. They are optional: what is not installed is named and left out.
import { createRequire } from 'node:module';
import { siblingScript } from '../origins.js';
import { freePort, startProcess } from '../processes.js';
import type { Contestant } from './contestant.js';

const PEERS = [
  { id: 'http-proxy', packages: ['http-proxy'] },
  { id: 'httpxy', packages: ['httpxy'] },
  { id: 'fastify-http-proxy', packages: ['fastify', '@fastify/http-proxy'] },
] as const;

export function nodeContestants(): Contestant[] {
  const require = createRequire(import.meta.url);
  return PEERS.map(({ id, packages }) => ({
    id,
    family: 'node',
    mode: 'l7',
    scheme: 'http',
    mainOnly: true,
    missing: () => {
      const absent = packages.filter((name) => !resolves(require, name));
      return absent.length === 0 ? undefined : `the npm package ${absent.join(' and ')} is not installed`;
    },
    start: async (place) => {
      const port = await freePort();
      const started = await startProcess({
        name: id,
        command: process.execPath,
        args: [
          ...process.execArgv,
          siblingScript(`../peers/${id}`, import.meta.url),
          String(port),
          String(place.originPort),
        ],
        cores: place.cores,
        ready: { text: 'listening' },
      });
      return { host: '127.0.0.1', port, process: started, pid: started.pid, stop: started.stop };
    },
  }));
}

function resolves(require: NodeJS.Require, name: string): boolean {
  try {
    require.resolve(name);
    return true;
  } catch (error) {
    // A package without a CommonJS entry is there all the same.
    return error instanceof Error && 'code' in error && error.code === 'ERR_PACKAGE_PATH_NOT_EXPORTED';
  }
}
