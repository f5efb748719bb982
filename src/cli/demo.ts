// `sevenfold demo`: the load balancer in front of four small origin servers, to try it without any of one's own.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { checkValue } from '../config/load.js';
import { compileRoutes } from '../config/routes.js';
import { startOrigins } from './demo-origins.js';
import { issueCertificate } from './issue-certificate.js';
import {
  acceptOption,
  logLevelOption,
  logOption,
  logTimesOption,
  pinOption,
  type ServeFlags,
  serveOptions,
  workersOption,
} from './options.js';
import { serve } from './serve.js';

interface DemoOptions extends ServeFlags {
  listen?: string;
  listenTls?: string;
  admin?: string;
}

const ADDRESS = '127.0.0.1:8080';
const TLS_ADDRESS = '127.0.0.1:8443';
const ADMIN_ADDRESS = '127.0.0.1:9901';

export function register(program: Command): void {
  program
    .command('demo')
    .description('run in front of two small pools of its own: api (JSON) and images (PNG)')
    .option('--listen <address>', `listen here (default: ${ADDRESS})`)
    .option('--listen-tls <address>', `listen here for https (default: ${TLS_ADDRESS}, or nowhere with --listen)`)
    .option(
      '--admin <address>',
      `the dashboard and the admin API (default: ${ADMIN_ADDRESS}, or nowhere with --listen)`,
    )
    .addOption(workersOption())
    .addOption(acceptOption())
    .addOption(pinOption())
    .addOption(logOption())
    .addOption(logLevelOption())
    .addOption(logTimesOption())
    .action(demo);
}

async function demo(options: DemoOptions): Promise<void> {
  const origins = await startOrigins();
  const files = makeCertificate();
  const address = options.listen ?? ADDRESS;
  const tlsAddress = options.listenTls ?? (options.listen === undefined ? TLS_ADDRESS : null);
  const tls = { certificates: [{ cert: files.cert, key: files.key }] };
  const admin = options.admin ?? (options.listen === undefined ? ADMIN_ADDRESS : null);
  // Other users of this machine must not change anything, and need not see it.
  const token = randomBytes(18).toString('base64url');
  const value = {
    listeners: [{ address }, ...(tlsAddress === null ? [] : [{ address: tlsAddress, protocol: 'https', tls }])],
    routes: [
      {
        rules: [
          { matches: [{ path: { type: 'PathPrefix', value: '/images' } }], pool: 'images' },
          { matches: [{ path: { type: 'PathPrefix', value: '/api' } }], pool: 'api' },
        ],
      },
    ],
    ...(admin === null ? {} : { admin: { address: admin, token } }),
    pools: {
      api: { servers: origins.api.map((address) => ({ address })) },
      images: { servers: origins.images.map((address) => ({ address })) },
    },
  };
  const url = `http://${address.replace(/^:/, '127.0.0.1:')}`;
  const secureUrl = tlsAddress === null ? null : `https://${tlsAddress.replace(/^:/, '127.0.0.1:')}`;
  await serve({ name: 'the demo', load: async () => compileRoutes(checkValue(value, 'demo')) }, serveOptions(options), {
    welcome: () =>
      welcome(url, secureUrl, admin === null ? null : `http://${admin}/#token=${token}`, files.cert, origins),
    end: async () => {
      rmSync(files.directory, { recursive: true, force: true });
      await origins.close();
    },
  });
}

/** A self-signed certificate for the demo, in a directory of its own. Clients do not trust it by default. */
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
  secureUrl: string | null,
  dashboard: string | null,
  cert: string,
  { api, images }: { api: string[]; images: string[] },
): string {
  const secure = secureUrl === null ? '' : `  curl --cacert ${cert} ${secureUrl}/api/orders\n`;
  return `
Sevenfold on ${url}${secureUrl === null ? '' : ` and ${secureUrl}`}

${dashboard === null ? '' : `  dashboard   ${dashboard}\n`}
  path        pool      servers
  /api        api       ${api.join(', ')}
  /images     images    ${images.join(', ')}

Try it:

  curl ${url}/api/orders              # again and again: the two servers take turns
  curl -o cat.png ${url}/images/cat.png
${secure}  curl -i ${url}/nowhere              # no rule matches: 404, with a reason

Ctrl-C stops it.
`;
}
