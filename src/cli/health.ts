// `sevenfold health`: is the process that runs here ready? For HEALTHCHECK of an image, exec probes of Kubernetes, scripts.
// Owns asking the admin API, and the words of the answer.

import { request } from 'node:http';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type SocketEndpoint, splitHostPort } from '../base/endpoint.js';
import { type Outcome, outcome, printReport } from './terminal.js';

interface HealthOptions {
  readonly admin: SocketEndpoint;
  readonly live?: boolean;
  readonly timeout: number;
}

/** Where the admin API listens unless the configuration says otherwise. */
const ADMIN_PATH = '/run/sevenfold.sock';

export function register(program: Command): void {
  program
    .command('health')
    .description('ask a running sevenfold, by its admin API, whether it is ready')
    .addOption(
      new Option('--admin <address>', 'the admin API: unix:/PATH, or HOST:PORT')
        .argParser(readAddress)
        .default({ kind: 'unix', path: ADMIN_PATH }, `unix:${ADMIN_PATH}`)
        .env('SEVENFOLD_ADMIN'),
    )
    .option('--live', 'whether it runs at all, also while it starts or drains')
    .addOption(new Option('--timeout <seconds>', 'how long the answer may take').argParser(readSeconds).default(2))
    .action((options: HealthOptions) => printReport(() => health(options)));
}

/** Exit code 0 when it is, 1 when it is not, or does not answer. */
async function health({ admin, live, timeout }: HealthOptions): Promise<Outcome> {
  const path = live ? '/livez' : '/readyz';
  const shown = admin.kind === 'unix' ? `unix:${admin.path}` : `${admin.host}:${admin.port}`;
  try {
    const { status, text } = await ask(admin, path, timeout * 1000);
    if (status === 200) return outcome(0, `${live ? 'alive' : 'ready'}\n`);
    return outcome(
      1,
      '',
      `sevenfold health: not ready: ${shown}${path} answers ${status} (${text.trim().slice(0, 100)}).\n`,
    );
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    return outcome(
      1,
      '',
      `sevenfold health: no answer from ${shown} (${why}). Is 'admin' in the configuration, and does it run?\n`,
    );
  }
}

function ask(admin: SocketEndpoint, path: string, timeoutMs: number): Promise<{ status: number; text: string }> {
  const where = admin.kind === 'unix' ? { socketPath: admin.path } : { host: admin.host, port: admin.port };
  return new Promise((resolve, reject) => {
    const sent = request({ ...where, path, agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text += piece;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      reject(error.name === 'AbortError' ? new Error(`nothing within ${timeoutMs / 1000} s`) : error);
    });
    sent.end();
  });
}

function readAddress(text: string): SocketEndpoint {
  if (/^unix:./.test(text)) return { kind: 'unix', path: text.slice('unix:'.length) };
  const { host, port } = splitHostPort(text) ?? { host: '', port: '' };
  if (!/^\d{1,5}$/.test(port))
    throw new InvalidArgumentError('Expected unix:/PATH or HOST:PORT, such as 127.0.0.1:9901.');
  return { kind: 'tcp', host: host === '' ? '127.0.0.1' : host, port: Number(port) };
}

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 600))
    throw new InvalidArgumentError('Expected a number of seconds above 0, at most 600.');
  return seconds;
}
