// `sevenfold init`: writes a first configuration from flags, or from the answers to three questions.
// Owns asking, and that nothing is written that check would refuse. Leaves the text to first-config.ts.

import { existsSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { formatProblem } from '../base/problems.js';
import { parseConfig } from '../config/load.js';
import { compileRoutes } from '../config/routes.js';
import { firstConfig } from './first-config.js';
import { collect } from './options.js';
import { type Outcome, outcome, printReport } from './terminal.js';

interface InitOptions {
  readonly listen?: string;
  readonly backend: readonly string[];
  readonly cert?: string;
  readonly key?: string;
  readonly force?: boolean;
}

/** Asks a person; the answer without spaces around it. */
type Ask = (question: string) => Promise<string>;

export function register(program: Command): void {
  program
    .command('init')
    .description('write a first configuration, from flags or by asking three questions')
    .argument('[file]', 'what to write', 'sevenfold.yaml')
    .option('--listen <address>', 'where to listen, as in :8080 (with a certificate: :443)')
    .option('--backend <address>', 'a server to send requests to, HOST:PORT or unix:/PATH (repeatable)', collect, [])
    .option('--cert <file>', 'for TLS: the certificate with its chain, in PEM')
    .option('--key <file>', 'for TLS: its key')
    .option('--force', 'replace the file if there is one')
    .action((file: string, options: InitOptions, command: Command) => {
      if ((options.cert === undefined) !== (options.key === undefined))
        command.error('error: --cert and --key go together');
      const asks = options.backend.length === 0;
      if (asks && !process.stdin.isTTY)
        command.error('error: no servers: give --backend ADDRESS, or answer on a terminal');
      return printReport(() => (asks ? asking((ask) => init(file, options, ask)) : init(file, options)));
    });
}

/**
 * Writes `file`: exit code 0. What it would refuse is not written: exit code 2, with every problem. An existing file stays
 * without `force`: exit code 1. With `ask`, what the options leave open is asked.
 */
export async function init(file: string, options: InitOptions, ask?: Ask): Promise<Outcome> {
  if (existsSync(file) && !options.force)
    return outcome(1, '', `sevenfold init: ${file} exists. Choose another name, or replace it with --force.\n`);
  const { listen, servers, cert, key } = ask === undefined ? fromFlags(options) : await fromAnswers(options, ask);
  const fromFile = (name: string): string => (name.startsWith('/') ? name : relative(dirname(file), resolve(name)));
  const tls = cert === undefined || key === undefined ? undefined : { cert: fromFile(cert), key: fromFile(key) };
  const text = firstConfig({ listen, servers, tls });
  const { warnings } = compileRoutes(parseConfig(text, file));
  writeFileSync(file, text);
  const said = warnings.map((warning) => `warning: ${formatProblem(warning)}\n`).join('');
  return outcome(0, written(file, listen, servers, tls !== undefined), said);
}

interface Values {
  readonly listen: string;
  readonly servers: readonly string[];
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

function fromFlags({ listen, backend, cert, key }: InitOptions): Values {
  return { listen: listen ?? listenDefault(cert), servers: backend, cert, key };
}

const listenDefault = (cert: string | undefined): string => (cert === undefined ? ':8080' : ':443');

/** Three questions: servers, TLS and, as it depends on that, where to listen. */
async function fromAnswers(options: InitOptions, ask: Ask): Promise<Values> {
  let servers: string[] = [];
  while (servers.length === 0) {
    const answer = await ask('Which servers get the requests? HOST:PORT, several with commas: ');
    servers = answer.split(/[\s,]+/).filter((each) => each !== '');
  }
  let { cert, key } = options;
  if (cert === undefined) {
    const answer = await ask('TLS: the file of the certificate, or nothing for plain HTTP: ');
    if (answer !== '') {
      cert = answer;
      key = (await ask('and the file of its key: ')) || answer;
    }
  }
  const usual = options.listen ?? listenDefault(cert);
  return { listen: (await ask(`Where to listen? [${usual}] `)) || usual, servers, cert, key };
}

function written(file: string, listen: string, servers: readonly string[], isSecure: boolean): string {
  const scheme = isSecure ? 'https' : 'http';
  const host = listen.startsWith('unix:') ? 'localhost' : listen.replace(/^(?:0\.0\.0\.0|\[::\])?:/, 'localhost:');
  return `wrote ${file}: ${scheme} on ${listen}, to ${servers.join(' and ')}. Next:
  sevenfold explain -c ${file} 'GET ${scheme}://${host}/'
  sevenfold run -c ${file}
`;
}

/** Runs `what` with the person at the keyboard. */
async function asking<T>(what: (ask: Ask) => Promise<T>): Promise<T> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const left = new Promise<never>((_, reject) => {
    terminal.once('close', () => reject(new Error('no answer: nothing was written')));
  });
  left.catch(() => {}); // it also closes at the end
  try {
    return await what((question) => Promise.race([terminal.question(question).then((text) => text.trim()), left]));
  } finally {
    terminal.close();
  }
}
