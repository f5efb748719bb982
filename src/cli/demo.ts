// `sevenfold demo`: the load balancer in front of four small origin servers, to try it without any of one's own.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { checkValue } from '../config/load.js';
import { compileRoutes } from '../config/routes.js';
import { startOrigins } from './demo-origins.js';
import { issueCertificate } from './issue-certificate.js';
import { acceptOption, pinOption, type WorkerOptions, workersOption } from './options.js';
import { serve } from './serve.js';

interface DemoOptions extends WorkerOptions {
  listen: string;
  listenTls: string;
}

export function register(program: Command): void {
  program
    .command('demo')
    .description('run in front of two small pools of its own: api (JSON) and images (PNG)')
    .option('--listen <address>', 'listen here', '127.0.0.1:8080')
    .option('--listen-tls <address>', 'listen here for https', '127.0.0.1:8443')
    .addOption(workersOption())
    .addOption(acceptOption())
    .addOption(pinOption())
    .action(demo);
}

async function demo(options: DemoOptions): Promise<void> {
  const origins = await startOrigins();
  const files = makeCertificate();
  const value = {
    listeners: [
      { address: options.listen },
      { address: options.listenTls, protocol: 'https', tls: { certificates: [{ cert: files.cert, key: files.key }] } },
    ],
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
  const secureUrl = `https://${options.listenTls.replace(/^:/, '127.0.0.1:')}`;
  await serve(
    { name: 'the demo', load: async () => compileRoutes(checkValue(value, 'demo')) },
    options,
    () => console.log(welcome(url, secureUrl, files.cert, origins)),
    async () => {
      rmSync(files.directory, { recursive: true, force: true });
      await origins.close();
    },
  );
}

/** A certificate of the demo's own in a directory that goes with it. Nobody trusts it who is not told to. */
function makeCertificate(): { directory: string; cert: string; key: string } {
  const directory = mkdtempSync(join(tmpdir(), 'sevenfold-demo-'));
  const { cert, key } = issueCertificate({ subject: 'Sevenfold demo', names: ['localhost', '127.0.0.1', '::1'] });
  const files = { directory, cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key, { mode: 0o600 });
  return files;
}

function welcome(
  url: string,
  secureUrl: string,
  cert: string,
  { api, images }: { api: string[]; images: string[] },
): string {
  return `
Sevenfold on ${url} and ${secureUrl}

  path        pool      servers
  /api        api       ${api.join(', ')}
  /images     images    ${images.join(', ')}

Try it:

  curl ${url}/api/orders              # again and again: the two servers take turns
  curl -o cat.png ${url}/images/cat.png
  curl --cacert ${cert} ${secureUrl}/api/orders
  curl -i ${url}/nowhere              # no rule matches: 404, with a reason

Ctrl-C stops it.
`;
}
