// `sevenfold demo`: the load balancer in front of four small origin servers, to try it without any of one's own.

import type { Command } from 'commander';
import { checkValue } from '../config/load.js';
import { compileRoutes } from '../config/routes.js';
import { startOrigins } from './demo-origins.js';
import { acceptOption, pinOption, type WorkerOptions, workersOption } from './options.js';
import { serve } from './serve.js';

interface DemoOptions extends WorkerOptions {
  listen: string;
}

export function register(program: Command): void {
  program
    .command('demo')
    .description('run in front of two small pools of its own: api (JSON) and images (PNG)')
    .option('--listen <address>', 'listen here', '127.0.0.1:8080')
    .addOption(workersOption())
    .addOption(acceptOption())
    .addOption(pinOption())
    .action(demo);
}

async function demo(options: DemoOptions): Promise<void> {
  const origins = await startOrigins();
  const value = {
    listeners: [{ address: options.listen }],
    routes: [
      {
        rules: [
          { matches: [{ path: { type: 'PathPrefix', value: '/images' } }], pool: 'images' },
          { matches: [{ path: { type: 'PathPrefix', value: '/api' } }], pool: 'api' },
        ],
      },
    ],
    pools: {
      api: { servers: origins.api.map((address) => ({ address })) },
      images: { servers: origins.images.map((address) => ({ address })) },
    },
  };
  const url = `http://${options.listen.replace(/^:/, '127.0.0.1:')}`;
  await serve(
    { name: 'the demo', load: async () => compileRoutes(checkValue(value, 'demo')) },
    options,
    () => console.log(welcome(url, origins)),
    () => origins.close(),
  );
}

function welcome(url: string, { api, images }: { api: string[]; images: string[] }): string {
  return `
Sevenfold on ${url}

  path        pool      servers
  /api        api       ${api.join(', ')}
  /images     images    ${images.join(', ')}

Try it:

  curl ${url}/api/orders              # again and again: the two servers take turns
  curl -o cat.png ${url}/images/cat.png
  curl -i ${url}/nowhere              # no rule matches: 404, with a reason

Ctrl-C stops it.
`;
}
